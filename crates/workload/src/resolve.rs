//! Decides everything that a spec leaves open: what the command line overrides, which layer reads
//! which, and every shape.

use std::collections::HashMap;

use toml::Spanned;

use crate::{
    foreign::NONE,
    layers::{kind_name, output_shape, shape_text},
    spec::{LayerSpec, Spec},
    spec_error::{Problem, SpecError, quoted},
    suggest::advice,
    windows,
    workload::{Layer, LayerKind, Precision, Source, Workload},
};

/// The most values that one tensor may have: 16 GiB in single precision. Sizes below it cannot
/// overflow anywhere.
pub(crate) const MAX_VALUES: u64 = 1 << 32;

/// The most layers. The deepest nets that were published have about 4,000 (ResNet-1202). Much of what is
/// asked of a net looks at every layer for every layer, and takes about 5 s for so many.
const MAX_LAYERS: usize = 5000;

/// The streams of random values number epochs with 32 bits; this is far from it and far beyond use.
const MAX_EPOCHS: u64 = 1_000_000;

/// Enough for any net; it bounds the work on hostile text.
const MAX_INPUTS: usize = 64;

/// What the scaled pixels are called in `inputs`.
const PIXELS: &str = "input";

/// What the command line changes in a spec; `None` leaves the spec's value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--batch-size`
    pub batch_size: Option<u64>,
    /// `--epochs`
    pub epochs: Option<u64>,
    /// `--seed`
    pub seed: Option<u64>,
    /// `--precision`
    pub precision: Option<Precision>,
    /// `--width`: so many times the units of every dense layer but the last.
    pub width: Option<u64>,
}

impl Spec {
    /// The workload that this spec with these overrides describes.
    pub fn resolve(&self, overrides: &Overrides) -> Result<Workload, SpecError> {
        if let Some(width) = overrides.width.filter(|width| *width != 1) {
            let mut wider = self.wider(width)?.resolve(&Overrides {
                width: None,
                ..overrides.clone()
            })?;
            wider.overrides.push(format!("width = {width}"));
            return Ok(wider);
        }
        let official = self.data.dataset.official();
        let mut changed = Vec::new();
        let batch_size = self.size(
            ("batch_size", "--batch-size"),
            &self.training.batch_size,
            overrides.batch_size,
            official.train_samples as u64,
            &mut changed,
        )?;
        let epochs = self.size(
            ("epochs", "--epochs"),
            &self.training.epochs,
            overrides.epochs,
            MAX_EPOCHS,
            &mut changed,
        )?;
        let seed = overrides.seed.unwrap_or(self.training.seed);
        if seed != self.training.seed {
            changed.push(format!("seed = {seed}"));
        }
        let precision = overrides.precision.unwrap_or(self.training.precision);
        if precision != self.training.precision {
            changed.push(format!("precision = \"{precision}\""));
        }
        let shape = official.shape;
        let pixels = [shape.height, shape.width, shape.channels];
        Ok(Workload {
            name: self.name.clone(),
            dataset: self.data.dataset,
            input: shape,
            classes: official.classes,
            pixel_divisor: self.data.pixel_divisor,
            layers: self.resolve_layers(&pixels, official.classes, batch_size)?,
            loss: self.training.loss,
            optimizer: self.optimizer,
            batch_size,
            epochs,
            shuffle: self.training.shuffle,
            seed,
            precision,
            overrides: changed,
        })
    }

