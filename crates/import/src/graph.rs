//! From a model's messages to laptime's layers: the input, node by node, the output.

use std::collections::HashMap;

use crate::{
    constant::{Beside, Constant, FLOAT, is_possible},
    flow::{Flow, Layout, Place},
    messages::{Graph, Model, Node, ValueInfo},
    net::{Finished, Layer, Net},
    nodes,
    order::Order,
    pointwise::Expressions,
    problem::{ImportError, Problem},
    walk::{Value, Walk},
};

/// The net of a model.
pub(crate) struct Read {
    pub net: Finished,
    /// laptime's shape of one sample.
    pub input: Vec<usize>,
    /// Where each of laptime's input values is in ONNX's order; `None` where it is the same.
    pub input_order: Option<Order>,
    /// Whether the model reads a row, which is no image.
    pub is_row: bool,
    /// How many values a sample has at the end.
    pub outputs: usize,
    /// As `input_order`, of the output.
    pub output_order: Option<Order>,
    /// What the model itself divides its input by.
    pub divisor: Option<f64>,
    pub remarks: Vec<String>,
}

/// As many layers as a spec can have.
const MOST_NODES: usize = 20_000;

/// The oldest operators that are read: those of 2020, whose `Clip` has inputs. Keras's exporter writes 15.
const OLDEST: i64 = 12;

/// Reads a model. Everything that is wrong with it is found at once, as far as it can be told.
pub(crate) fn read(
    model: &Model,
    beside: Beside,
    wants_weights: bool,
) -> Result<Read, ImportError> {
    let graph = model.graph.as_ref().ok_or_else(|| {
        Problem::new(
            "it has no graph, so it is no ONNX model",
            "give the file that torch.onnx.export wrote",
        )
    })?;
    check_version(model)?;
    if graph.node.len() > MOST_NODES {
        let what = format!("it has {} nodes", graph.node.len());
        return Err(Problem::new(what, format!("at most {MOST_NODES} are possible")).into());
    }
    let readers = readers(graph);
    let output = output(graph)?;
    let mut walk = Walk {
        values: HashMap::new(),
        net: Net::default(),
        expressions: Expressions::new(wants_weights),
        readers,
        folded_norms: Vec::new(),
        norms_of_constants: 0,
        remarks: Vec::new(),
        batch: None,
        beside,
        wants_weights,
        output: behind_identities(graph, output),
    };
    for tensor in &graph.initializer {
        let constant = Constant::stored(tensor)?;
        walk.values.insert(&tensor.name, Value::Constant(constant));
    }
    let input = input(graph, &mut walk, model.producer_name == "tf2onnx")?;
    let mut problems = Problems::default();
    for node in &graph.node {
        if let Err(problem) = step(&mut walk, node) {
            if let Some(problem) = problem {
                problems.add(node, problem);
            }
            for name in &node.output {
                walk.values.insert(name, Value::Unknown);
            }
        }
    }
    problems.result()?;
    finish(walk, &input, output)
}

/// What is wrong with nodes: the same of many of one operator is told once.
#[derive(Default)]
struct Problems<'a> {
    of_nodes: Vec<(&'a Node, Problem, usize)>,
}

impl<'a> Problems<'a> {
    fn add(&mut self, node: &'a Node, problem: Problem) {
        let mut known = self.of_nodes.iter_mut();
        let same = known.find(|(one, known, _)| one.op_type == node.op_type && *known == problem);
        match same {
            Some((.., more)) => *more += 1,
            None => self.of_nodes.push((node, problem, 0)),
        }
    }

    fn result(self) -> Result<(), ImportError> {
        let told = self.of_nodes.into_iter().map(|(node, problem, more)| {
            let title = node.title();
            problem.of(&match more {
                0 => title,
                more => format!("{title} and {more} more"),
            })
        });
        let told: Vec<Problem> = told.collect();
        match told.is_empty() {
            true => Ok(()),
            false => Err(ImportError::new(told)),
        }
    }
}

