//! A spec as it is written: every key read and of the right type, nothing wired up yet.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    path::Path,
};

use toml::{Spanned, de::DeTable};

use crate::{
    Shown,
    augment::{Augment, read_augment},
    choices::{check_name, one_of},
    data_table::{DataTable, read_data},
    entry::{choose, chosen},
    fields::{FRACTION, Fields, POSITIVE},
    folder::folder_of,
    foreign,
    initializers::{INITIALIZERS, Initializer},
    key::{BOTH, Key},
    layers::{LayerKind, layers, read_kind},
    loss::Loss,
    optimizers::{OPTIMIZERS, Optimizer},
    rate_schedule::{RATE_SCHEDULES, RateSchedule},
    spec_error::{Faults, Problem, SourceText, SpecError},
    windows,
    workload::Precision,
};

/// A workload as a TOML file states it. [`Spec::resolve`] makes a [`crate::Workload`] of it.
#[derive(Debug, Clone)]
pub struct Spec {
    pub(crate) source: SourceText,
    pub(crate) name: String,
    pub(crate) data: DataTable,
    pub(crate) training: Training,
    pub(crate) optimizer: Optimizer,
    pub(crate) global_clip_norm: Option<f64>,
    pub(crate) rate_schedule: Option<RateSchedule>,
    pub(crate) initializer: Initializer,
    pub(crate) augment: Option<Spanned<Augment>>,
    pub(crate) layers: Vec<LayerSpec>,
}

/// `[training]`
#[derive(Debug, Clone)]
pub(crate) struct Training {
    pub(crate) batch_size: Spanned<u64>,
    pub(crate) micro_batch_size: Option<Spanned<u64>>,
    pub(crate) drop_last: bool,
    pub(crate) epochs: Spanned<u64>,
    pub(crate) shuffle: bool,
    pub(crate) seed: u64,
    pub(crate) precision: Precision,
    pub(crate) loss: Loss,
    pub(crate) label_smoothing: f64,
}

/// One `[[layer]]`.
#[derive(Debug, Clone)]
pub(crate) struct LayerSpec {
    pub(crate) name: Option<Spanned<String>>,
    /// What it computes; where padding is `"same"`, its amounts are still to be put in.
    pub(crate) kind: LayerKind,
    pub(crate) kind_span: Range<usize>,
    pub(crate) inputs: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whether `padding = "same"`: how much that is depends on the input.
    pub(crate) same_padding: bool,
    /// Whether `ceil_mode = true`, which is more padding.
    pub(crate) ceil_mode: bool,
    /// Where the values of its keys stand.
    pub(crate) spans: Vec<(String, Range<usize>)>,
}

impl LayerSpec {
    /// Where the value of `key` stands, or the kind where there is no such key.
    pub(crate) fn span_of(&self, key: &str) -> Range<usize> {
        let found = self.spans.iter().find(|(name, _)| name == key);
        found.map_or(self.kind_span.clone(), |(_, span)| span.clone())
    }
}

/// No spec written by hand comes near it.
const MAX_FILE_BYTES: u64 = 1 << 20;

