use super::{
    Definition,
    iteration::{
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};

// (g, w, u) → (w, u), in place.
pub use laptime_workload::Sgd;

impl Definition for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        let mut constants = vec![
            ("learning_rate", self.learning_rate.to_string()),
            ("momentum", self.momentum.to_string()),
        ];
        if self.nesterov {
            constants.push(("nesterov", "true".into()));
        }
        constants
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let place = at(axes.outputs[0]);
        let [g, w, u] = [0, 1, 2].map(|input| Input(input).at(&place[..]));
        let [new_w, new_u] = [0, 1].map(|output| Output(output).at(&place[..]));
        let step = match self.nesterov {
            true => Space::each(4, &[&g, &w, &new_u], &[&new_w]),
            false => Space::each(2, &[&w, &new_u], &[&new_w]),
        };
        vec![Space::each(2, &[&g, &u], &[&new_u]), step].into()
    }

    fn is_update(&self) -> bool {
        true
    }
}
