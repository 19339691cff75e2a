//! The mean squared error against the batch's targets, its gradient, and the step's line in the log. One
//! workgroup does all, so that the squares are added in one order.

use laptime_graph::Op;

use crate::shader::{Binding, Shader, THREADS, number};

pub(crate) fn text(shader: &mut Shader, place: usize) -> String {
    let operations: Vec<_> = shader.kernel.operations[place..]
        .iter()
        .map(|id| shader.program.operation(*id))
        .collect();
    let (y, targets) = (operations[0].inputs[0], operations[0].inputs[1]);
    let (samples, values) = (shader.shape(y)[0], shader.shape(y)[1]);
    let all = samples * values;
    let value = shader.value(y, "i");
    let target = shader.value(targets, "i");
    let mut gradient = String::new();
    let mut end = String::new();
    for operation in &operations {
        let output = shader.tensor(operation.outputs[0]);
        if matches!(operation.op, Op::MeanSquaredErrorGrad(_)) {
            let factor = number(2.0 / all as f64);
            gradient = format!("{output}[i] = error * {factor};\n");
        } else {
            shader.bind(Binding::Log);
            shader.sum_of_rows(THREADS, 1);
            end = format!(
                "let loss_sum = sum_of_rows(squares, thread) / {};\n\
                 if thread == 0u {{\n\
                 {output}[0] = loss_sum;\nlog_of_steps[step.log] = loss_sum;\n}}\n",
                number(values as f64)
            );
        }
    }
    format!(
        "{}var squares = 0.0;\n\
         for (var i = thread; i < {all}u; i += {THREADS}u) {{\n\
         let error = {value} - {target};\n\
         squares += error * error;\n{gradient}}}\n{end}}}\n",
        shader.entry(THREADS),
    )
}
