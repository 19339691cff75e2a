//! Softmax and cross-entropy, their gradient, and the step's line in the log. One workgroup does
//! all: there are few logits, and their losses are added in one order.

use laptime_graph::Op;

use crate::shader::{Binding, Shader, number};

const THREADS: usize = 64;

pub(crate) fn text(shader: &mut Shader) -> String {
    let operations: Vec<_> = shader
        .kernel
        .operations
        .iter()
        .map(|id| shader.program.operation(*id))
        .collect();
    let is_loss = |op: &Op| {
        matches!(
            op,
            Op::SoftmaxCrossEntropy(_) | Op::SoftmaxCrossEntropyGrad(_)
        )
    };
    let any = operations
        .iter()
        .find(|operation| is_loss(&operation.op))
        .expect("the kernel has the loss or its gradient");
    let logits = any.inputs[0];
    let (samples, classes) = (shader.shape(logits)[0], shader.shape(logits)[1]);
    shader.not_finite();
    shader.bind(Binding::Order);
    shader.bind(Binding::Targets);
    let logit = shader.value(logits, &format!("row * {classes}u + column"));
    let of_label = shader.value(logits, &format!("row * {classes}u + label"));
    // The logits' mean by the target, as far below the largest as it is.
    let mut of_target = format!("({of_label} - largest)");
    let mut below = String::new();
    let mut gradient = String::new();
    let mut end = String::new();
    for operation in &operations {
        match operation.op {
            Op::SoftmaxCrossEntropyGrad(op) => {
                let evenly = op.label_smoothing / classes as f64;
                let [other, own] = [evenly, 1.0 - op.label_smoothing + evenly].map(number);
                let place = format!(
                    "{}[row * {classes}u + column]",
                    shader.tensor(operation.outputs[0])
                );
                gradient += &format!(
                    "for (var column = 0u; column < {classes}u; column++) {{\n\
                     let share = exp({logit} - largest) / sum;\n\
                     let change = (share - select({other}, {own}, column == label)) / {};\n\
                     {place} = select(change, nan, is_broken);\n}}\n",
                    number(samples as f64)
                );
            }
            Op::SoftmaxCrossEntropy(op) => {
                shader.bind(Binding::Log);
                if op.label_smoothing > 0.0 {
                    below = format!(
                        "var below = 0.0;\n\
                         for (var column = 0u; column < {classes}u; column++) {{ below += {logit} - largest; }}\n"
                    );
                    let onehot = 1.0 - op.label_smoothing;
                    let evenly = op.label_smoothing / classes as f64;
                    of_target = format!(
                        "({} * {of_target} + {} * below)",
                        number(onehot),
                        number(evenly)
                    );
                }
                let [loss_sum, correct] = [0, 1].map(|i| shader.tensor(operation.outputs[i]));
                end = format!(
                    "let loss_sum = sum_of_rows(loss, thread);\n\
                     let right_sum = sum_of_rows(right, thread);\n\
                     if thread == 0u {{\n\
                     {loss_sum}[0] = loss_sum;\n{correct}[0] = right_sum;\n\
                     log_of_steps[2u * step.log] = loss_sum;\n\
                     log_of_steps[2u * step.log + 1u] = right_sum;\n}}\n"
                );
                shader.sum_of_rows(THREADS, 1);
            }
            _ => {}
        }
    }
    format!(
        "{}var loss = 0.0;\nvar right = 0.0;\n\
         for (var row = thread; row < {samples}u; row += {THREADS}u) {{\n\
         let label = targets[order[step.first + row]];\n\
         var largest = 0.0;\nvar best = 0u;\nvar nan = 0.0;\nvar has_nan = false;\n\
         for (var column = 0u; column < {classes}u; column++) {{\n\
         let value = {logit};\n\
         if column == 0u || value > largest {{ largest = value; best = column; }}\n\
         if is_nan(value) {{ has_nan = true; nan = nan_of(value); }}\n}}\n\
         let is_broken = has_nan || !is_finite(largest);\n\
         if !has_nan {{ nan = nan_of(largest); }}\n\
         var sum = 0.0;\n{below}\
         for (var column = 0u; column < {classes}u; column++) {{ sum += exp({logit} - largest); }}\n\
         loss += select(log(sum) - {of_target}, nan, is_broken);\n\
         if best == label && !has_nan {{ right += 1.0; }}\n{gradient}}}\n{end}}}\n",
        shader.entry(THREADS),
    )
}
