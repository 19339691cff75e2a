use laptime_graph::{Activate, ActivateGrad, formulas::Formula, with_formula};

use super::each::{Each, Reading};
use crate::shader::{InText, POWER};

impl Each for Activate {
    fn value(&self, at: &mut Reading) -> String {
        let mut text = InText::default();
        let x = text.value(&at.input(0, "i"));
        let y = with_formula!(self.0, |formula| formula.forward(&mut text, x));
        at.shader.not_finite();
        at.shader.function(POWER.into());
        let (x, y) = (x.name(), y.name());
        format!("{}v = select({y}, {x}, is_nan({x}));\n", text.text)
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
        let (kept, dy, dx) = (kept.name(), dy.name(), dx.name());
        format!(
            "{}v = select(select({dx}, {dy}, is_nan({dy})), {kept}, is_nan({kept}));\n",
            text.text
        )
    }
}
