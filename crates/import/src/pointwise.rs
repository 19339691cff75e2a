//! Expressions of single values, before it is known which layers they are: an exporter writes SiLU as two nodes and
//! GELU as five. They are kept as they come, and looked at as functions when something reads their result.

use std::collections::HashMap;

use crate::{
    activations::{Function, affine, find, is_close, points},
    channels::Channels,
    flow::Place,
    net::{Layer, Net, has_layer, number as text},
    problem::Problem,
};

/// What an expression reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Operand {
    Value(Place),
    Scalar(f64),
}

/// One operation on single values.
pub(crate) struct Expression {
    pub function: Function,
    pub operands: Vec<Operand>,
    /// laptime's shape of one sample.
    pub shape: Vec<usize>,
    /// The layer that computes it from two others, where it is not an activation: `add`.
    pub joins: Option<&'static str>,
    /// What messages call it.
    pub title: String,
    /// How many expressions it is made of.
    size: usize,
    /// The layer that it has become.
    settled: Option<Place>,
}

/// The longest formula of an activation has about ten.
const MOST_PARTS: usize = 24;

/// All expressions of a model.
#[derive(Default)]
pub(crate) struct Expressions {
    all: Vec<Expression>,
    /// What the net's input is divided by, where the model itself scales it.
    pub divisor: Option<f64>,
    /// Those of all channels of a position.
    pub channels: Channels,
}

impl Expressions {
    /// None yet. Layers have their weights' values where they are asked for.
    pub fn new(wants_weights: bool) -> Self {
        Self {
            channels: Channels::new(wants_weights),
            ..Self::default()
        }
    }

    /// Adds one. What it reads becomes layers first, where it would grow too long.
    pub fn add(
        &mut self,
        net: &mut Net,
        function: Function,
        mut operands: Vec<Operand>,
        shape: Vec<usize>,
        joins: Option<&'static str>,
        title: String,
    ) -> Result<Place, Problem> {
        let size = |of: &Self, operands: &[Operand]| {
            let sizes = operands.iter().map(|one| match one {
                Operand::Value(Place::Pointwise(number)) => of.all[*number].size,
                _ => 0,
            });
            1 + sizes.sum::<usize>()
        };
        if size(self, &operands) > MOST_PARTS {
            for operand in &mut operands {
                if let Operand::Value(place) = operand {
                    *place = self.settle(net, *place)?;
                }
            }
        }
        let size = size(self, &operands);
        self.all.push(Expression {
            function,
            operands,
            shape,
            joins,
            title,
            size,
            settled: None,
        });
        Ok(Place::Pointwise(self.all.len() - 1))
    }

    /// The layer that computes what is at `place`, which is added where there is none yet.
    pub fn settle(&mut self, net: &mut Net, place: Place) -> Result<Place, Problem> {
        let number = match place {
            Place::Pointwise(number) => number,
            Place::Channels(number) => return self.channels.settle(net, number),
            _ => return Ok(place),
        };
        if let Some(settled) = self.all[number].settled {
            return Ok(settled);
        }
        let settled = match self.as_activation(net, number)? {
            Some(place) => place,
            None => self.as_join(net, number)?,
        };
        self.all[number].settled = Some(settled);
        Ok(settled)
    }

