//! What is done with a value that a kernel has just made, while it is in a register: biases, ReLU,
//! sums, updates; and where it is written.

use laptime_graph::TensorId;

use super::{Form, each::Reading, form};
use crate::shader::Shader;

impl Shader<'_> {
    /// Statements that take the variable `v`, the value at `i` of what the operation at this place makes,
    /// through those behind it, and write what is to be written.
    pub(super) fn chain(&mut self, place: usize) -> String {
        let mut running = self.operation(place).outputs[0];
        let mut text = self.store(running);
        for place in place + 1..self.kernel.operations.len() {
            let own = self.operation(place);
            match form(&own.op) {
                Form::Each(op) => {
                    text += &op.value(&mut Reading {
                        shader: self,
                        own,
                        running: Some(running),
                    });
                    running = own.outputs[0];
                    text += &self.store(running);
                }
                Form::Update(op) => {
                    let places = own.inputs[1..].iter();
                    let places = places.map(|id| format!("{}[i]", self.tensor(*id)));
                    let places: Vec<String> = places.collect();
                    text += &op.update("v", &places);
                }
                _ => unreachable!("{} is not fused behind another operation", own.op),
            }
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
