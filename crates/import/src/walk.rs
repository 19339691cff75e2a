//! The state of an import: what each name of the model stands for, and the net so far.

use std::collections::HashMap;

use crate::{
    constant::{Beside, Constant},
    flow::{Flow, Layout},
    messages::Node,
    net::{Layer, Net, Parameter},
    order::Order,
    pointwise::Expressions,
    problem::Problem,
};

/// What a name of the model stands for.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// Numbers that are known.
    Constant(Constant<'a>),
    /// Whole numbers made of shapes.
    Whole(Whole),
    /// A value of the net.
    Flow(Flow),
    /// A value of the net with zeros around it: above, below, left, right.
    Padded(Flow, [usize; 4]),
    /// Random numbers on the way to be a dropout's mask.
    Mask(Mask),
    /// What nobody knows, as something is wrong where it is made. That has been said.
    Unknown,
}

/// Random numbers from 0 to 1, then whether they are below `kept`, then that divided by it.
#[derive(Debug, Clone)]
pub(crate) struct Mask {
    pub shape: Vec<Extent>,
    pub kept: Option<f64>,
    pub is_scaled: bool,
}

/// Whole numbers: a scalar or a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Whole {
    pub numbers: Vec<Extent>,
    pub is_scalar: bool,
}

/// A number of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Known(i64),
    /// The number of samples.
    Batch,
}

/// An import under way.
pub(crate) struct Walk<'a> {
    pub values: HashMap<&'a str, Value<'a>>,
    pub net: Net,
    pub expressions: Expressions,
    /// How many nodes and outputs read a name.
    pub readers: HashMap<&'a str, usize>,
    /// Layers that are what is left of a folded batch norm, and have no shift yet.
    pub folded_norms: Vec<usize>,
    /// How many batch norms were made of constants.
    pub norms_of_constants: usize,
    /// What the user should know.
    pub remarks: Vec<String>,
    /// The batch's size, where the model has a fixed one.
    pub batch: Option<i64>,
    pub beside: Beside<'a>,
    pub wants_weights: bool,
    /// The model's output.
    pub output: &'a str,
}

