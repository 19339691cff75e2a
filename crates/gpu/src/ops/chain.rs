//! What is done with a value that a kernel has just made, while it is in a register: biases,
//! activations, sums, updates; and where it is written.

use laptime_graph::TensorId;

use super::{
    Form,
    each::{Reading, read_name},
    form,
};
use crate::shader::Shader;

/// What follows a value in its kernel. Its reads stand apart, so that a kernel that makes several values can
/// read for all of them before it writes the first: no load passes a store to what may be the same buffer, and
/// so each value would wait for memory by itself.
pub(super) struct Chain {
    /// What is read of memory: a name, and the value at `i`.
    pub reads: Vec<(String, String)>,
    /// Statements that take the variable `v`, the value at `i`, through all operations, with the names of what
    /// is read, and write what is to be written.
    pub text: String,
    /// What the text leaves in `v`, rounded, for its caller to store with the neighbouring value.
    pub packed: Option<TensorId>,
}

impl Chain {
    /// All of it in one place.
    pub(super) fn here(&self) -> String {
        let reads = self.reads.iter();
        let reads: String = reads
            .map(|(name, value)| format!("let {name} = {value};\n"))
            .collect();
        reads + &self.text
    }

    /// What is read, as the loops over rows take it.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reads
            .iter()
            .map(|(name, value)| (&name[..], &value[..]))
    }
}

impl Shader<'_> {
    /// What is done with the value at `i` of what the operation at this place makes, where neighbouring threads have
    /// neighbouring values.
    pub(super) fn chain(&mut self, place: usize) -> Chain {
        let mut chain = self.chain_of_vector(place);
        if let Some(id) = chain.packed {
            chain.text += &self.store_of_neighbours(id);
        }
        chain
    }

    /// The same, where a thread has both values of a pair.
    pub(super) fn chain_of_vector(&mut self, place: usize) -> Chain {
        let mut running = self.operation(place).outputs[0];
        let mut reads = Vec::new();
        let mut text = self.store(running);
        for place in place + 1..self.kernel.operations.len() {
            let own = self.operation(place);
            match form(&own.op) {
                Form::Each(op) => {
                    let value = op.value(&mut Reading {
                        shader: self,
                        own,
                        running: Some((running, &mut reads)),
                    });
                    text += &match self.partials(own.outputs[0]) {
                        1 => value,
                        _ => {
                            assert!(op.adds(), "{} is not of partial sums", own.op);
                            format!("if group.z == 0u {{ {value}}}\n")
                        }
                    };
                    running = own.outputs[0];
                    text += &self.store(running);
                }
                Form::Update(op) => {
                    let mut names = Vec::new();
                    let mut store = String::new();
                    for (number, id) in own.inputs[1..].iter().enumerate() {
                        let (state, before) = (format!("state{number}"), read_name(&reads));
                        let memory = format!("{}[i]", self.tensor(*id));
                        text += &format!("var {state} = {before};\n");
                        store += &format!("{memory} = {state};\n");
                        reads.push((before, memory));
                        names.push(state);
                    }
                    text += &op.update("v", &names);
                    text += &store;
                }
                _ => unreachable!("{} is not fused behind another operation", own.op),
            }
        }
        let packed = Some(running).filter(|id| self.is_packed(*id));
        Chain {
            reads,
            text,
            packed,
        }
    }

    fn store(&mut self, id: TensorId) -> String {
        if !self.writes(id) || self.is_packed(id) {
            return String::new();
        }
        let place = match self.partials(id) {
            1 => "i".to_owned(),
            _ => format!("group.z * {}u + i", self.program.tensor(id).elements()),
        };
        format!("{}[{place}] = v;\n", self.tensor(id))
    }
}
