use super::{
    Definition,
    iteration::{
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};

// (g, w, v) → (w, v), in place.
pub use laptime_workload::RmsProp;

impl Definition for RmsProp {
    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![
            ("learning_rate", self.learning_rate.to_string()),
            ("alpha", self.alpha.to_string()),
            ("epsilon", format!("{:e}", self.epsilon)),
        ]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let place = at(axes.outputs[0]);
        let [g, w, v] = [0, 1, 2].map(|input| Input(input).at(&place[..]));
        let [new_w, new_v] = [0, 1].map(|output| Output(output).at(&place[..]));
        vec![
            Space::each(4, &[&g, &v], &[&new_v]),
            Space::each(5, &[&g, &w, &new_v], &[&new_w]),
        ]
        .into()
    }

    fn is_update(&self) -> bool {
        true
    }
}
