use super::{
    Definition,
    iteration::{
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};

// (g, w, m, v) → (w, m, v), in place.
pub use laptime_workload::{Adam, AdamW};

/// With so many floating-point operations a value of the parameter, beside those of its moments.
fn iteration(of_parameter: u64, axes: &OperandAxes) -> Iteration {
    let place = at(axes.outputs[0]);
    let [g, w, m, v] = [0, 1, 2, 3].map(|input| Input(input).at(&place[..]));
    let [new_w, new_m, new_v] = [0, 1, 2].map(|output| Output(output).at(&place[..]));
    vec![
        Space::each(3, &[&g, &m], &[&new_m]),
        Space::each(4, &[&g, &v], &[&new_v]),
        Space::each(of_parameter, &[&w, &new_m, &new_v], &[&new_w]),
    ]
    .into()
}

impl Definition for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        let mut constants = vec![
            ("learning_rate", self.learning_rate.to_string()),
            ("beta1", self.beta1.to_string()),
            ("beta2", self.beta2.to_string()),
            ("epsilon", format!("{:e}", self.epsilon)),
        ];
        if self.corrected_epsilon {
            constants.push(("corrected_epsilon", "true".to_owned()));
        }
        constants
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        iteration(5, axes)
    }

    fn is_update(&self) -> bool {
        true
    }
}

impl Definition for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        let mut constants = self.adam.constants();
        constants.push(("weight_decay", self.weight_decay.to_string()));
        constants
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        iteration(7, axes)
    }

    fn is_update(&self) -> bool {
        true
    }

    fn moves_without_gradient(&self) -> bool {
        true
    }
}
