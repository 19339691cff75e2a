//! The loops of a product. A workgroup makes a tile of C, taking a piece of the sum at a time into workgroup
//! memory; a thread has a few rows and columns of it in registers.
//!
//! What makes it fast on a real GPU (Volkov 2010, "Better performance at lower occupancy"; NVIDIA's CUTLASS):
//! the next piece is loaded into registers while the sum goes over this one, so that memory's latency is hidden
//! where an adapter has one workgroup for each multiprocessor; workgroup memory is read in vectors; all loops
//! inside a piece have a constant number of turns; and threads of a small tile share out the sum as well
//! (`Tile::slices`), so that each has several rows and columns all the same.

use std::fmt::Write;

use laptime_graph::TensorId;

use crate::{
    shader::Shader,
    tiles::{Product, Tile},
};

/// Turns of the sum in a row in the text.
const UNROLLED: usize = 8;

/// How an operand is read.
pub(crate) struct Operand {
    /// A body that returns the value at (`p`, `k0` + `kk`): p is the place along the result, k0
    /// the same for all threads.
    pub(super) body: String,
    /// Whether neighbours along the sum are neighbours in memory, and so should be neighbouring
    /// threads'.
    pub(super) sum_is_contiguous: bool,
    /// Whether the body returns two neighbours in memory, of an even place and the next: they lie in one word.
    pub(super) in_pairs: bool,
}

impl Operand {
    /// A tensor that is read at an index of `p` and `k`.
    pub(super) fn plain(
        shader: &mut Shader,
        id: TensorId,
        index: &str,
        sum_is_contiguous: bool,
    ) -> Self {
        Self {
            body: format!("let k = k0 + kk;\nreturn {};\n", shader.operand(id, index)),
            sum_is_contiguous,
            in_pairs: shader.is_packed(id),
        }
    }

    /// What the body returns.
    pub(super) fn kind(&self) -> &'static str {
        match self.in_pairs {
            true => "vec2<f32>",
            false => "f32",
        }
    }

    /// Values that it returns.
    fn values(&self) -> usize {
        match self.in_pairs {
            true => 2,
            false => 1,
        }
    }

    /// None of them.
    pub(super) fn zero(&self) -> &'static str {
        match self.in_pairs {
            true => "vec2<f32>()",
            false => "0.0",
        }
    }
}

/// One of the two operands: what its tile in workgroup memory is like.
struct Side<'a> {
    name: &'static str,
    operand: &'a Operand,
    /// Of the result along it, and of a tile.
    extent: usize,
    tile: usize,
    /// Values of a thread, which are read as one vector.
    vector: usize,
    /// The first of the workgroup's.
    start: &'static str,
}