/// One node. An error of nothing: what is wrong has been said of a node before it.
fn step<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Option<Problem>> {
    if !nodes::is_known(node) {
        return Err(Some(nodes::unknown(node)));
    }
    let is_unknown = |name: &String| matches!(walk.values.get(name.as_str()), Some(Value::Unknown));
    if node.input.iter().any(is_unknown) {
        return Err(None);
    }
    nodes::convert(walk, node).map_err(Some)?;
    match node
        .output
        .first()
        .and_then(|name| walk.values.get(name.as_str()))
    {
        Some(Value::Flow(flow)) if !is_possible(&flow.dims) => {
            let what = format!("it makes {:?} a sample", flow.dims);
            Err(Some(Problem::new(what, "make the model smaller")))
        }
        _ => Ok(()),
    }
}

fn check_version(model: &Model) -> Result<(), Problem> {
    let own = |domain: &str| ["", "ai.onnx"].contains(&domain);
    let version = model
        .opset_import
        .iter()
        .find(|set| own(&set.domain))
        .map(|set| set.version);
    match version {
        Some(version) if version >= OLDEST => Ok(()),
        Some(version) => {
            let what = format!("it is written in version {version} of ONNX's operators");
            Err(Problem::new(
                what,
                "export it with opset_version=18 or later",
            ))
        }
        None => {
            let what = "it says no version of ONNX's operators, so it is no ONNX model";
            Err(Problem::new(
                what,
                "give the file that torch.onnx.export wrote",
            ))
        }
    }
}

fn readers(graph: &Graph) -> HashMap<&str, usize> {
    let mut readers = HashMap::new();
    let of_nodes = graph.node.iter().flat_map(|node| &node.input);
    let of_end = graph.output.iter().map(|output| &output.name);
    for name in of_nodes.chain(of_end) {
        *readers.entry(name.as_str()).or_insert(0) += 1;
    }
    readers
}

fn output(graph: &Graph) -> Result<&str, Problem> {
    match graph.output.as_slice() {
        [one] => Ok(&one.name),
        several => {
            let names: Vec<&str> = several
                .iter()
                .map(|one| one.name.as_str())
                .take(5)
                .collect();
            let what = format!("it has {} outputs: {names:?}", several.len());
            Err(Problem::new(
                what,
                "export a model whose forward returns one tensor",
            ))
        }
    }
}

/// What the output is but for nodes that do nothing.
fn behind_identities<'a>(graph: &'a Graph, output: &'a str) -> &'a str {
    let mut name = output;
    for node in graph.node.iter().rev() {
        if node.op_type == "Identity" && node.output.first().is_some_and(|one| one == name) {
            name = node.given(0).unwrap_or(name);
        }
    }
    name
}

/// The model's only input that is no weight, as a value of the net.
fn input<'a>(graph: &'a Graph, walk: &mut Walk<'a>, is_keras: bool) -> Result<Flow, Problem> {
    let inputs = graph.input.iter();
    let inputs: Vec<&ValueInfo> = inputs
        .filter(|one| !walk.values.contains_key(one.name.as_str()))
        .collect();
    let [input] = inputs.as_slice() else {
        let names: Vec<&str> = inputs.iter().map(|one| one.name.as_str()).take(5).collect();
        let what = format!("it has {} inputs: {names:?}", inputs.len());
        return Err(Problem::new(
            what,
            "laptime trains models of one input and its labels",
        ));
    };
    let subject = format!("input {:?}", input.name);
    let dims = sample_of(input, walk).map_err(|problem| problem.of(&subject))?;
    let flow = match dims.len() {
        1 => {
            let values = dims[0];
            let place = walk
                .net
                .add(Layer::new("flatten", &[Place::Input], vec![values]));
            Flow::row(place, values)
        }
        3 if is_channels_last(graph, &input.name, is_keras) => Flow {
            place: Place::Input,
            dims,
            layout: Layout::Image([Some(0), Some(1), Some(2)]),
        },
        _ => Flow::channels_first(Place::Input, dims),
    };
    walk.values.insert(&input.name, Value::Flow(flow.clone()));
    Ok(flow)
}