impl Spec {
    /// Reads and parses the file at `path`. Files of data that it names are found from its folder on.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let file_name = Shown(path).to_string();
        let file = File::open(path).map_err(|error| unreadable(&file_name, &error))?;
        Self::from_reader(file, &file_name, folder_of(path))
    }

    /// Reads and parses what `reader` has; errors call it by `file_name`. Files of data that it names are found
    /// from `folder` on.
    pub fn from_reader(
        reader: impl Read,
        file_name: &str,
        folder: &Path,
    ) -> Result<Self, SpecError> {
        let wrong = |what: String, advice| SpecError::file(file_name, Problem::new(what, advice));
        let mut bytes = Vec::new();
        let read = reader.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(file_name, &error))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            let advice = "give a workload's TOML file";
            return Err(wrong("is larger than 1 MiB".into(), advice));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let advice = "save it as UTF-8, which TOML requires";
            wrong(format!("is not UTF-8 text at byte {at}"), advice)
        })?;
        let mut spec = Self::parse(&text, file_name)?;
        spec.data.start_paths_at(folder.into());
        Ok(spec)
    }

    /// Parses `text`; errors call it by `file_name`. What is resolved of it reads no file.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, SpecError> {
        let source = SourceText {
            file_name: file_name.to_owned(),
            text: text.to_owned(),
        };
        let table = DeTable::parse(text).map_err(|error| {
            let what = format!("this is not TOML: {}", error.message());
            let span = error.span().unwrap_or_default();
            source.error(
                span,
                Problem::new(what, "see https://toml.io for the syntax"),
            )
        })?;
        let top = Fields::whole(&source, table.get_ref(), TOP_KEYS);
        let mut faults = Faults::default();
        faults.note(top.deny_unknown());
        let name = faults.note(workload_name(&top));
        let training = read_training(&top);
        // What targets are follows from the loss.
        let loss = training
            .as_ref()
            .map_or(Loss::SoftmaxCrossEntropy, |it| it.loss);
        let data = faults.note(read_data(&top, loss));
        let training = faults.note(training);
        let optimizer = faults.note(read_optimizer(&top));
        let rate_schedule = faults.note(read_rate_schedule(&top));
        let initializer = faults.note(read_initializer(&top));
        let augment = faults.note(read_augment(&top));
        let layers = read_layers(&top, &mut faults);
        faults.result()?;
        let read = "what was not read is a fault";
        let (optimizer, global_clip_norm) = optimizer.expect(read);
        Ok(Self {
            name: name.expect(read),
            data: data.expect(read),
            training: training.expect(read),
            optimizer,
            global_clip_norm,
            rate_schedule: rate_schedule.expect(read),
            initializer: initializer.expect(read),
            augment: augment.expect(read),
            layers,
            source,
        })
    }

    /// The workload's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn unreadable(file_name: &str, error: &io::Error) -> SpecError {
    let advice = "give the path of a workload's TOML file, or the name of a built-in one";
    SpecError::file(
        file_name,
        Problem::new(format!("cannot be read: {error}"), advice),
    )
}

/// The name, and the tables, for which their own keys are offered.
const TOP_KEYS: &[Key] = &[
    Key::new("name", "\"my-workload\""),
    Key::new("data", ""),
    Key::new("training", ""),
    Key::new("optimizer", ""),
    Key::new("schedule", ""),
    Key::new("initializer", ""),
    Key::new("augment", ""),
    Key::new("layer", ""),
];

fn workload_name(top: &Fields) -> Result<String, SpecError> {
    let name = top.string("name")?;
    check_name(top, "a workload's name", &name)?;
    Ok(name.into_inner())
}

/// The keys of `[training]`.
const TRAINING_KEYS: &[Key] = &[
    Key::new("batch_size", "32").why("the default in Keras"),
    Key::new("epochs", "10"),
    Key::new("shuffle", "true").why("the default in Keras"),
    Key::new("seed", "1"),
    Key::new("precision", "\"fp32\"").why(BOTH),
    Key::new("loss", "\"softmax-cross-entropy\""),
];

fn read_training(top: &Fields) -> Result<Training, SpecError> {
    let fields = top.table("training", TRAINING_KEYS)?;
    fields.check_keys(&["label_smoothing", "micro_batch_size", "drop_last"], &[]);
    let precisions = Precision::ALL.map(|precision| (precision.as_str(), precision));
    let losses = Loss::ALL.map(|loss| (loss.as_str(), loss));
    let loss = one_of(&fields, "loss", &losses, &foreign::LOSSES);
    let smoothing = fields.optional_number("label_smoothing", "0.1", &FRACTION);
    if let (Some(value), Loss::MeanSquaredError) = (fields.get("label_smoothing"), loss) {
        let what = format!("the loss {:?} has no labels to smooth", loss.as_str());
        let wrong = fields.error(value.span(), what, "leave label_smoothing out");
        fields.noted(Err(wrong), ());
    }
    fields.finish(Training {
        batch_size: fields.whole_number("batch_size"),
        micro_batch_size: fields.optional_whole_number("micro_batch_size", "32"),
        drop_last: fields.optional_boolean("drop_last", false),
        epochs: fields.whole_number("epochs"),
        shuffle: fields.boolean("shuffle"),
        seed: fields.whole_number("seed").into_inner(),
        precision: one_of(&fields, "precision", &precisions, &foreign::PRECISIONS),
        loss,
        label_smoothing: smoothing.unwrap_or(0.0),
    })
}

