//! Expressions of all channels of a position, or of a row, before it is known which layer they are: Keras's exporter
//! writes a layer norm as fifteen nodes, PyTorch's older ones as nine. Like those of single values they are looked at as
//! functions: what has the values of a layer norm is one, and its epsilon, its scales and its shifts follow from
//! them.

use std::{collections::HashMap, rc::Rc};

use crate::{
    activations::{Function, is_close},
    flow::{Flow, Place},
    net::{Layer, Net, Parameter, number as text},
    order::Order,
    problem::Problem,
};

/// What an expression reads.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// The channels that all begins with.
    Channels,
    Expression(usize),
    /// One for all channels, or one for each.
    Constant(Rc<[f64]>),
}

/// What norms are made of: a layer's channels.
#[derive(Debug, Clone)]
pub(crate) struct Of {
    pub place: Place,
    pub channels: usize,
    /// laptime's shape of one sample.
    shape: Vec<usize>,
    /// That of a row's values.
    order: Option<Order>,
}

impl Of {
    /// What a layer's values are.
    pub fn layer(flow: &Flow) -> Self {
        let shape = flow.shape();
        Self {
            place: flow.place,
            channels: shape.last().copied().unwrap_or(0),
            // An image's channels have one order.
            order: flow.order().filter(|_| shape.len() == 1),
            shape,
        }
    }
}

struct Expression {
    of: Of,
    /// The mean of all channels, where there is none.
    function: Option<Function>,
    parts: Vec<Part>,
    /// How many expressions it is made of.
    size: usize,
    norm: Option<Norm>,
    settled: Option<Place>,
    title: String,
    name: Option<String>,
}

/// What a layer norm has beside its input.
#[derive(Debug, Clone)]
struct Norm {
    epsilon: f64,
    scales: Vec<f64>,
    shifts: Vec<f64>,
}

/// A layer norm as Keras spells it has about thirty, the mean counted as often as it is read.
const MOST_PARTS: usize = 64;

/// Values that are computed to look at expressions: far more than the largest nets' norms need.
const MOST_VALUES: usize = 1 << 31;

/// All expressions of channels in a model.
#[derive(Default)]
pub(crate) struct Channels {
    all: Vec<Expression>,
    computed: usize,
    wants_weights: bool,
}

impl Channels {
    /// None yet.
    pub fn new(wants_weights: bool) -> Self {
        Self {
            wants_weights,
            ..Self::default()
        }
    }

    /// Adds one: a function of single values, or without it the mean over channels. `name` is what a layer would be
    /// called.
    pub fn add(
        &mut self,
        of: Of,
        function: Option<Function>,
        parts: Vec<Part>,
        title: String,
        name: Option<String>,
    ) -> Result<Place, Problem> {
        let sizes = parts.iter().map(|part| match part {
            Part::Expression(number) => self.all[*number].size,
            _ => 0,
        });
        let size = 1 + sizes.sum::<usize>();
        self.computed = self
            .computed
            .saturating_add(PROBES * size.saturating_mul(of.channels));
        if size > MOST_PARTS || self.computed > MOST_VALUES {
            let what = "it computes more with means over channels than laptime looks at";
            return Err(Problem::new(what, "the nearest is a LayerNormalization"));
        }
        self.all.push(Expression {
            of,
            function,
            parts,
            size,
            norm: None,
            settled: None,
            title,
            name,
        });
        let number = self.all.len() - 1;
        self.all[number].norm = self.as_norm(number);
        Ok(Place::Channels(number))
    }

    /// What an expression is made of.
    pub fn of(&self, number: usize) -> &Of {
        &self.all[number].of
    }

    /// The layer that an expression has become.
    pub fn settled(&self, number: usize) -> Option<Place> {
        self.all[number].settled
    }

    /// Whether an expression is a whole layer norm, maybe without scales and shifts.
    pub fn is_norm(&self, number: usize) -> bool {
        self.all[number].norm.is_some()
    }

    /// The layer norm that an expression is.
    pub fn settle(&mut self, net: &mut Net, number: usize) -> Result<Place, Problem> {
        let one = &mut self.all[number];
        if let Some(settled) = one.settled {
            return Ok(settled);
        }
        let Some(norm) = &one.norm else {
            let what = format!(
                "{}: it is made of means over channels, and no layer norm",
                one.title
            );
            let advice = "the nearest is layer_norm, (x − mean)/√(variance + epsilon)";
            return Err(Problem::new(what, advice));
        };
        let parameter = |name, values: &[f64]| Parameter {
            name,
            shape: vec![values.len()],
            values: self.wants_weights.then(|| match &one.of.order {
                Some(order) => order.places().map(|at| values[at] as f32).collect(),
                None => values.iter().map(|value| *value as f32).collect(),
            }),
        };
        let mut layer = Layer::new("layer_norm", &[one.of.place], one.of.shape.clone())
            .key("epsilon", text(norm.epsilon));
        layer.name.clone_from(&one.name);
        layer.parameters = vec![
            parameter("weight", &norm.scales),
            parameter("bias", &norm.shifts),
        ];
        let settled = net.add(layer);
        one.settled = Some(settled);
        Ok(settled)
    }

