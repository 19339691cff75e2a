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
        if let Some(weight_decay) = self.weight_decay {
            constants.push(("weight_decay", weight_decay.to_string()));
        }
        constants
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let place = at(axes.outputs[0]);
        let [g, w, u] = [0, 1, 2].map(|input| Input(input).at(&place[..]));
        let [new_w, new_u] = [0, 1].map(|output| Output(output).at(&place[..]));
        let velocity = match self.weight_decay {
            Some(_) => Space::each(4, &[&g, &w, &u], &[&new_u]),
            None => Space::each(2, &[&g, &u], &[&new_u]),
        };
        let step = match self.nesterov {
            true => Space::each(4, &[&g, &w, &new_u], &[&new_w]),
            false => Space::each(2, &[&w, &new_u], &[&new_w]),
        };
        vec![velocity, step].into()
    }

    fn is_update(&self) -> bool {
        true
    }

    fn moves_without_gradient(&self) -> bool {
        self.weight_decay.is_some()
    }
}