    /// The same net with so many times the units in every dense layer but the last, whose units are the
    /// classes.
    fn wider(&self, width: u64) -> Result<Self, SpecError> {
        let mut wider = self.clone();
        let mut dense: Vec<&mut LayerSpec> = wider
            .layers
            .iter_mut()
            .filter(|layer| matches!(layer.kind, LayerKind::Dense { .. }))
            .collect();
        dense.pop();
        if dense.is_empty() {
            let problem = Problem::new(
                "--width has no dense layer to widen: the last one gives the classes",
                "sweep another net, or --batch-size",
            );
            let span = self
                .layers
                .last()
                .map_or(0..0, |layer| layer.span_of("kind"));
            return Err(self.source.error(span, problem));
        }
        for layer in dense {
            if let LayerKind::Dense { units } = &mut layer.kind {
                *units = usize::try_from(width)
                    .unwrap_or(usize::MAX)
                    .saturating_mul(*units);
            }
        }
        Ok(wider)
    }

    /// A size of at least 1, from the spec or from the option that overrides it.
    fn size(
        &self,
        (key, option): (&str, &str),
        stated: &Spanned<u64>,
        overriding: Option<u64>,
        most: u64,
        changed: &mut Vec<String>,
    ) -> Result<usize, SpecError> {
        let value = overriding.unwrap_or(*stated.get_ref());
        if value == 0 || value > most {
            let what = format!("{key} must be at least 1 and at most {most}");
            let problem = Problem::new(what, "");
            return Err(match overriding {
                Some(value) => SpecError::option(option, value, problem),
                None => self.source.error(stated.span(), problem),
            });
        }
        if value != *stated.get_ref() {
            changed.push(format!("{key} = {value}"));
        }
        Ok(value as usize)
    }

    fn resolve_layers(
        &self,
        pixels: &[usize],
        classes: usize,
        batch_size: usize,
    ) -> Result<Vec<Layer>, SpecError> {
        if self.layers.len() > MAX_LAYERS {
            let what = format!("the spec has {} layers", self.layers.len());
            let advice = format!("use fewer: at most {MAX_LAYERS} are possible");
            let span = self.layers[MAX_LAYERS].span_of("kind");
            return Err(self.source.error(span, Problem::new(what, advice)));
        }
        let names = self.layer_names()?;
        let mut layers: Vec<Layer> = Vec::with_capacity(self.layers.len());
        let mut parameters: u64 = 0;
        for (index, spec) in self.layers.iter().enumerate() {
            let inputs = self.layer_inputs(index, &names)?;
            let shapes: Vec<&[usize]> = inputs
                .iter()
                .map(|input| match *input {
                    Source::Input => pixels,
                    Source::Layer(layer) => &layers[layer].output,
                })
                .collect();
            let misfit = |(key, problem)| self.source.error(spec.span_of(key), problem);
            let mut kind = spec.kind.clone();
            if spec.same_padding {
                windows::pad_same(&mut kind, &shapes);
            }
            let (output, weights) = output_shape(&kind, &shapes).map_err(misfit)?;
            parameters = weights.saturating_add(parameters);
            if parameters > MAX_VALUES {
                let what = format!("up to here the net has {parameters} parameters");
                let advice = format!("make it smaller: at most {MAX_VALUES} are possible");
                return Err(self.size_error(spec, what, advice));
            }
            let values = output
                .iter()
                .fold(1, |product: u64, &size| product.saturating_mul(size as u64));
            if values.saturating_mul(batch_size as u64) > MAX_VALUES {
                let what = format!("a batch of {batch_size} makes {values} values a sample here");
                let advice = format!("make one smaller: at most {MAX_VALUES} in all are possible");
                return Err(self.size_error(spec, what, advice));
            }
            layers.push(Layer {
                name: names[index].clone(),
                kind,
                inputs,
                output,
            });
        }
        self.check_ends(&layers, classes)?;
        Ok(layers)
    }

    /// An error at the size that a layer states.
    fn size_error(&self, layer: &LayerSpec, what: String, advice: String) -> SpecError {
        let problem = Problem::new(what, advice);
        let key = match layer.kind {
            LayerKind::Conv2d { .. } => "filters",
            _ => "units",
        };
        self.source.error(layer.span_of(key), problem)
    }