/// The shape of one sample.
fn sample_of(input: &ValueInfo, walk: &mut Walk) -> Result<Vec<usize>, Problem> {
    let tensor = input
        .r#type
        .as_ref()
        .and_then(|one| one.tensor_type.as_ref());
    let Some(tensor) = tensor else {
        return Err(Problem::new("it has no type", "export the model again"));
    };
    if tensor.elem_type != FLOAT {
        let what = "it does not have numbers in single precision";
        return Err(Problem::new(
            what,
            "laptime scales bytes to them before the first layer: export it so",
        ));
    }
    let dims = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.dim);
    let Some((batch, sample)) = dims.split_first() else {
        return Err(Problem::new(
            "it has no shape",
            "export the model with an example of its input",
        ));
    };
    walk.batch = batch.dim_value;
    const MOST: i64 = 1 << 16;
    let sizes = sample
        .iter()
        .map(|dim| dim.dim_value.filter(|one| (1..=MOST).contains(one)));
    let sizes: Option<Vec<usize>> = sizes.map(|one| one.map(|one| one as usize)).collect();
    match sizes {
        Some(sizes) if (1..=3).contains(&sizes.len()) && is_possible(&sizes) => Ok(sizes),
        Some(sizes) => {
            let what = format!("a sample has {} dimensions", sizes.len());
            Err(Problem::new(
                what,
                "laptime trains on images, signals and rows: one to three of them",
            ))
        }
        None => {
            let what = "an axis of it beside that of the samples has no fixed size";
            Err(Problem::new(
                what,
                "make the batch alone dynamic when you export",
            ))
        }
    }
}

/// Whether an image has its channels last, as Keras has it: it is transposed before it is used, or it is Keras's.
fn is_channels_last(graph: &Graph, input: &str, is_keras: bool) -> bool {
    let mut name = input;
    let passes = ["Mul", "Add", "Sub", "Div", "Identity", "Cast"];
    for node in &graph.node {
        if !node.input.iter().any(|one| one == name) {
            continue;
        }
        match (node.op_type.as_str(), node.output.first()) {
            ("Transpose", _) => return node.ints("perm") == [0, 3, 1, 2],
            (
                "Conv" | "BatchNormalization" | "MaxPool" | "AveragePool" | "GlobalAveragePool",
                _,
            ) => {
                return false;
            }
            (op, Some(output)) if passes.contains(&op) => name = output,
            _ => break,
        }
    }
    is_keras
}

fn finish(mut walk: Walk, input: &Flow, output: &str) -> Result<Read, ImportError> {
    let flow = match walk.values.get(output) {
        Some(Value::Flow(flow)) => flow.clone(),
        _ => {
            let what = format!("its output {output:?} does not depend on its input");
            return Err(Problem::new(what, "export the model again").into());
        }
    };
    let flow = walk.row(&flow)?;
    let Place::Layer(_) = flow.place else {
        return Err(Problem::new("it has no layers", "export a model that has some").into());
    };
    let net = walk.net.finish(flow.place);
    let is_row = input.dims.len() == 1;
    if walk.norms_of_constants > 0 {
        walk.remarks.push(format!(
            "{} times the model computes with a constant for each channel, as folded batch norms do: they are \
             batch_norm layers of mean 0 and variance 1 here",
            walk.norms_of_constants
        ));
    }
    let has = |kind: &str| net.layers.iter().any(|layer| layer.kind == kind);
    if has("conv2d") && !has("batch_norm") && !has("dropout") {
        let remark = "the file has neither batch norm nor dropout: exporters leave them out unless they are told not \
                      to (docs/your-model.md)";
        walk.remarks.push(remark.into());
    }
    Ok(Read {
        input: match is_row {
            true => vec![input.values()],
            false => input.shape(),
        },
        input_order: input.order(),
        is_row,
        outputs: flow.values(),
        output_order: flow.order(),
        divisor: walk.expressions.divisor,
        remarks: walk.remarks,
        net,
    })
}
