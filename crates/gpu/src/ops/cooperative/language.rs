//! Matrices in `wgpu`'s dialect of WGSL, and in plain WGSL.

use crate::target::{Matrices, Target};

/// Subgroups of a workgroup, two by two over its tile.
pub(super) const SUBGROUPS: usize = 4;

/// Matrices of 16 × 16, by subgroups of 32, where there are no matrix units: a thread has eight neighbours of a row of the
/// result, and an operand is the place of its first value in its tile, with the steps along rows and columns.
const IMITATED: &str = "\
var<workgroup> exchanged: array<u32, 128>;
fn subgroup_max(v: u32, thread: u32) -> u32 {
    exchanged[thread] = v;
    workgroupBarrier();
    var largest = 0u;
    for (var other = 0u; other < 32u; other++) {
        largest = max(largest, exchanged[thread / 32u * 32u + other]);
    }
    workgroupBarrier();
    return largest;
}
fn multiply_add(a: vec3<u32>, b: vec3<u32>, before: mat4x2<f32>, lane: u32) -> mat4x2<f32> {
    var c = before;
    for (var e = 0u; e < 8u; e++) {
        var sum = c[e / 2u][e % 2u];
        for (var k = 0u; k < 16u; k++) {
            let of_a = a.x + lane / 2u * a.y + k * a.z;
            let of_b = b.x + k * b.y + (lane % 2u * 8u + e) * b.z;
            let pair_of_a = unpack2x16float(a_tile[of_a / 2u]);
            let pair_of_b = unpack2x16float(b_tile[of_b / 2u]);
            sum = fma(pair_of_a[of_a % 2u], pair_of_b[of_b % 2u], sum);
        }
        c[e / 2u][e % 2u] = sum;
    }
    return c;
}
fn put(made: mat4x2<f32>, first: u32, lane: u32) {
    var c = made;
    for (var e = 0u; e < 8u; e++) {
        results[first + lane / 2u * 20u + lane % 2u * 8u + e] = c[e / 2u][e % 2u];
    }
}
";

/// The two ways to write what is done with matrices.
#[derive(Clone, Copy)]
pub(super) struct Language {
    imitated: bool,
    /// Rows and columns of a matrix that a subgroup multiplies.
    pub(super) side: usize,
    /// Threads of a subgroup.
    pub(super) lanes: usize,
}

impl Language {
    /// The target's, which has some.
    pub(super) fn of(target: Target) -> Self {
        let imitated = target.matrices == Matrices::Imitated;
        Self {
            imitated,
            side: target.matrices.side().expect("it has matrices"),
            lanes: if imitated { 32 } else { target.subgroup },
        }
    }

    /// The extensions that a text begins with.
    pub(super) fn enables(self) -> &'static str {
        match self.imitated {
            true => "",
            false => "enable f16;\nenable wgpu_cooperative_matrix;\n",
        }
    }

    /// The type of a matrix of this role.
    fn matrix(self, of: &str, role: &str) -> String {
        let side = self.side;
        format!("coop_mat{side}x{side}<{of}, {role}>")
    }

    /// Threads of a workgroup.
    pub(super) fn threads(self) -> usize {
        SUBGROUPS * self.lanes
    }

    /// Values from one row of a subgroup's results to the next.
    pub(super) fn result_stride(self) -> usize {
        self.side + 4
    }

    /// Two neighbours as they are multiplied.
    pub(super) fn pair(self) -> &'static str {
        match self.imitated {
            true => "u32",
            false => "vec2<f16>",
        }
    }

    pub(super) fn to_pair(self, pair: &str) -> String {
        match self.imitated {
            true => format!("pack2x16float({pair})"),
            false => format!("vec2<f16>({pair})"),
        }
    }

    /// A matrix of an operand, `a` or `b`, from the place `at` in its tile, whose rows, or else columns, are `stride` apart.
    pub(super) fn load(self, name: &str, at: &str, stride: usize, rows_are_apart: bool) -> String {
        match (self.imitated, rows_are_apart) {
            (true, true) => format!("vec3<u32>({at}, {stride}u, 1u)"),
            (true, false) => format!("vec3<u32>({at}, 1u, {stride}u)"),
            (false, _) => format!(
                "coopLoad{}<{}>(&{name}_tile[({at}) / 2u], {}u)",
                if rows_are_apart { "T" } else { "" },
                self.matrix("f16", &name.to_uppercase()),
                stride / 2,
            ),
        }
    }

    pub(super) fn zeros(self) -> String {
        match self.imitated {
            true => "mat4x2<f32>()".into(),
            false => {
                let (matrix, stride) = (self.matrix("f32", "C"), self.result_stride());
                format!("coopLoadT<{matrix}>(&results[of_subgroup], {stride}u)")
            }
        }
    }

    pub(super) fn multiply_add(self, [a, b, c]: [&str; 3]) -> String {
        match self.imitated {
            true => format!("{c} = multiply_add({a}, {b}, {c}, lane);\n"),
            false => format!("{c} = coopMultiplyAdd({a}, {b}, {c});\n"),
        }
    }

    pub(super) fn store(self, c: &str) -> String {
        match self.imitated {
            true => format!("put({c}, of_subgroup, lane);\n"),
            false => {
                let stride = self.result_stride();
                format!("coopStoreT({c}, &results[of_subgroup], {stride}u);\n")
            }
        }
    }

    pub(super) fn largest(self, value: &str) -> String {
        match self.imitated {
            true => format!("subgroup_max({value}, thread)"),
            false => format!("subgroupMax({value})"),
        }
    }

    /// Declarations behind those of the arrays.
    pub(super) fn functions(self) -> &'static str {
        match self.imitated {
            true => IMITATED,
            false => "",
        }
    }

    /// The head of the kernel, which names `thread`, `subgroup` and `lane`.
    pub(super) fn entry(self) -> String {
        let (threads, lanes) = (self.threads(), self.lanes);
        let (builtins, names) = match self.imitated {
            true => (
                "@builtin(local_invocation_index) thread: u32",
                format!("let subgroup = thread / {lanes}u;\nlet lane = thread % {lanes}u;\n"),
            ),
            false => (
                "@builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32",
                format!("let thread = subgroup * {lanes}u + lane;\n"),
            ),
        };
        format!(
            "@compute @workgroup_size({threads})\n\
             fn main(@builtin(workgroup_id) group: vec3<u32>, \
             @builtin(num_workgroups) groups: vec3<u32>, {builtins}) {{\n{names}"
        )
    }
}
