use super::{
    Definition,
    iteration::{
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};

/// (g, w, m, v) → (w, m, v), in place: Adam (Kingma & Ba 2015) in Keras's form. With t counting steps from 1:
/// `m ← m + (1−β₁)(g − m)`, `v ← v + (1−β₂)(g² − v)`,
/// `w ← w − learning_rate·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the uncorrected second moment.
    pub epsilon: f64,
}

impl Definition for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![
            ("learning_rate", self.learning_rate.to_string()),
            ("beta1", self.beta1.to_string()),
            ("beta2", self.beta2.to_string()),
            ("epsilon", format!("{:e}", self.epsilon)),
        ]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let place = at(axes.outputs[0]);
        let [g, w, m, v] = [0, 1, 2, 3].map(|input| Input(input).at(&place[..]));
        let [new_w, new_m, new_v] = [0, 1, 2].map(|output| Output(output).at(&place[..]));
        vec![
            Space::each(3, &[&g, &m], &[&new_m]),
            Space::each(4, &[&g, &v], &[&new_v]),
            Space::each(5, &[&w, &new_m, &new_v], &[&new_w]),
        ]
        .into()
    }

    fn is_update(&self) -> bool {
        true
    }
}
