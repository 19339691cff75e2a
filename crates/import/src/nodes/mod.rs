//! A table of ONNX's operators: what each becomes. A new one is a row, and a function in the file of its kind.

mod affine;
mod channels;
mod constants;
mod convolution;
mod dense;
mod ends;
mod functions;
mod joins;
mod masks;
mod names;
mod norms;
mod pads;
mod pointwise;
mod pools;
mod resize;
mod shapes;
mod transposed;
mod windows;

pub(crate) use windows::Window;

use crate::{messages::Node, problem::Problem, walk::Walk};

/// Makes of a node what laptime has for it.
type Convert = for<'a> fn(&mut Walk<'a>, &'a Node) -> Result<(), Problem>;

const NODES: &[(&str, Convert)] = &[
    ("Conv", convolution::conv),
    ("ConvTranspose", transposed::conv_transpose),
    ("Resize", resize::resize),
    ("Upsample", resize::resize),
    ("Gemm", dense::gemm),
    ("MatMul", dense::mat_mul),
    ("BatchNormalization", norms::batch_norm),
    ("LayerNormalization", norms::layer_norm),
    ("MaxPool", pools::max_pool),
    ("AveragePool", pools::average_pool),
    ("GlobalAveragePool", pools::global_average_pool),
    ("GlobalMaxPool", pools::global_max_pool),
    ("ReduceMean", pools::reduce_mean),
    ("Flatten", shapes::flatten),
    ("Reshape", shapes::reshape),
    ("Squeeze", shapes::squeeze),
    ("Unsqueeze", shapes::unsqueeze),
    ("Transpose", shapes::transpose),
    ("Concat", joins::concat),
    ("Sum", pointwise::arithmetic),
    ("Add", pointwise::arithmetic),
    ("Sub", pointwise::arithmetic),
    ("Mul", pointwise::arithmetic),
    ("Div", pointwise::arithmetic),
    ("Max", pointwise::arithmetic),
    ("Min", pointwise::arithmetic),
    ("Pow", pointwise::arithmetic),
    ("Greater", pointwise::arithmetic),
    ("GreaterOrEqual", pointwise::arithmetic),
    ("Less", pointwise::arithmetic),
    ("LessOrEqual", pointwise::arithmetic),
    ("Where", pointwise::choice),
    ("Dropout", ends::dropout),
    ("Identity", ends::identity),
    ("Softmax", ends::softmax),
    ("LogSoftmax", ends::softmax),
    ("Constant", constants::constant),
    ("Shape", constants::shape),
    ("Gather", constants::gather),
    ("Slice", constants::slice),
    ("ReduceProd", constants::product),
    ("Cast", constants::cast),
    ("CastLike", ends::identity),
    ("Expand", constants::expand),
    ("RandomUniformLike", masks::random),
    ("Pad", pads::pad),
];

/// What laptime has in the place of operators that it lacks.
const NEAREST: &[(&str, &str)] = &[
    (
        "ConvInteger",
        "conv2d: export the model before it is quantized",
    ),
    (
        "QLinearConv",
        "conv2d: export the model before it is quantized",
    ),
    (
        "QuantizeLinear",
        "none: export the model before it is quantized",
    ),
    ("InstanceNormalization", "batch_norm or layer_norm"),
    ("GroupNormalization", "batch_norm or layer_norm"),
    ("RMSNormalization", "layer_norm"),
    ("LpNormalization", "layer_norm"),
    ("LRN", "batch_norm"),
    ("PRelu", "leaky_relu, whose slope is not trained"),
    ("LpPool", "avg_pool"),
    ("ReduceMax", "max_pool with the size of the image"),
    ("Einsum", "dense"),
    (
        "Bernoulli",
        "dropout; stochastic depth ends with model.eval()",
    ),
    (
        "Split",
        "none: laptime's layers read all of a layer's values",
    ),
];

/// Whether `op_type` is an operator of ONNX's own that becomes something.
fn entry(node: &Node) -> Option<Convert> {
    if !["", "ai.onnx"].contains(&node.domain.as_str()) {
        return None;
    }
    let found = NODES.iter().find(|(name, _)| *name == node.op_type);
    match found {
        Some((_, convert)) => Some(*convert),
        None => functions::has(&node.op_type).then_some(pointwise::unary as Convert),
    }
}

/// Makes of a node what laptime has for it, or says what is in the way.
pub(crate) fn convert<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    match entry(node) {
        Some(convert) => convert(walk, node),
        None => Err(unknown(node)),
    }
}

/// Whether laptime has anything for a node, whatever it reads.
pub(crate) fn is_known(node: &Node) -> bool {
    entry(node).is_some()
}

/// What to say of a node that laptime has nothing for.
pub(crate) fn unknown(node: &Node) -> Problem {
    let nearest = NEAREST.iter().find(|(name, _)| *name == node.op_type);
    let advice = match nearest {
        Some((_, nearest)) => format!("the nearest is {nearest}"),
        None => "`laptime workloads --layers` lists what it has".into(),
    };
    Problem::new("laptime has no such layer", advice)
}
