//! The formulas of activations as text.

use std::fmt::Write as _;

use laptime_graph::formulas::Algebra;

use super::number;

/// Statements that a formula becomes, each value a `let` of its own.
#[derive(Default)]
pub(crate) struct InText {
    pub(crate) text: String,
    /// Whether something in it may make a number of what is none.
    pub(crate) loses_nan: bool,
    values: usize,
}

/// A value, by its number.
#[derive(Clone, Copy)]
pub(crate) struct Value(usize);

impl Value {
    pub(crate) fn name(self) -> String {
        format!("value{}", self.0)
    }
}

impl InText {
    /// A value that an expression has.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let value = Value(self.values);
        self.values += 1;
        writeln!(self.text, "let {} = {expression};", value.name())
            .expect("a string takes any text");
        value
    }

    fn joined(&mut self, a: Value, sign: &str, b: Value) -> Value {
        self.value(&format!("{} {sign} {}", a.name(), b.name()))
    }
}

/// eᵛ where every device has it; above ∞, which WGSL's `exp` need not give, and has no constant for.
pub(crate) const POWER: &str = "\
fn power(v: f32) -> f32 {
    let infinite = bitcast<f32>((bitcast<u32>(v) & 0u) | 0x7f800000u);
    return select(exp(clamp(v, -87.0, 88.0)), infinite, v > 88.0);
}
";

impl Algebra for InText {
    type Value = Value;
    type Mask = Value;

    fn constant(&mut self, value: f64) -> Value {
        self.value(&number(value))
    }

    fn add(&mut self, a: Value, b: Value) -> Value {
        self.joined(a, "+", b)
    }

    fn sub(&mut self, a: Value, b: Value) -> Value {
        self.joined(a, "-", b)
    }

    fn mul(&mut self, a: Value, b: Value) -> Value {
        self.joined(a, "*", b)
    }

    fn quotient(&mut self, a: Value, b: Value) -> Value {
        self.joined(a, "/", b)
    }

    fn mul_add(&mut self, a: Value, b: Value, c: Value) -> Value {
        self.value(&format!("{} * {} + {}", a.name(), b.name(), c.name()))
    }

    fn max(&mut self, a: Value, b: Value) -> Value {
        let (a, b) = (a.name(), b.name());
        self.value(&format!("select(max({a}, {b}), {b}, is_nan({b}))"))
    }

    fn greater(&mut self, a: Value, b: Value) -> Value {
        self.loses_nan = true;
        self.joined(a, ">", b)
    }

    fn select(&mut self, mask: Value, yes: Value, no: Value) -> Value {
        self.value(&format!(
            "select({}, {}, {})",
            no.name(),
            yes.name(),
            mask.name()
        ))
    }

    fn keep(&mut self, mask: Value, a: Value) -> Value {
        self.value(&format!("select(0.0, {}, {})", a.name(), mask.name()))
    }

    fn exp(&mut self, a: Value) -> Value {
        self.loses_nan = true;
        self.value(&format!("power({})", a.name()))
    }
}