impl Side<'_> {
    /// Vectors from one term of the sum to the next: one more than the tile, so that threads that go along the
    /// sum write to different banks.
    fn stride(&self) -> usize {
        self.tile / self.vector + 1
    }

    fn kind(&self) -> String {
        format!("vec{}<f32>", self.vector)
    }

    /// Loads of each thread for a piece.
    fn loads(&self, tile: Tile) -> usize {
        (self.tile * tile.k / self.operand.values()).div_ceil(tile.threads())
    }

    /// The turns of a load or a store, each with its place in the piece.
    fn turns(&self, tile: Tile, each: impl Fn(usize) -> String) -> String {
        let loads = self.tile * tile.k / self.operand.values();
        let along = |extent: usize| match self.operand.in_pairs {
            true => format!("at % {}u * 2u", extent / 2),
            false => format!("at % {extent}u"),
        };
        let across = |extent: usize| format!("at / {}u", extent / self.operand.values());
        let place = if self.operand.sum_is_contiguous {
            format!(
                "let place = {}; let kk = {};",
                across(tile.k),
                along(tile.k)
            )
        } else {
            format!(
                "let place = {}; let kk = {};",
                along(self.tile),
                across(self.tile)
            )
        };
        let mut text = String::new();
        for turn in 0..self.loads(tile) {
            let first = turn * tile.threads();
            let body = format!("let at = thread + {first}u; {place}\n{}", each(turn));
            let _ = match first + tile.threads() > loads {
                false => writeln!(text, "{{ {body} }}"),
                true => writeln!(text, "if thread < {}u {{ {body} }}", loads - first),
            };
        }
        text
    }

    /// From memory into registers.
    fn load(&self, product: &Product) -> String {
        let Self { name, start, .. } = self;
        let mut guards = Vec::new();
        if !self.extent.is_multiple_of(self.tile) {
            guards.push(format!("{start} + place < {}u", self.extent));
        }
        if !product.k.is_multiple_of(product.tile.k) {
            guards.push("k0 + kk < k_end".into());
        }
        let guard = guards.join(" && ");
        self.turns(product.tile, |turn| {
            let read = format!("{name}_next{turn} = {name}_at({start} + place, k0, kk);");
            match guard.is_empty() {
                true => read,
                false => {
                    let zero = self.operand.zero();
                    format!("{name}_next{turn} = {zero}; if {guard} {{ {read} }}")
                }
            }
        })
    }

    /// From registers into workgroup memory.
    fn store(&self, tile: Tile) -> String {
        let Self { name, vector, .. } = self;
        let stride = self.stride();
        self.turns(tile, |turn| {
            let one = |kk: &str, place: &str, of: &str| {
                format!(
                    "{name}_tile[{kk} * {stride}u + place / {vector}u][{place} % {vector}u] = {name}_next{turn}{of};"
                )
            };
            match (self.operand.in_pairs, self.operand.sum_is_contiguous) {
                (false, _) => one("kk", "place", ""),
                (true, true) => one("kk", "place", ".x") + &one("(kk + 1u)", "place", ".y"),
                // Vectors have an even number of values, so that both are in the same.
                (true, false) => one("kk", "place", ".x") + &one("kk", "(place + 1u)", ".y"),
            }
        })
    }
}

/// Statements that find a workgroup's tile: where its rows and its columns of the result begin.
pub(super) fn find_tile(product: &Product) -> String {
    let [across, down] = product.tiles();
    let Tile { m, n, .. } = product.tile;
    format!(
        "let block = group.y * groups.x + group.x;\n\
         if block >= {}u {{ return; }}\n\
         let m0 = block / {across}u * {m}u;\nlet n0 = block % {across}u * {n}u;\n",
        across * down
    )
}

/// The first term of a workgroup's sum, and the one behind its last.
pub(super) fn terms(product: &Product) -> [String; 2] {
    let k = product.k;
    match (product.splits, product.split_k()) {
        (1, _) => ["0u".into(), format!("{k}u")],
        (_, split_k) => [
            format!("group.z * {split_k}u"),
            format!("min({k}u, (group.z + 1u) * {split_k}u)"),
        ],
    }
}

