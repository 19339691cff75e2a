//! Operations of which every value of the result is made by itself, one a thread: pixels, biases,
//! activations, sums, pools, dropout, and batch norm with moving statistics.

use laptime_graph::{Operation, TensorId};

use crate::shader::{Shader, THREADS};

/// What such an operation computes.
pub(crate) trait Each {
    /// Statements that set `v` to the value at `i` of what the operation makes. Behind another one it
    /// reads that one's value at `i` alone.
    fn value(&self, at: &mut Reading) -> String;

    /// Whether it adds something to its first input: of partial sums, to one of them.
    fn adds(&self) -> bool {
        false
    }

    /// Whether every kernel that reads pixels may do it for itself, in front of its own.
    fn is_of_pixels(&self) -> bool {
        false
    }

    /// What it divides the bytes of pixels by.
    fn pixel_divisor(&self) -> Option<f32> {
        None
    }
}

/// What an operation reads.
pub(crate) struct Reading<'s, 'a> {
    pub(super) shader: &'s mut Shader<'a>,
    pub(super) own: &'a Operation,
    /// What is in `v` already, and what the chain behind it reads besides.
    pub(super) running: Option<(TensorId, &'s mut Vec<(String, String)>)>,
}

impl<'a> Reading<'_, 'a> {
    /// The value of an input at a place of its own order.
    pub(super) fn input(&mut self, input: usize, index: &str) -> String {
        let id = self.own.inputs[input];
        if self.is_running(input) {
            assert_eq!(
                index, "i",
                "{} is not fused behind another operation",
                self.own.op
            );
            return "v".into();
        }
        let value = self.shader.value(id, index);
        match &mut self.running {
            Some((_, reads)) => {
                let name = read_name(reads);
                reads.push((name.clone(), value));
                name
            }
            None => value,
        }
    }

    /// Whether this input is in `v` already.
    pub(super) fn is_running(&self, input: usize) -> bool {
        let running = self.running.as_ref().map(|(running, _)| *running);
        running == Some(self.own.inputs[input])
    }

    /// The shape of an input.
    pub(super) fn input_shape(&self, input: usize) -> &'a [usize] {
        self.shader.shape(self.own.inputs[input])
    }

    /// The shape of what it makes.
    pub(super) fn output_shape(&self) -> &'a [usize] {
        self.shader.shape(self.own.outputs[0])
    }
}

/// A name for what is read next behind another operation. Loops over rows put a number behind it.
pub(super) fn read_name(reads: &[(String, String)]) -> String {
    format!("read{}_", reads.len())
}

pub(crate) fn text(shader: &mut Shader, place: usize, op: &dyn Each) -> String {
    let own = shader.operation(place);
    let elements = shader.program.tensor(own.outputs[0]).elements();
    let value = op.value(&mut Reading {
        shader,
        own,
        running: None,
    });
    let chain = shader.chain(place);
    let entry = match chain.packed {
        // Neighbouring threads must be in one subgroup.
        Some(_) => shader.entry(THREADS),
        None => format!(
            "@compute @workgroup_size({THREADS})\n\
             fn main(@builtin(workgroup_id) group: vec3<u32>, \
             @builtin(num_workgroups) groups: vec3<u32>, \
             @builtin(local_invocation_index) thread: u32) {{\n"
        ),
    };
    let chain = chain.here();
    format!(
        "{entry}let i = (group.y * groups.x + group.x) * {THREADS}u + thread;\n\
         if i >= {elements}u {{ return; }}\nvar v = 0.0;\n{value}{chain}}}\n"
    )
}