    /// As a function of one value that it is made of, of the one farthest from it first.
    fn as_activation(&mut self, net: &mut Net, number: usize) -> Result<Option<Place>, Problem> {
        let mut lacking = None;
        for from in self.made_of(number) {
            let function = |x: f64| self.value(number, from, x).unwrap_or(f64::NAN);
            if function(0.5).is_nan() {
                continue;
            }
            if points().all(|x| is_close(function(x), x)) {
                return self.settle(net, from).map(Some);
            }
            if from == Place::Input
                && let Some(divisor) = divisor(&function)
            {
                if self.divisor.is_some_and(|known| known != divisor) {
                    let what = "the model scales its input in two ways".to_owned();
                    return Err(Problem::new(what, "export it without one of them"));
                }
                self.divisor = Some(divisor);
                return Ok(Some(Place::Input));
            }
            if let Some([factor, offset]) = affine(&function) {
                let input = self.settle(net, from)?;
                let layer = Layer::new("scale", &[input], self.all[number].shape.clone());
                let layer = layer.key("factor", text(factor));
                return Ok(Some(net.add(layer.key("offset", text(offset)))));
            }
            let Some((known, constant)) = find(&function) else {
                continue;
            };
            if !has_layer(known.kind) {
                lacking = Some((known, self.all[number].title.clone()));
                continue;
            }
            let input = self.settle(net, from)?;
            let layer = Layer::new(known.kind, &[input], self.all[number].shape.clone());
            let layer = match known.constant {
                Some((key, _)) => layer.key(key, text(constant)),
                None => layer,
            };
            return Ok(Some(net.add(layer)));
        }
        match lacking {
            None => Ok(None),
            Some((known, title)) => {
                let what = format!("{title}: laptime has no layer {:?}", known.kind);
                let advice = format!("the nearest is {:?}: change it in the model", known.nearest);
                Err(Problem::new(what, advice))
            }
        }
    }

    fn as_join(&mut self, net: &mut Net, number: usize) -> Result<Place, Problem> {
        let one = &self.all[number];
        let (shape, title, joins) = (one.shape.clone(), one.title.clone(), one.joins);
        let places: Vec<Place> = one
            .operands
            .iter()
            .filter_map(|operand| match operand {
                Operand::Value(place) => Some(*place),
                Operand::Scalar(_) => None,
            })
            .collect();
        match joins {
            Some(kind) if places.len() == 2 && has_layer(kind) => {
                let places = places.into_iter().map(|place| self.settle(net, place));
                let inputs = places.collect::<Result<Vec<_>, _>>()?;
                Ok(net.add(Layer::new(kind, &inputs, shape)))
            }
            Some(kind) if places.len() == 2 => {
                let what = format!("{title}: laptime has no layer {kind:?} of two layers' values");
                Err(Problem::new(
                    what,
                    "the nearest is \"add\": change it in the model",
                ))
            }
            _ => {
                let what = format!("{title}: no activation of laptime's has these values");
                let advice = "use one of those that `laptime workloads --layers` lists";
                Err(Problem::new(what, advice))
            }
        }
    }

    /// All that an expression is made of, with itself left out, what comes first in the net first.
    fn made_of(&self, number: usize) -> Vec<Place> {
        let mut found = Vec::new();
        let mut next = vec![number];
        while let Some(number) = next.pop() {
            for operand in &self.all[number].operands {
                let Operand::Value(place) = *operand else {
                    continue;
                };
                if found.contains(&place) {
                    continue;
                }
                found.push(place);
                if let Place::Pointwise(inner) = place
                    && self.all[inner].settled.is_none()
                {
                    next.push(inner);
                }
            }
        }
        found.sort();
        found
    }

    /// The value of an expression where what is at `from` is x; none where it depends on anything else.
    fn value(&self, number: usize, from: Place, x: f64) -> Option<f64> {
        let mut known = HashMap::from([(from, x)]);
        self.value_of(Place::Pointwise(number), &mut known)
    }

    fn value_of(&self, place: Place, known: &mut HashMap<Place, f64>) -> Option<f64> {
        if let Some(value) = known.get(&place) {
            return Some(*value);
        }
        let Place::Pointwise(number) = place else {
            return None;
        };
        let one = &self.all[number];
        let values = one.operands.iter().map(|operand| match operand {
            Operand::Scalar(value) => Some(*value),
            Operand::Value(place) => self.value_of(*place, known),
        });
        let values = values.collect::<Option<Vec<f64>>>()?;
        let value = (one.function)(&values);
        known.insert(place, value);
        Some(value)
    }
}

/// What x is divided by, where that is all that is done with it.
fn divisor(function: &dyn Fn(f64) -> f64) -> Option<f64> {
    let factor = function(1.0);
    let is_scaled = points().all(|x| is_close(function(x) / factor, x));
    let divisor = format!("{:.6e}", 1.0 / factor).parse().ok()?;
    (is_scaled && factor > 0.0 && f64::is_finite(divisor)).then_some(divisor)
}
