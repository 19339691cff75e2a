//! What is done with a value that a kernel has just made, while it is in a register: biases, ReLU,
//! sums, updates; and where it is written.

use laptime_graph::{AdamW, Op, OpId, TensorId};

use super::shader::{Shader, number};

impl Shader<'_> {
    /// Statements that take the variable `v`, the value at `i` of what the first of these
    /// operations makes, through the others, and write what is to be written.
    pub(super) fn chain(&mut self, operations: &[OpId]) -> String {
        let mut text = String::new();
        let mut running = self.program.operation(operations[0]).outputs[0];
        text += &self.store(running);
        for id in &operations[1..] {
            let operation = self.program.operation(*id);
            let output = operation.outputs[0];
            match operation.op {
                Op::Bias(_) => {
                    let channels = self.program.tensor(operation.inputs[1]).elements();
                    let bias = self.value(operation.inputs[1], &format!("i % {channels}u"));
                    text += &format!("v = v + {bias};\n");
                }
                Op::Relu(_) => {
                    self.not_finite();
                    text += "v = relu(v);\n";
                }
                Op::Add(_) => {
                    let other = operation.inputs.iter().find(|input| **input != running);
                    let other = match other {
                        Some(other) => self.value(*other, "i"),
                        None => "v".into(),
                    };
                    text += &format!("v = v + {other};\n");
                }
                Op::ReluGrad(_) => {
                    let y = self.value(operation.inputs[0], "i");
                    text += &format!("v = select(0.0, v, {y} > 0.0);\n");
                }
                ref op if op.definition().is_update() => {
                    let places: Vec<String> = operation.inputs[1..]
                        .iter()
                        .map(|id| format!("{}[i]", self.tensor(*id)))
                        .collect();
                    text += &update(&operation.op, "v", &places);
                    continue;
                }
                ref op => unreachable!("{op} is not fused behind another operation"),
            }
            running = output;
            text += &self.store(running);
        }
        text
    }

    fn store(&mut self, id: TensorId) -> String {
        if self.writes(id) {
            format!("{}[i] = v;\n", self.tensor(id))
        } else {
            String::new()
        }
    }
}

/// Statements that update a parameter by the gradient `gradient`; `places` are those of the
/// parameter and of its moments.
pub(super) fn update(op: &Op, gradient: &str, places: &[String]) -> String {
    match *op {
        Op::Adam(adam) | Op::AdamW(AdamW { adam, .. }) => {
            let [w, m, v] = places else {
                unreachable!("Adam has two moments")
            };
            let decayed = match op {
                Op::AdamW(_) => format!("({w} - step.decay * {w})"),
                _ => w.clone(),
            };
            format!(
                "{{ let g = {gradient};\n\
                 let m_before = {m}; let v_before = {v};\n\
                 let m_after = m_before + {} * (g - m_before);\n\
                 let v_after = v_before + {} * (g * g - v_before);\n\
                 {m} = m_after; {v} = v_after;\n\
                 {w} = {decayed} - step.step_size * m_after / (sqrt(v_after) + {}); }}\n",
                number(1.0 - adam.beta1),
                number(1.0 - adam.beta2),
                number(adam.epsilon),
            )
        }
        Op::Sgd(sgd) => {
            let [w, u] = places else {
                unreachable!("SGD has one moment")
            };
            let momentum = number(sgd.momentum);
            let direction = match sgd.nesterov {
                true => format!("({momentum} * u_after + {gradient})"),
                false => "u_after".into(),
            };
            format!(
                "{{ let u_after = {momentum} * {u} + {gradient}; {u} = u_after; \
                 {w} = {w} - step.step_size * {direction}; }}\n",
            )
        }
        Op::RmsProp(op) => {
            let [w, v] = places else {
                unreachable!("RMSprop has one moment")
            };
            format!(
                "{{ let g = {gradient};\n\
                 let v_before = {v};\n\
                 let v_after = v_before + {} * (g * g - v_before);\n\
                 {v} = v_after;\n\
                 {w} = {w} - step.step_size * g / (sqrt(v_after) + {}); }}\n",
                number(1.0 - op.alpha),
                number(op.epsilon),
            )
        }
        ref op => unreachable!("{op} is no update"),
    }
}
