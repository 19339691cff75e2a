//! The weights of layers, by Keras's numbering of them.

use std::collections::HashMap;

use super::{
    advice::EXPORT,
    hdf5::{File, Object},
};
use crate::{net::Parameter, problem::Problem};

/// The weights of a model; of none, where they are not asked for.
pub(super) struct Weights<'a> {
    file: Option<(File<'a>, HashMap<&'a [u8], Object>)>,
    /// How many layers of each class have been met: Keras calls them `dense`, `dense_1`, …, whatever their names are.
    met: HashMap<&'static str, usize>,
}

impl<'a> Weights<'a> {
    pub(super) fn open(bytes: Option<&'a [u8]>) -> Result<Self, Problem> {
        let opened = bytes.map(|bytes| {
            let (file, root) = File::open(bytes)?;
            let (_, layers) = file
                .members(root)?
                .into_iter()
                .find(|it| it.0 == b"layers")?;
            let layers = file.members(layers)?.into_iter().collect();
            Some((file, layers))
        });
        let file = match opened {
            Some(None) => {
                let what = "its model.weights.h5 is no file that Keras 3 writes";
                return Err(Problem::new(what, EXPORT));
            }
            opened => opened.flatten(),
        };
        Ok(Self {
            file,
            met: HashMap::new(),
        })
    }

    /// The parameters of the next layer of a class, which Keras calls so: name, shape as Keras has it, and the order of
    /// Keras's axes as laptime has them.
    pub(super) fn next(
        &mut self,
        class: &'static str,
        wanted: &[(&'static str, Vec<usize>, &[usize])],
    ) -> Result<Vec<Parameter>, Problem> {
        let count = self.met.entry(class).or_insert(0);
        let group = match *count {
            0 => class.to_owned(),
            number => format!("{class}_{number}"),
        };
        *count += 1;
        let variables = self.file.as_ref().map(|(file, layers)| {
            let group = *layers.get(group.as_bytes())?;
            let (_, variables) = file
                .members(group)?
                .into_iter()
                .find(|it| it.0 == b"vars")?;
            let variables: HashMap<_, _> = file.members(variables)?.into_iter().collect();
            (variables.len() == wanted.len()).then_some((file, variables))
        });
        let missing = || {
            let what = format!("its weights, \"layers/{group}\", are not those of such a layer");
            Problem::new(what, EXPORT)
        };
        let mut found = Vec::new();
        for (number, (name, shape, order)) in wanted.iter().enumerate() {
            let values = match &variables {
                None => None,
                Some(read) => {
                    let (file, variables) = read.as_ref().ok_or_else(missing)?;
                    let object = variables.get(number.to_string().as_bytes());
                    let dataset = object.and_then(|it| file.dataset(*it));
                    let dataset = dataset.filter(|it| it.shape == *shape);
                    Some(transposed(
                        &dataset.ok_or_else(missing)?.values(),
                        shape,
                        order,
                    ))
                }
            };
            found.push(Parameter {
                name,
                shape: order.iter().map(|axis| shape[*axis]).collect(),
                values,
            });
        }
        Ok(found)
    }
}

/// Values with their axes in another order.
fn transposed(values: &[f32], shape: &[usize], order: &[usize]) -> Vec<f32> {
    if order.is_sorted() {
        return values.to_vec();
    }
    let mut steps = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        steps[axis - 1] = steps[axis] * shape[axis];
    }
    let mut places = vec![0];
    for axis in order {
        let of = |from: usize| (0..shape[*axis]).map(move |at| (from, at));
        let further = places.iter().flat_map(|from| of(*from));
        places = further.map(|(from, at)| from + at * steps[*axis]).collect();
    }
    places.iter().map(|place| values[*place]).collect()
}
