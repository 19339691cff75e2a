use super::{
    Definition,
    iteration::{
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};

/// (g, w, u) → (w, u), in place: `u ← momentum·u + g`, `w ← w − learning_rate·u`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Step size.
    pub learning_rate: f64,
    /// How much of the velocity u is kept.
    pub momentum: f64,
}

impl Definition for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![
            ("learning_rate", self.learning_rate.to_string()),
            ("momentum", self.momentum.to_string()),
        ]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let place = at(axes.outputs[0]);
        let [g, w, u] = [0, 1, 2].map(|input| Input(input).at(&place[..]));
        let [new_w, new_u] = [0, 1].map(|output| Output(output).at(&place[..]));
        vec![
            Space::each(2, &[&g, &u], &[&new_u]),
            Space::each(2, &[&w, &new_u], &[&new_w]),
        ]
        .into()
    }

    fn is_update(&self) -> bool {
        true
    }
}
