use super::{
    Definition,
    iteration::{
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};

// (g, w, m, v, x) → (w, m, v, x), in place.
pub use laptime_workload::AmsGrad;

impl Definition for AmsGrad {
    fn name(&self) -> &'static str {
        "amsgrad"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        let mut constants = self.adam.constants();
        if let Some(weight_decay) = self.weight_decay {
            constants.push(("weight_decay", weight_decay.to_string()));
        }
        constants
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let place = at(axes.outputs[0]);
        let [g, w, m, v, x] = [0, 1, 2, 3, 4].map(|input| Input(input).at(&place[..]));
        let [new_w, new_m, new_v, new_x] = [0, 1, 2, 3].map(|output| Output(output).at(&place[..]));
        let of_parameter = if self.weight_decay.is_some() { 7 } else { 5 };
        vec![
            Space::each(3, &[&g, &m], &[&new_m]),
            Space::each(4, &[&g, &v], &[&new_v]),
            Space::each(1, &[&new_v, &x], &[&new_x]),
            Space::each(of_parameter, &[&w, &new_m, &new_x], &[&new_w]),
        ]
        .into()
    }

    fn is_update(&self) -> bool {
        true
    }

    fn moves_without_gradient(&self) -> bool {
        self.weight_decay.is_some()
    }
}
