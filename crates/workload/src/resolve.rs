//! Decides everything that a spec leaves open: what the command line overrides, and by `wiring` what its
//! layers come to.

use toml::Spanned;

use crate::{
    dataset::Description,
    layers::LayerKind,
    loss::Loss,
    spec::{LayerSpec, Spec},
    spec_error::{Faults, Problem, SpecError},
    workload::{Precision, SampleShape, Workload},
};

/// The streams of random values number epochs with 32 bits; this is far from it and far beyond use.
const MAX_EPOCHS: u64 = 1_000_000;

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
        let (dataset, pixel_divisor) = self.data.resolved(&self.source)?;
        let data = dataset.description();
        let mut changed = Vec::new();
        let mut faults = Faults::default();
        let batch_size = faults.note(self.size(
            ("batch_size", "--batch-size"),
            &self.training.batch_size,
            overrides.batch_size,
            data.train_samples as u64,
            &mut changed,
        ));
        let micro_batch_size = faults.note(self.micro_batch_size(batch_size));
        let epochs = faults.note(self.size(
            ("epochs", "--epochs"),
            &self.training.epochs,
            overrides.epochs,
            MAX_EPOCHS,
            &mut changed,
        ));
        let seed = overrides.seed.unwrap_or(self.training.seed);
        if seed != self.training.seed {
            changed.push(format!("seed = {seed}"));
        }
        let precision = overrides.precision.unwrap_or(self.training.precision);
        if precision != self.training.precision {
            changed.push(format!("precision = \"{precision}\""));
        }
        let shape = SampleShape::of(data.input());
        let at_once = micro_batch_size.flatten().or(batch_size);
        let layers = faults.note(self.wired(data, at_once.unwrap_or(1)));
        faults.note(self.check_augment(data));
        faults.result()?;
        let resolved = "what was not resolved is a fault";
        Ok(Workload {
            name: self.name.clone(),
            input: shape,
            classes: data.classes,
            dataset,
            pixel_divisor,
            augment: self.augment.as_ref().map(|it| *it.get_ref()),
            layers: layers.expect(resolved),
            loss: self.training.loss,
            label_smoothing: self.training.label_smoothing,
            optimizer: self.optimizer,
            global_clip_norm: self.global_clip_norm,
            rate_schedule: self.rate_schedule,
            initializer: self.initializer,
            batch_size: batch_size.expect(resolved),
            drop_last: self.training.drop_last,
            micro_batch_size: micro_batch_size.expect(resolved),
            epochs: epochs.expect(resolved),
            shuffle: self.training.shuffle,
            seed,
            initial_weights: None,
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
            if let LayerKind::Dense { units, .. } = &mut layer.kind {
                *units = usize::try_from(width)
                    .unwrap_or(usize::MAX)
                    .saturating_mul(*units);
            }
        }
        Ok(wider)
    }

    /// Whether these samples can be augmented as is asked.
    fn check_augment(&self, data: &Description) -> Result<(), SpecError> {
        let learns_input =
            self.training.loss == Loss::MeanSquaredError && data.value_column().is_none();
        let Some(augment) = &self.augment else {
            return Ok(());
        };
        let checked = augment.get_ref().check(&data.input().shape, learns_input);
        checked.map_err(|problem| self.source.error(augment.span(), problem))
    }

    /// The size of micro-batches, where they are smaller than the batch.
    fn micro_batch_size(&self, batch_size: Option<usize>) -> Result<Option<usize>, SpecError> {
        let Some(stated) = &self.training.micro_batch_size else {
            return Ok(None);
        };
        let size = usize::try_from(*stated.get_ref()).unwrap_or(usize::MAX);
        // A batch that is a fault itself says nothing of its parts.
        let batch_size = batch_size.unwrap_or(size);
        if size == 0 || size > batch_size {
            let what = format!(
                "micro_batch_size must be at least 1 and at most batch_size, which is {batch_size}"
            );
            let advice = "write the samples whose gradients are made at once, or leave it out";
            return Err(self.source.error(stated.span(), Problem::new(what, advice)));
        }
        Ok(Some(size).filter(|size| *size < batch_size))
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
}
