//! Products of values rounded to bfloat16 on a GPU's matrix units, whose operands are 16-bit floats (f16).
//!
//! [`scaling`] brings the one into the range of the other.

mod language;
mod scaling;

use std::fmt::Write;

use laptime_graph::{Operation, Program, Role, TensorId};

use super::tiled::{Operand, find_tile, terms};
use crate::{
    shader::Shader,
    target::Matrices,
    tiles::{Product, Tile},
};
use language::{Language, SUBGROUPS};

/// Terms of a piece of the sum: as many as leave a thread sixteen pairs to load, where tiles are not narrow.
fn piece_of(tile: Tile) -> usize {
    match tile.m * tile.n {
        ..2048 => 64,
        _ => 32,
    }
}

/// Rows and columns of a tile at least: two matrices of 16, and such that threads store four neighbours.
const LEAST_TILE: usize = 32;

/// Values between the rows of a tile in workgroup memory, so that rows begin in different banks, at multiples of 16
/// bytes.
const GAP: usize = 8;

/// Whether a product is made so: of tiles and sums that have a matrix for each subgroup, and of values that were rounded.
pub(super) fn takes(
    matrices: Matrices,
    program: &Program,
    own: &Operation,
    product: &Product,
) -> bool {
    let is_rounded = |id: &TensorId| matches!(program.tensor(*id).role, Role::Rounded { .. });
    matrices.side().is_some_and(|side| product.k >= side)
        && product.tile.m.min(product.tile.n) >= LEAST_TILE
        && own.inputs[..2].iter().all(is_rounded)
}

/// The product as its operands should see it: with the pieces that its sum is taken in, or where these do not begin at
/// multiples of themselves, with pieces that nothing is a multiple of.
pub(super) fn in_pieces(product: &Product) -> Product {
    let k = match is_in_whole_pieces(product) {
        true => piece_of(product.tile),
        false => usize::MAX,
    };
    let tile = Tile { k, ..product.tile };
    Product { tile, ..*product }
}

fn is_in_whole_pieces(product: &Product) -> bool {
    product.splits == 1 || product.split_k().is_multiple_of(piece_of(product.tile))
}

/// One of the two operands.
struct Side<'a> {
    name: &'static str,
    is_a: bool,
    operand: &'a Operand,
    /// Of the result along it, and of a tile.
    extent: usize,
    tile: usize,
    /// Terms of a piece of the sum.
    piece: usize,
    language: Language,
}

impl Side<'_> {
    /// Values from one row of the tile in workgroup memory to the next: along the row they lie as in memory.
    fn stride(&self) -> usize {
        GAP + match self.operand.sum_is_contiguous {
            true => self.piece,
            false => self.tile,
        }
    }

    /// Whether these are rows of the matrix, and not columns.
    fn rows_are_apart(&self) -> bool {
        self.is_a == self.operand.sum_is_contiguous
    }

    /// Values of the tile in workgroup memory.
    fn values(&self) -> usize {
        self.stride()
            * match self.operand.sum_is_contiguous {
                true => self.tile,
                false => self.piece,
            }
    }

    /// Pairs that a thread loads of a piece.
    fn loads(&self) -> usize {
        self.tile * self.piece / 2 / self.language.threads()
    }

    /// Matrices of a subgroup along it.
    fn matrices(&self) -> usize {
        self.tile / 2 / self.language.side
    }

    /// Statements of each load or store, which find the place of their pair in the piece named.
    fn turns(&self, each: impl Fn(usize) -> String) -> String {
        let (along, across) = match self.operand.sum_is_contiguous {
            true => (("kk", self.piece), "place"),
            false => (("place", self.tile), "kk"),
        };
        let turns = 0..self.loads();
        let turns = turns.map(|turn| {
            format!(
                "{{ let at = thread + {}u; let {} = at % {2}u * 2u; let {across} = at / {2}u;\n{3} }}\n",
                turn * self.language.threads(),
                along.0,
                along.1 / 2,
                each(turn),
            )
        });
        turns.collect()
    }

    /// From memory into registers.
    fn load(&self, is_whole_sum: bool) -> String {
        let (name, start) = (self.name, if self.is_a { "m0" } else { "n0" });
        let guard = |place: &str, kk: &str| {
            let mut guards = Vec::new();
            if !self.extent.is_multiple_of(self.tile) {
                guards.push(format!("{start} + {place} < {}u", self.extent));
            }
            if !is_whole_sum {
                guards.push(format!("k0 + {kk} < k_end"));
            }
            guards.join(" && ")
        };
        let read = |into: &str, zero: &str, place: &str, kk: &str| {
            let read = format!("{into} = {name}_at({start} + {place}, k0, {kk});");
            match guard(place, kk) {
                guard if guard.is_empty() => read,
                guard => format!("{into} = {zero}; if {guard} {{ {read} }}"),
            }
        };
        self.turns(|turn| {
            let next = format!("{name}_next{turn}");
            if self.operand.in_pairs {
                return read(&next, self.operand.zero(), "place", "kk");
            }
            let (place, kk) = match self.operand.sum_is_contiguous {
                true => ("place", "(kk + 1u)"),
                false => ("(place + 1u)", "kk"),
            };
            let first = read(&format!("{next}.x"), "0.0", "place", "kk");
            format!("{first} {}", read(&format!("{next}.y"), "0.0", place, kk))
        })
    }

    /// From registers into workgroup memory, scaled.
    fn store(&self) -> String {
        let (name, of) = (self.name, if self.is_a { "x" } else { "y" });
        let stride = self.stride() / 2;
        let at = match self.operand.sum_is_contiguous {
            true => format!("place * {stride}u + kk / 2u"),
            false => format!("kk * {stride}u + place / 2u"),
        };
        self.turns(|turn| {
            let pair = self
                .language
                .to_pair(&format!("{name}_next{turn} * scale.{of}"));
            format!("{name}_tile[{at}] = {pair};")
        })
    }

    /// The largest power of the next piece, for the whole workgroup.
    fn largest(&self) -> String {
        let (name, number) = (self.name, usize::from(!self.is_a));
        let mut largest = format!("power_of({name}_next0)");
        for turn in 1..self.loads() {
            largest = format!("max({largest}, power_of({name}_next{turn}))");
        }
        let largest = self.language.largest(&largest);
        format!(
            "{{ let power = {largest} >> 24u; if lane == 0u {{ largest[{number}][subgroup] = power; }} }}\n"
        )
    }
}

