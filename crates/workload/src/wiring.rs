//! What a spec's layers come to: their names, which reads which, and every shape.

use std::collections::HashMap;

use crate::{
    dataset::Description,
    embedding,
    foreign::NONE,
    layers::{LayerKind, MAX_VALUES, kind_name, output_shape},
    loss::Loss,
    misfits::shape_text,
    padding::{pad_ceil, pad_same},
    spec::{LayerSpec, Spec},
    spec_error::{Faults, Problem, SpecError, quoted},
    suggest::advice,
    workload::{Layer, Source},
};

/// The most layers. The deepest nets that were published have about 4,000 (ResNet-1202). Much of what is
/// asked of a net looks at every layer for every layer, and takes about 5 s for so many.
const MAX_LAYERS: usize = 20_000;

/// Enough for any net; it bounds the work on hostile text.
const MAX_INPUTS: usize = 64;

/// What the scaled input is called in `inputs`.
const INPUT: &str = "input";

impl Spec {
    /// The layers with names, inputs and shapes; or all that is wrong with them.
    pub(crate) fn wired(
        &self,
        data: &Description,
        batch_size: usize,
    ) -> Result<Vec<Layer>, SpecError> {
        if self.layers.is_empty() {
            let what = "the spec has no layers";
            let advice = "add at least one [[layer]]";
            return Err(self.source.error(0..0, Problem::new(what, advice)));
        }
        if self.layers.len() > MAX_LAYERS {
            let what = format!("the spec has {} layers", self.layers.len());
            let advice = format!("use fewer: at most {MAX_LAYERS} are possible");
            let span = self.layers[MAX_LAYERS].span_of("kind");
            return Err(self.source.error(span, Problem::new(what, advice)));
        }
        let mut faults = Faults::default();
        let names = self.layer_names(&mut faults);
        let numbers: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
        // `None` where a shape is not known, because something is wrong there or in what it is made from: a
        // fault is told once.
        let mut layers: Vec<Option<Layer>> = Vec::with_capacity(self.layers.len());
        let mut parameters: u64 = 0;
        for (index, name) in names.iter().enumerate() {
            if faults.is_full() {
                break;
            }
            let inputs = faults.note(self.layer_inputs(index, &names, &numbers));
            let layer = inputs.and_then(|inputs| {
                let shaped = self.shaped(index, name, inputs, (data, &layers), &mut faults)?;
                parameters = shaped.parameters.saturating_add(parameters);
                Some(shaped.layer)
            });
            let checked = layer
                .as_ref()
                .map(|layer| self.check_size(index, layer, parameters, batch_size));
            layers.push(layer);
            if let Some(Err(error)) = checked {
                faults.add(error);
                break;
            }
        }
        if let Some(Some(last)) = layers.get(self.layers.len() - 1) {
            faults.note(self.check_output(data, last));
        }
        faults.result()?;
        let layers: Vec<Layer> = layers.into_iter().flatten().collect();
        self.check_readers(&layers)?;
        Ok(layers)
    }

    /// Layer `index` with its shape, if that is known. What is wrong is noted; the layer may have a shape all
    /// the same.
    fn shaped(
        &self,
        index: usize,
        name: &str,
        inputs: Vec<Source>,
        (data, layers): (&Description, &[Option<Layer>]),
        faults: &mut Faults,
    ) -> Option<Shaped> {
        let spec = &self.layers[index];
        let input_shape = &data.input().shape;
        let shapes = inputs.iter().map(|input| match *input {
            Source::Input => Some(input_shape.as_slice()),
            Source::Layer(layer) => layers[layer].as_ref().map(|it| it.output.as_slice()),
        });
        let shapes = shapes.collect::<Option<Vec<&[usize]>>>();
        let mut kind = spec.kind.clone();
        let read = inputs.contains(&Source::Input).then(|| data.input());
        let name_of_kind = kind_name(&kind);
        let embedding = match &mut kind {
            LayerKind::Embedding(embedding) => Some(embedding),
            _ => None,
        };
        if let Err((key, problem)) = embedding::fit(name_of_kind, embedding, read) {
            faults.add(self.source.error(spec.span_of(key), problem));
            return None;
        }
        if let (true, Some(shapes)) = (spec.same_padding, &shapes) {
            pad_same(&mut kind, shapes);
        }
        if let (true, Some(shapes)) = (spec.ceil_mode, &shapes) {
            pad_ceil(&mut kind, shapes);
        }
        let shape = shapes.map(|shapes| output_shape(&kind, &shapes));
        let (output, parameters) = match shape {
            Some(Ok(shape)) => shape,
            known => {
                if let Some(Err((key, problem))) = known {
                    faults.add(self.source.error(spec.span_of(key), problem));
                }
                // What these give does not depend on what they read.
                match kind {
                    LayerKind::Dense { units, .. } => (vec![units], 0),
                    _ => return None,
                }
            }
        };
        let layer = Layer {
            name: name.to_owned(),
            kind,
            inputs,
            output,
        };
        Some(Shaped { layer, parameters })
    }