/// What every kind of optimizer can have.
const CLIP_NORM: &str = "global_clip_norm";

const ADAM: &[Key] = &[Key::new("kind", "\"adam\"")];

/// The update rule, and the norm that gradients are clipped to before it.
fn read_optimizer(top: &Fields) -> Result<(Optimizer, Option<f64>), SpecError> {
    let fields = top.table("optimizer", ADAM)?;
    let common = [CLIP_NORM];
    let (rule, fields) = choose(
        fields,
        "the optimizer {}",
        OPTIMIZERS,
        &common,
        &foreign::OPTIMIZERS,
    )?;
    let clip_norm = fields.optional_number(CLIP_NORM, "1.0", &POSITIVE);
    fields.finish((rule, clip_norm))
}

const COSINE: &[Key] = &[Key::new("kind", "\"cosine\"")];

/// `[schedule]`, which may be left out.
fn read_rate_schedule(top: &Fields) -> Result<Option<RateSchedule>, SpecError> {
    if !top.table.contains_key("schedule") {
        return Ok(None);
    }
    let fields = top.table("schedule", COSINE)?;
    let known = &foreign::RATE_SCHEDULES;
    let (schedule, fields) = choose(fields, "the schedule {}", RATE_SCHEDULES, &[], known)?;
    fields.finish(Some(schedule))
}

const HE_NORMAL: &[Key] = &[Key::new("kind", "\"he_normal\"")];

/// `[initializer]`, which may be left out.
fn read_initializer(top: &Fields) -> Result<Initializer, SpecError> {
    if !top.table.contains_key("initializer") {
        return Ok(Initializer::default());
    }
    let fields = top.table("initializer", HE_NORMAL)?;
    let known = &foreign::INITIALIZERS;
    let (initializer, fields) = choose(fields, "the initializer {}", INITIALIZERS, &[], known)?;
    fields.finish(initializer)
}

const DENSE: &[Key] = &[Key::new("kind", "\"dense\"")];

/// The layers that can be read.
fn read_layers(top: &Fields, faults: &mut Faults) -> Vec<LayerSpec> {
    let mut layers = Vec::new();
    for fields in faults.note(top.tables("layer", DENSE)).unwrap_or_default() {
        if faults.is_full() {
            break;
        }
        layers.extend(faults.note(read_layer(fields)));
    }
    layers
}

fn read_layer(fields: Fields) -> Result<LayerSpec, SpecError> {
    let common = ["name", "inputs"];
    let (kind, fields) = chosen(fields, "a {} layer", layers(), &common, &foreign::LAYERS)?;
    let name = fields.noted(fields.optional_string("name", "\"fc1\""), None);
    if let Some(name) = &name {
        fields.noted(check_name(&fields, "a layer's name", name), ());
    }
    let spans: Vec<_> = fields.spans().collect();
    let mut layer = LayerSpec {
        name,
        kind: read_kind(kind, &fields),
        kind_span: fields.span(),
        inputs: fields.noted(fields.optional_strings("inputs", "[\"fc1\"]"), None),
        same_padding: windows::is_same_padding(&fields),
        ceil_mode: fields.optional_boolean("ceil_mode", false),
        spans,
    };
    layer.kind_span = layer.span_of("kind");
    fields.finish(layer)
}
