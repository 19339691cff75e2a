//! What a layer is called: as in the model that was exported, where the file still has its name.

use crate::{constant::Constant, messages::Node};

/// Words that exporters put behind the name of a layer.
const OF_EXPORTERS: &[&str] = &[
    "BiasAdd",
    "Cast",
    "MatMul",
    "ReadVariableOp",
    "add",
    "batchnorm",
    "convolution",
    "depthwise",
    "merged_input",
    "mul",
    "mul_1",
    "add_1",
    "add_2",
    "mul_2",
    "separable_conv2d",
];

/// The name of the layer that `weight` belongs to: PyTorch's `features.0` of `features.0.weight`, Keras's `conv2d_1` of
/// the node `sequential/conv2d_1/convolution`.
pub(super) fn layer_name(node: &Node, weight: &Constant) -> Option<String> {
    let stored = weight.name().unwrap_or_default();
    if let Some(name) = stored.strip_suffix(".weight") {
        return Some(name.to_owned());
    }
    of_node(node).or_else(|| of_path(stored).filter(|_| !node.name.starts_with('/')))
}

/// The name of the layer that a node is the last of.
pub(super) fn of_node(node: &Node) -> Option<String> {
    match node.name.strip_prefix('/') {
        Some(path) => {
            let layer = path.rsplit_once('/');
            layer.map(|(layer, _)| layer.replace('/', "."))
        }
        None => of_path(&node.name),
    }
}

/// The last word of a path that no exporter has put there.
fn of_path(path: &str) -> Option<String> {
    let path = path.split(':').next().unwrap_or_default();
    let mut words: Vec<&str> = path.split('/').skip(1).collect();
    while words.last().is_some_and(|word| OF_EXPORTERS.contains(word)) {
        words.pop();
    }
    words.pop().map(str::to_owned)
}