/// The kernel of a product, behind the functions `a_at`, `b_at` and `store`.
pub(super) fn text(product: &Product, a: &Operand, b: &Operand) -> String {
    let Product { m, n, tile, .. } = *product;
    let sides = [
        Side {
            name: "a",
            operand: a,
            extent: m,
            tile: tile.m,
            vector: tile.thread_m,
            start: "m0",
        },
        Side {
            name: "b",
            operand: b,
            extent: n,
            tile: tile.n,
            vector: tile.thread_n,
            start: "n0",
        },
    ];
    let of_both = |text: &dyn Fn(&Side) -> String| sides.iter().map(text).collect::<String>();
    let columns = tile.n / tile.thread_n;
    let mut text = of_both(&|side| {
        let (name, kind) = (side.name, side.kind());
        format!(
            "var<workgroup> {name}_tile: array<{kind}, {}>;\n",
            tile.k * side.stride()
        )
    });
    let of_slice = tile.threads() / tile.slices;
    let _ = write!(
        text,
        "@compute @workgroup_size({})\n\
         fn main(@builtin(workgroup_id) group: vec3<u32>, \
         @builtin(num_workgroups) groups: vec3<u32>, \
         @builtin(local_invocation_index) thread: u32) {{\n\
         {}\
         let slice = thread / {of_slice}u;\n\
         let row = thread % {of_slice}u / {columns}u;\nlet column = thread % {columns}u;\n",
        tile.threads(),
        find_tile(product),
    );
    let [begin, end] = terms(product);
    text += &of_both(&|side| {
        let turns = 0..side.loads(tile);
        turns
            .map(|turn| format!("var {}_next{turn} = {};\n", side.name, side.operand.zero()))
            .collect()
    });
    for_each(tile, |i, j| writeln!(text, "var c{i}_{j} = 0.0;"));
    let load = of_both(&|side| side.load(product));
    let store = of_both(&|side| side.store(tile));
    let _ = write!(
        text,
        "let k_begin = {begin};\nlet k_end = {end};\n{{ let k0 = k_begin;\n{load}}}\n\
         for (var piece = k_begin; piece < k_end; piece += {0}u) {{\n{store}workgroupBarrier();\n\
         let k0 = piece + {0}u;\nif k0 < k_end {{\n{load}}}\n",
        tile.k
    );
    text += &sum(tile, &sides);
    text += "workgroupBarrier();\n}\n";
    if tile.slices == 1 {
        for i in 0..tile.thread_m {
            text += &store_of(tile, i, &row_of(tile, &sides[1], i));
        }
    } else {
        text += &sum_of_slices(tile, &sides[1]);
    }
    text + "}\n"
}

/// Adds this slice's terms of the piece.
fn sum(tile: Tile, sides: &[Side; 2]) -> String {
    let terms = tile.k / tile.slices;
    let turns = UNROLLED.min(terms);
    let mut text = format!(
        "for (var turn = 0u; turn < {terms}u; turn += {turns}u) {{\n\
         let first = slice * {terms}u + turn;\n"
    );
    for turn in 0..turns {
        let [a, b] = sides;
        let _ = writeln!(
            text,
            "{{ let kk = first + {turn}u;\nlet a = a_tile[kk * {}u + row];\nlet b = b_tile[kk * {}u + column];",
            a.stride(),
            b.stride()
        );
        for_each(tile, |i, j| {
            writeln!(text, "c{i}_{j} = fma(a[{i}], b[{j}], c{i}_{j});")
        });
        text += "}\n";
    }
    text + "}\n"
}

/// Adds what the slices have, row by row in their order, and stores it: rows are shared out among the slices.
/// They meet in the tile of B, which no one reads any more and which has room for a vector of each thread.
fn sum_of_slices(tile: Tile, b: &Side) -> String {
    let of_slice = tile.threads() / tile.slices;
    let mut text = format!("let own = thread % {of_slice}u;\n");
    for i in 0..tile.thread_m {
        let owner = i * tile.slices / tile.thread_m;
        let _ = write!(
            text,
            "b_tile[thread] = {};\nworkgroupBarrier();\n\
             if slice == {owner}u {{\nvar sum = b_tile[own];\n",
            row_of(tile, b, i)
        );
        for slice in 1..tile.slices {
            let _ = writeln!(text, "sum += b_tile[own + {}u];", slice * of_slice);
        }
        text += &store_of(tile, i, "sum");
        text += "}\n";
        if i + 1 < tile.thread_m {
            text += "workgroupBarrier();\n";
        }
    }
    text
}

/// What a thread has of a row, as a vector.
fn row_of(tile: Tile, b: &Side, i: usize) -> String {
    let values: Vec<String> = (0..tile.thread_n).map(|j| format!("c{i}_{j}")).collect();
    format!("{}({})", b.kind(), values.join(", "))
}

fn store_of(tile: Tile, i: usize, made: &str) -> String {
    let Tile {
        thread_m, thread_n, ..
    } = tile;
    format!("store(m0 + row * {thread_m}u + {i}u, n0 + column * {thread_n}u, {made}, group);\n")
}

fn for_each(tile: Tile, mut each: impl FnMut(usize, usize) -> std::fmt::Result) {
    for i in 0..tile.thread_m {
        for j in 0..tile.thread_n {
            each(i, j).expect("a string takes any text");
        }
    }
}
