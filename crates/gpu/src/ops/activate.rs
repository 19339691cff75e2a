use laptime_graph::{
    Activate, ActivateGrad,
    formulas::{Formula, Keeps},
    with_formula,
};

use super::each::{Each, Reading};
use crate::shader::{InText, POWER};

fn keeps_sign<F: Formula>(_: F) -> bool {
    F::KEEPS == Keeps::Sign
}

impl Each for Activate {
    fn value(&self, at: &mut Reading) -> String {
        let mut text = InText::default();
        let x = text.value(&at.input(0, "i"));
        let y = with_formula!(self.0, |formula| formula.forward(&mut text, x));
        at.shader.not_finite();
        at.shader.function(POWER.into());
        let (x, y, loses_nan) = (x.name(), y.name(), text.loses_nan);
        let y = match loses_nan {
            true => format!("select({y}, {x}, is_nan({x}))"),
            false => y,
        };
        // In a block, so that another one may follow.
        format!("{{\n{}v = {y};\n}}\n", text.text)
    }
}

impl Each for ActivateGrad {
    fn value(&self, at: &mut Reading) -> String {
        let mut text = InText::default();
        let kept = text.value(&at.input(0, "i"));
        let dy = text.value(&at.input(1, "i"));
        let dx = with_formula!(self.0, |formula| formula.gradient(&mut text, kept, dy));
        at.shader.not_finite();
        at.shader.function(POWER.into());
        let (kept, dy, mut dx) = (kept.name(), dy.name(), dx.name());
        if !with_formula!(self.0, |formula| keeps_sign(formula)) {
            dx = format!("select(select({dx}, {dy}, is_nan({dy})), {kept}, is_nan({kept}))");
        }
        format!("{{\n{}v = {dx};\n}}\n", text.text)
    }
}