    /// Every layer's name, stated or made of its kind and a number; no two are equal.
    fn layer_names(&self) -> Result<Vec<String>, SpecError> {
        let mut names = Vec::with_capacity(self.layers.len());
        let mut seen = HashMap::new();
        let mut layers_of_kind = HashMap::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let kind = kind_name(&layer.kind);
            let number = layers_of_kind.entry(kind).or_insert(0);
            *number += 1;
            let name = match &layer.name {
                Some(name) => name.get_ref().clone(),
                None => format!("{kind}{number}"),
            };
            let span = layer.span_of("name");
            if name == PIXELS {
                let what = format!(
                    "a layer cannot be named {PIXELS:?}: that is what the pixels are called"
                );
                return Err(self
                    .source
                    .error(span, Problem::new(what, "give it another name")));
            }
            if let Some(first) = seen.insert(name.clone(), index) {
                let what = format!(
                    "layers {} and {} are both named {name:?}",
                    first + 1,
                    index + 1
                );
                let advice =
                    "give one of them another name: parameters are named after their layer";
                return Err(self.source.error(span, Problem::new(what, advice)));
            }
            names.push(name);
        }
        Ok(names)
    }

    /// What layer `index` reads: the layers it names, or else the one before it.
    fn layer_inputs(&self, index: usize, names: &[String]) -> Result<Vec<Source>, SpecError> {
        let Some(inputs) = &self.layers[index].inputs else {
            return Ok(vec![match index.checked_sub(1) {
                Some(before) => Source::Layer(before),
                None => Source::Input,
            }]);
        };
        if inputs.get_ref().len() > MAX_INPUTS {
            let what = format!("a layer reads at most {MAX_INPUTS} others");
            return Err(self.source.error(inputs.span(), Problem::new(what, "")));
        }
        let inputs = inputs.get_ref().iter().map(|input| {
            let name = input.get_ref();
            if name == PIXELS {
                return Ok(Source::Input);
            }
            let problem = match names.iter().position(|other| other == name) {
                Some(layer) if layer < index => return Ok(Source::Layer(layer)),
                Some(_) => Problem::new(
                    format!("layer {name:?} does not come before this one"),
                    "put every layer after those it reads",
                ),
                None => {
                    // A long net has too many names to list them all.
                    let near = names[..index].iter().rev().take(20).map(String::as_str);
                    let known: Vec<&str> = [PIXELS].into_iter().chain(near).collect();
                    let what = format!("there is no layer {}", quoted(name));
                    Problem::new(what, advice(name, &known, &NONE))
                }
            };
            Err(self.source.error(input.span(), problem))
        });
        inputs.collect()
    }

    /// The last layer gives the logits, and every other one is read by some layer.
    fn check_ends(&self, layers: &[Layer], classes: usize) -> Result<(), SpecError> {
        let Some(last) = layers.last() else {
            let what = "the spec has no layers";
            let advice = "add at least one [[layer]]";
            return Err(self.source.error(0..0, Problem::new(what, advice)));
        };
        if last.output != [classes] {
            let what = format!(
                "the last layer gives {} values a sample, but {} has {classes} classes",
                shape_text(&last.output),
                self.data.dataset
            );
            let advice = format!("end with a dense layer with units = {classes}");
            let spec = &self.layers[layers.len() - 1];
            return Err(self.size_error(spec, what, advice));
        }
        let mut is_read = vec![false; layers.len()];
        for layer in layers {
            for input in &layer.inputs {
                if let Source::Layer(read) = *input {
                    is_read[read] = true;
                }
            }
        }
        let unread = is_read[..layers.len() - 1].iter().position(|&read| !read);
        match unread {
            None => Ok(()),
            Some(index) => {
                let what = format!("nothing reads the output of layer {:?}", layers[index].name);
                let advice = "remove it, or name it in the inputs of a later layer";
                let span = self.layers[index].kind_span.clone();
                Err(self.source.error(span, Problem::new(what, advice)))
            }
        }
    }
}