    /// What an expression gives for these channels: a value for each, or one for all.
    fn values(&self, number: usize, channels: &Rc<[f64]>) -> Rc<[f64]> {
        self.known_values(number, channels, &mut HashMap::new())
    }

    fn known_values(
        &self,
        number: usize,
        channels: &Rc<[f64]>,
        known: &mut HashMap<usize, Rc<[f64]>>,
    ) -> Rc<[f64]> {
        if let Some(values) = known.get(&number) {
            return Rc::clone(values);
        }
        let one = &self.all[number];
        let parts = one.parts.iter().map(|part| match part {
            Part::Channels => Rc::clone(channels),
            Part::Expression(number) => self.known_values(*number, channels, known),
            Part::Constant(values) => Rc::clone(values),
        });
        let parts: Vec<Rc<[f64]>> = parts.collect();
        let longest = parts.iter().map(|part| part.len()).max().unwrap_or(0);
        let at = |part: &Rc<[f64]>, place: usize| part[if part.len() == 1 { 0 } else { place }];
        let values: Rc<[f64]> = match &one.function {
            None => [mean(&parts[0])].into(),
            Some(function) => {
                let mut operands = vec![0.0; parts.len()];
                let values = (0..longest).map(|place| {
                    for (operand, part) in operands.iter_mut().zip(&parts) {
                        *operand = at(part, place);
                    }
                    function(&operands)
                });
                values.collect()
            }
        };
        known.insert(number, Rc::clone(&values));
        values
    }

    /// The layer norm whose values an expression has.
    fn as_norm(&self, number: usize) -> Option<Norm> {
        let count = self.all[number].of.channels;
        let of = |channels: &Rc<[f64]>| self.values(number, channels);
        // Channels that are all 0 leave the shifts.
        let shifts = of(&vec![0.0; count].into());
        if shifts.len() != count || count < 2 {
            return None;
        }
        // Beside a variance of 10¹² no epsilon shows.
        let far = probe(count, 1e6, 1);
        let normal = normalized(&far, 0.0);
        let scaled = of(&far);
        let scales = (0..count).map(|at| (scaled[at] - shifts[at]) / normal[at]);
        let scales: Vec<f64> = scales.collect();
        let near = probe(count, 1e-5, 2);
        let (middle, spread) = (mean(&near), variance(&near));
        let largest = (0..count).max_by(|a, b| scales[*a].abs().total_cmp(&scales[*b].abs()))?;
        let divisor =
            scales[largest] * (near[largest] - middle) / (of(&near)[largest] - shifts[largest]);
        // Written in single precision, it has seven digits.
        let epsilon: f64 = format!("{:.6e}", divisor * divisor - spread).parse().ok()?;
        let is_same = |channels: Rc<[f64]>| {
            let (found, normal) = (of(&channels), normalized(&channels, epsilon));
            (0..count).all(|at| is_close(found[at], scales[at] * normal[at] + shifts[at]))
        };
        let probes = [(1.0, 3), (0.01, 4), (3.0, 5)].map(|(size, seed)| probe(count, size, seed));
        let shifted: Rc<[f64]> = probes[0].iter().map(|one| one + 7.0).collect();
        let is_norm =
            (1e-13..1.0).contains(&epsilon) && probes.into_iter().chain([shifted]).all(is_same);
        is_norm.then(|| Norm {
            epsilon,
            scales,
            shifts: shifts.to_vec(),
        })
    }
}

/// How often an expression is computed to look at it.
const PROBES: usize = 7;

/// Values of both signs in turn, from `size` to twice that: none of them is near their mean.
fn probe(count: usize, size: f64, seed: u64) -> Rc<[f64]> {
    let fraction = |at: u64| {
        let mixed = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed.rotate_left(17));
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) as f64 / 2f64.powi(64)
    };
    let sign = |at: u64| if at.is_multiple_of(2) { 1.0 } else { -1.0 };
    (0..count as u64)
        .map(|at| size * sign(at) * (1.0 + fraction(at)))
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    values.iter().map(|one| (one - middle).powi(2)).sum::<f64>() / values.len() as f64
}

fn normalized(values: &[f64], epsilon: f64) -> Vec<f64> {
    let (middle, root) = (mean(values), (variance(values) + epsilon).sqrt());
    values.iter().map(|one| (one - middle) / root).collect()
}