/// The kernel of a product, behind the functions `a_at`, `b_at` and `store`.
pub(super) fn text(shader: &mut Shader, product: &Product, a: &Operand, b: &Operand) -> String {
    let Product { m, n, k, tile, .. } = *product;
    let language = Language::of(shader.target);
    let (matrix_side, lanes, stride) = (language.side, language.lanes, language.result_stride());
    shader.enables = language.enables();
    let piece = piece_of(tile);
    let side = |name, is_a, operand, extent, tile| Side {
        name,
        is_a,
        operand,
        extent,
        tile,
        piece,
        language,
    };
    let sides = [
        side("a", true, a, m, tile.m),
        side("b", false, b, n, tile.n),
    ];
    let of_both = |text: &dyn Fn(&Side) -> String| sides.iter().map(text).collect::<String>();
    let [rows, columns] = [0, 1].map(|side: usize| sides[side].matrices());
    let of_all = |text: &dyn Fn(usize, usize) -> String| {
        let all = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
        all.map(|(i, j)| text(i, j)).collect::<String>()
    };
    let of_subgroup = matrix_side * stride;
    let mut text = of_both(&|side| {
        let (name, pair) = (side.name, language.pair());
        format!(
            "var<workgroup> {name}_tile: array<{pair}, {}>;\n",
            side.values() / 2
        )
    });
    let _ = write!(
        text,
        "var<workgroup> largest: array<vec4<u32>, 2>;\n\
         var<workgroup> results: array<f32, {}>;\n{}{}",
        SUBGROUPS * of_subgroup,
        scaling::TEXT,
        language.functions(),
    );
    let _ = write!(
        text,
        "{}{}\
         let row = subgroup / 2u * {}u;\nlet column = subgroup % 2u * {}u;\n\
         let of_subgroup = subgroup * {of_subgroup}u;\n",
        language.entry(),
        find_tile(product),
        tile.m / 2,
        tile.n / 2,
    );
    let [begin, end] = terms(product);
    text += &of_both(&|side| {
        let turns = 0..side.loads();
        turns
            .map(|turn| format!("var {}_next{turn} = vec2<f32>();\n", side.name))
            .collect()
    });
    let is_whole_sum = is_in_whole_pieces(product) && k.is_multiple_of(piece);
    let load = of_both(&|side| side.load(is_whole_sum));
    let largest = of_both(&|side| side.largest());
    let store = of_both(&|side| side.store());
    let _ = write!(
        text,
        "let k_begin = {begin};\nlet k_end = {end};\n{{ let k0 = k_begin;\n{load}}}\n{largest}\
         for (var at = lane; at < {of_subgroup}u; at += {lanes}u) {{ results[of_subgroup + at] = 0.0; }}\n\
         workgroupBarrier();\n{}var power = vec2<u32>(17u);\n",
        of_all(&|i, j| format!("var c{i}_{j} = {};\n", language.zeros())),
    );
    let _ = write!(
        text,
        "for (var piece = k_begin; piece < k_end; piece += {piece}u) {{\n\
         let of_a = largest[0];\nlet of_b = largest[1];\n\
         let found = max(power, vec2<u32>(max(max(of_a.x, of_a.y), max(of_a.z, of_a.w)), \
         max(max(of_b.x, of_b.y), max(of_b.z, of_b.w))));\n\
         if any(found != power) {{\n\
         let grown = found - power;\n\
         let down = power_of_two(-i32(min(grown.x + grown.y, 126u)));\n{}\
         power = found;\n}}\n\
         let scale = scale_of(power);\n{store}workgroupBarrier();\n\
         let k0 = piece + {piece}u;\nif k0 < k_end {{\n{load}}}\n",
        of_all(&|i, j| format!("c{i}_{j} = c{i}_{j} * down;\n")),
    );
    for first in (0..piece).step_by(matrix_side) {
        text += "{\n";
        text += &of_both(&|side| {
            let numbers = 0..side.matrices();
            let start = if side.is_a { "row" } else { "column" };
            let matrices = numbers.map(|number| {
                let (place, stride) = (
                    format!("({start} + {}u)", number * matrix_side),
                    side.stride(),
                );
                let at = match side.operand.sum_is_contiguous {
                    true => format!("{place} * {stride}u + {first}u"),
                    false => format!("{}u + {place}", first * stride),
                };
                format!(
                    "let {}{number} = {};\n",
                    side.name,
                    language.load(side.name, &at, side.stride(), side.rows_are_apart())
                )
            });
            matrices.collect()
        });
        text += &of_all(&|i, j| {
            let names = [format!("a{i}"), format!("b{j}"), format!("c{i}_{j}")];
            language.multiply_add([0, 1, 2].map(|of: usize| names[of].as_str()))
        });
        text += "}\n";
    }
    let _ = write!(
        text,
        "{largest}workgroupBarrier();\n}}\n\
         // In halves, each a normal number: what is too large or small for one may not be so for both.\n\
         let up = i32(power.x + power.y) - 286;\n\
         let first_half = power_of_two(up >> 1u);\nlet second_half = power_of_two(up - (up >> 1u));\n"
    );
    text += &of_all(&|i, j| {
        let next = match (i, j) {
            (0, 0) => "",
            _ => "workgroupBarrier();\n",
        };
        let store = language.store(&format!("c{i}_{j}"));
        let (values, across) = (matrix_side * matrix_side / 4, matrix_side / 4);
        let (below, beside) = (i * matrix_side, j * matrix_side);
        format!(
            "{next}{store}workgroupBarrier();\n\
             for (var at = lane; at < {values}u; at += {lanes}u) {{\n\
             let r = at / {across}u;\nlet c = at % {across}u * 4u;\n\
             let first = of_subgroup + r * {stride}u + c;\n\
             let sums = vec4<f32>(results[first], results[first + 1u], results[first + 2u], results[first + 3u]);\n\
             store(m0 + row + {below}u + r, n0 + column + {beside}u + c, sums * first_half * second_half, group);\n}}\n",
        )
    });
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    #[test]
    fn tiles_keep_to_what_every_adapter_has() {
        let of = |matrices, subgroup| {
            Language::of(Target {
                matrices,
                subgroup,
                ..Target::CARD
            })
        };
        let languages = [
            of(Matrices::Imitated, 1),
            of(Matrices::Cooperative { side: 16 }, 32),
            of(Matrices::Cooperative { side: 8 }, 32),
            of(Matrices::Cooperative { side: 8 }, 8),
        ];
        let tiles = [(64, 64), (32, 64), (64, 32), (32, 32)];
        let of_each = |language: Language| tiles.map(|(m, n)| (language, m, n));
        for (language, m, n) in languages.into_iter().flat_map(of_each) {
            for (of_a, of_b) in [(true, true), (true, false), (false, true), (false, false)] {
                let tile = Tile {
                    m,
                    n,
                    k: 32,
                    thread_m: 4,
                    thread_n: 4,
                    slices: 1,
                };
                let halves = [(tile.m, of_a), (tile.n, of_b)].map(|(extent, sum_is_contiguous)| {
                    let operand = Operand {
                        body: String::new(),
                        sum_is_contiguous,
                        in_pairs: true,
                    };
                    let side = Side {
                        name: "",
                        is_a: true,
                        operand: &operand,
                        extent,
                        tile: extent,
                        piece: piece_of(tile),
                        language,
                    };
                    // Matrices begin at multiples of 16 bytes, and so do their rows.
                    assert!(side.stride().is_multiple_of(8));
                    // Every thread has as many pairs to load.
                    assert_eq!(side.loads() * language.threads() * 2, extent * side.piece);
                    side.values()
                });
                let results = SUBGROUPS * language.side * language.result_stride();
                let bytes = 2 * (halves[0] + halves[1]) + 4 * results + 32;
                // What imitates matrices exchanges a word a thread.
                assert!(
                    bytes + 4 * language.threads() <= 16 << 10,
                    "{tile:?}: {bytes}"
                );
            }
        }
    }
}