impl<'a> Walk<'a> {
    /// What input `place` of a node stands for.
    pub fn value(&self, node: &Node, place: usize) -> Result<Value<'a>, Problem> {
        let Some(name) = node.given(place) else {
            let what = format!("it has no input {}", place + 1);
            return Err(Problem::new(what, "export the model again"));
        };
        self.values.get(name).cloned().ok_or_else(|| {
            let what = format!("it reads {name:?}, which nothing before it makes");
            Problem::new(what, "export the model again")
        })
    }

    /// Input `place`, a value of the net that may not be a layer yet.
    pub fn loose(&self, node: &Node, place: usize) -> Result<Flow, Problem> {
        match self.value(node, place)? {
            Value::Flow(flow) => Ok(flow),
            Value::Padded(..) => {
                let what = "zeros are put around what it reads";
                Err(Problem::new(
                    what,
                    "laptime has zeros around what a convolution reads",
                ))
            }
            _ => {
                let what = format!("its input {} is a constant", place + 1);
                let advice = "laptime's layers read the values of other layers";
                Err(Problem::new(what, advice))
            }
        }
    }

    /// Input 0, a value of the net, and the zeros that are put around it.
    pub fn padded(&mut self, node: &Node) -> Result<(Flow, [usize; 4]), Problem> {
        match self.value(node, 0)? {
            Value::Padded(flow, padding) => Ok((self.settled(&flow)?, padding)),
            _ => Ok((self.flow(node, 0)?, [0; 4])),
        }
    }

    /// Input `place`, a value of the net.
    pub fn flow(&mut self, node: &Node, place: usize) -> Result<Flow, Problem> {
        let flow = self.loose(node, place)?;
        self.settled(&flow)
    }

    /// The same value as a layer's.
    pub fn settled(&mut self, flow: &Flow) -> Result<Flow, Problem> {
        let place = self.expressions.settle(&mut self.net, flow.place)?;
        Ok(flow.at(place))
    }

    /// Input `place`, known numbers.
    pub fn constant(&self, node: &Node, place: usize) -> Result<Constant<'a>, Problem> {
        match self.value(node, place)? {
            Value::Constant(constant) => Ok(constant),
            _ => {
                let what = format!("its input {} is computed, not a constant", place + 1);
                let advice = "laptime's weights are constants of the model";
                Err(Problem::new(what, advice))
            }
        }
    }

    /// Input `place`, known numbers, where it is given.
    pub fn optional(&self, node: &Node, place: usize) -> Result<Option<Constant<'a>>, Problem> {
        match node.given(place) {
            Some(_) => self.constant(node, place).map(Some),
            None => Ok(None),
        }
    }

    /// Whole numbers of input `place`.
    pub fn whole(&self, node: &Node, place: usize) -> Result<Whole, Problem> {
        match self.value(node, place)? {
            Value::Whole(whole) => Ok(whole),
            Value::Constant(constant) if constant.dims.len() <= 1 && constant.len() <= 64 => {
                let numbers = constant.doubles(self.beside)?.into_iter();
                Ok(Whole {
                    numbers: numbers.map(|number| Extent::Known(number as i64)).collect(),
                    is_scalar: constant.dims.is_empty(),
                })
            }
            _ => {
                let what = format!("its input {} is not known before the training", place + 1);
                Err(Problem::new(
                    what,
                    "export the model with fixed sizes but for the batch",
                ))
            }
        }
    }

    /// Whole numbers of input `place` that are known, or of an attribute, as older versions have them.
    pub fn known(
        &self,
        node: &Node,
        place: usize,
        attribute: &str,
    ) -> Result<Option<Vec<i64>>, Problem> {
        if node.given(place).is_none() {
            return Ok(node.attribute(attribute).map(|one| one.ints.clone()));
        }
        let numbers = self.whole(node, place)?.numbers.into_iter();
        let known = numbers.map(|number| match number {
            Extent::Known(number) => Ok(number),
            Extent::Batch => Err(Problem::new(
                format!("its input {} is the number of samples", place + 1),
                "laptime decides that",
            )),
        });
        known.collect::<Result<_, _>>().map(Some)
    }

    /// Says what the first output of a node stands for.
    pub fn set(&mut self, node: &'a Node, value: Value<'a>) {
        if let Some(name) = node.output.first() {
            self.values.insert(name, value);
        }
    }

    /// The first output of a node is a value of the net.
    pub fn set_flow(&mut self, node: &'a Node, flow: Flow) {
        self.set(node, Value::Flow(flow));
    }

    /// A layer with the values of `flow`'s axes is what a node becomes.
    pub fn set_layer(&mut self, node: &'a Node, layer: Layer, like: &Flow) {
        let place = self.net.add(layer);
        self.set_flow(node, like.at(place));
    }

    /// A layer's parameter: the constant's values, where they are asked for. `order` is that of its last axis.
    pub fn parameter(
        &self,
        name: &'static str,
        shape: Vec<usize>,
        constant: &Constant<'a>,
        order: Option<&Order>,
    ) -> Result<Parameter, Problem> {
        let values = match self.wants_weights {
            false => None,
            true => {
                let values = constant.values(self.beside)?;
                Some(match (order, shape.last()) {
                    (Some(order), Some(last)) if *last > 0 => {
                        let places: Vec<usize> = order.places().collect();
                        let rows = values.chunks_exact(*last);
                        rows.flat_map(|row| places.iter().map(|at| row[*at]))
                            .collect()
                    }
                    _ => values,
                })
            }
        };
        Ok(Parameter {
            name,
            shape,
            values,
        })
    }

    /// The bias of so many outputs, where there is one.
    pub fn bias(
        &self,
        bias: Option<&Constant<'a>>,
        outputs: usize,
    ) -> Result<Option<Parameter>, Problem> {
        let Some(bias) = bias else {
            return Ok(None);
        };
        if bias.len() != outputs {
            let what = format!("its bias has {} values for {outputs} outputs", bias.len());
            return Err(Problem::new(what, "export the model again"));
        }
        self.parameter("bias", vec![outputs], bias, None).map(Some)
    }

    /// A parameter with one value for all its places.
    pub fn filled(&self, name: &'static str, shape: Vec<usize>, value: f32) -> Parameter {
        let count = shape.iter().product();
        Parameter {
            name,
            shape,
            values: self.wants_weights.then(|| vec![value; count]),
        }
    }

    /// An image, with all its values in a row where it was one.
    pub fn image(&self, flow: &Flow) -> Result<[usize; 3], Problem> {
        match (&flow.layout, flow.shape().as_slice()) {
            (Layout::Image(_), &[height, width, channels]) => Ok([height, width, channels]),
            _ => {
                let what = format!(
                    "it reads an image, but has {} values in a row",
                    flow.values()
                );
                Err(Problem::new(what, "laptime cannot make an image of a row"))
            }
        }
    }

    /// The value as a row of laptime's, by a flatten layer where it is an image.
    pub fn row(&mut self, flow: &Flow) -> Result<Flow, Problem> {
        let flow = self.settled(flow)?;
        if matches!(flow.layout, Layout::Row(_)) {
            return Ok(flow);
        }
        let values = flow.values();
        let place = self
            .net
            .add(Layer::new("flatten", &[flow.place], vec![values]));
        Ok(Flow {
            place,
            layout: Layout::Row(flow.order()),
            dims: flow.dims,
        })
    }

    /// How many read the first output of a node.
    pub fn readers_of(&self, name: &str) -> usize {
        self.readers.get(name).copied().unwrap_or(0)
    }

    /// Whether one node alone reads `flow`, by `name`: all names that it has on its way there are read once.
    pub fn is_read_once(&self, name: &str, flow: &Flow) -> bool {
        let is_same = |value: &Value| matches!(value, Value::Flow(one) if one.place == flow.place);
        let names = self.values.iter().filter(|(_, value)| is_same(value));
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        names.contains(&name) && names.iter().all(|name| self.readers_of(name) == 1)
    }

    /// Whether nothing but the loss reads what a node makes.
    pub fn is_end(&self, node: &Node) -> bool {
        node.output.first().is_some_and(|name| name == self.output)
    }
}

/// An axis as ONNX counts it, from the end where it is below 0, without the batch; none where it is the batch's.
pub(crate) fn axis(number: i64, dims: &[usize]) -> Result<Option<usize>, Problem> {
    let rank = dims.len() as i64 + 1;
    let counted = if number < 0 { number + rank } else { number };
    match counted {
        0 => Ok(None),
        1.. if counted < rank => Ok(Some(counted as usize - 1)),
        _ => {
            let what = format!("it has no axis {number}: its input has {rank}");
            Err(Problem::new(what, "export the model again"))
        }
    }
}

impl Whole {
    /// A list.
    pub fn list(numbers: Vec<Extent>) -> Self {
        Self {
            numbers,
            is_scalar: false,
        }
    }
}