    /// That no size could overflow. `parameters` has those of all layers up to this one.
    fn check_size(
        &self,
        index: usize,
        layer: &Layer,
        parameters: u64,
        batch_size: usize,
    ) -> Result<(), SpecError> {
        let spec = &self.layers[index];
        if parameters > MAX_VALUES {
            let what = format!("up to here the net has {parameters} parameters");
            let advice = format!("make it smaller: at most {MAX_VALUES} are possible");
            return Err(self.size_error(spec, what, advice));
        }
        let sizes = layer.output.iter();
        let values = sizes.fold(1, |product: u64, &size| product.saturating_mul(size as u64));
        if values.saturating_mul(batch_size as u64) > MAX_VALUES {
            let what = format!("a batch of {batch_size} makes {values} values a sample here");
            let advice = format!("make one smaller: at most {MAX_VALUES} in all are possible");
            return Err(self.size_error(spec, what, advice));
        }
        Ok(())
    }

    /// An error at the size that a layer states.
    fn size_error(&self, layer: &LayerSpec, what: String, advice: String) -> SpecError {
        let problem = Problem::new(what, advice);
        let key = match layer.kind {
            LayerKind::Conv2d { .. } | LayerKind::Conv2dTranspose { .. } => "filters",
            LayerKind::Embedding(_) => "dimension",
            _ => "units",
        };
        self.source.error(layer.span_of(key), problem)
    }

    /// Every layer's name, stated or made of its kind and a number; no two are equal.
    fn layer_names(&self, faults: &mut Faults) -> Vec<String> {
        let mut names = Vec::with_capacity(self.layers.len());
        let mut seen = HashMap::new();
        let mut layers_of_kind = HashMap::new();
        for (index, layer) in self.layers.iter().enumerate() {
            if faults.is_full() {
                break;
            }
            let kind = kind_name(&layer.kind);
            let number = layers_of_kind.entry(kind).or_insert(0);
            *number += 1;
            let name = match &layer.name {
                Some(name) => name.get_ref().clone(),
                None => format!("{kind}{number}"),
            };
            let span = layer.span_of("name");
            if name == INPUT {
                let what =
                    format!("a layer cannot be named {INPUT:?}: that is what the input is called");
                let problem = Problem::new(what, "give it another name");
                faults.add(self.source.error(span.clone(), problem));
            }
            if let Some(first) = seen.insert(name.clone(), index) {
                let what = format!(
                    "layers {} and {} are both named {name:?}",
                    first + 1,
                    index + 1
                );
                let advice =
                    "give one of them another name: parameters are named after their layer";
                faults.add(self.source.error(span, Problem::new(what, advice)));
            }
            names.push(name);
        }
        names
    }

    /// What layer `index` reads: the layers it names, or else the one before it.
    fn layer_inputs(
        &self,
        index: usize,
        names: &[String],
        numbers: &HashMap<&str, usize>,
    ) -> Result<Vec<Source>, SpecError> {
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
        let mut faults = Faults::default();
        let sources = inputs.get_ref().iter().map(|input| {
            let name = input.get_ref();
            if name == INPUT {
                return Ok(Source::Input);
            }
            let problem = match numbers.get(name.as_str()) {
                Some(&layer) if layer < index => return Ok(Source::Layer(layer)),
                Some(_) => Problem::new(
                    format!("layer {name:?} does not come before this one"),
                    "put every layer after those it reads",
                ),
                None => {
                    // A long net has too many names to list them all.
                    let near = names[..index].iter().rev().take(20).map(String::as_str);
                    let known: Vec<&str> = [INPUT].into_iter().chain(near).collect();
                    let what = format!("there is no layer {}", quoted(name));
                    Problem::new(what, advice(name, &known, &NONE))
                }
            };
            Err(self.source.error(input.span(), problem))
        });
        let sources = sources.filter_map(|source| faults.note(source)).collect();
        faults.result().map(|()| sources)
    }

    /// The last layer gives what the loss takes: logits, or values in the place of the targets or the input.
    fn check_output(&self, data: &Description, last: &Layer) -> Result<(), SpecError> {
        let (wanted, of_what) = match self.training.loss {
            Loss::SoftmaxCrossEntropy => (data.classes, "classes"),
            Loss::MeanSquaredError => match data.value_column() {
                Some(place) => (data.columns[place].values(), "target values a sample"),
                None => (data.input().values(), "input values to compare them with"),
            },
        };
        if last.output == [wanted] {
            return Ok(());
        }
        let what = format!(
            "the last layer gives {} values a sample, but {} has {wanted} {of_what}",
            shape_text(&last.output),
            data.name
        );
        let values: usize = last.output.iter().product();
        let advice = match values == wanted {
            true => "end with a flatten layer".into(),
            false => format!("end with a dense layer with units = {wanted}"),
        };
        let spec = &self.layers[self.layers.len() - 1];
        Err(self.size_error(spec, what, advice))
    }

    /// Every layer but the last is read by some layer.
    fn check_readers(&self, layers: &[Layer]) -> Result<(), SpecError> {
        let mut is_read = vec![false; layers.len()];
        for layer in layers {
            for input in &layer.inputs {
                if let Source::Layer(read) = *input {
                    is_read[read] = true;
                }
            }
        }
        let mut faults = Faults::default();
        let unread = is_read[..layers.len() - 1].iter().enumerate();
        for (index, _) in unread.filter(|(_, is_read)| !**is_read).take(Faults::MOST) {
            let what = format!("nothing reads the output of layer {:?}", layers[index].name);
            let advice = "remove it, or name it in the inputs of a later layer";
            let span = self.layers[index].kind_span.clone();
            faults.add(self.source.error(span, Problem::new(what, advice)));
        }
        faults.result()
    }
}

/// A layer, and how many parameters it has.
struct Shaped {
    layer: Layer,
    parameters: u64,
}
