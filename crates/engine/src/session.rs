//! The boundary between the speed test and whatever trains.
//!
//! It lies at the level of a whole workload, never of an op: an engine gets a [`Job`] and gives a
//! [`Session`] that trains epochs and evaluates. Engines are chosen at run time by value.

use std::{array, collections::BTreeMap, ops::Add, sync::Arc};

use laptime_graph::{State, schedule::Touch};
use laptime_workload::{
    Layer, LayerKind, Loss, MOST_METRICS, Precision, Source, Target, Workload,
    dataset::{Array, Column, Dataset, Dtype},
};
use serde::{Deserialize, Serialize};

use crate::{Device, DeviceKind, EngineError, NotFinite, Peaks, Progress, gate::Trace};

/// What to train, with what data and how.
#[derive(Debug, Clone)]
pub struct Job {
    /// The resolved workload.
    pub workload: Arc<Workload>,
    /// Its samples, already in memory.
    pub dataset: Arc<Dataset>,
    /// Threads of a CPU engine.
    pub threads: usize,
    /// The optional passes that the engine may take; an engine without any ignores it.
    pub passes: Passes,
    /// Whether the time of every kernel is taken, which costs a little time itself.
    pub profile: bool,
}

impl Job {
    /// Whether the dataset is one that the workload can be trained on. Kernels use labels as indices
    /// without a look at them, so an engine asks this before anything else.
    ///
    /// # Errors
    /// What does not fit. No dataset that was loaded for the workload fails.
    pub fn check(&self) -> Result<(), EngineError> {
        let Self {
            workload, dataset, ..
        } = self;
        let name = &workload.name;
        let unfit = |what: String| Err(EngineError::Unsupported(what));
        let (values, what) = match workload.loss {
            Loss::SoftmaxCrossEntropy => (workload.classes, "classes"),
            Loss::MeanSquaredError => (
                workload.columns()[workload.target_column()].values(),
                "values of a sample",
            ),
        };
        if workload.layers.last().map(|last| &last.output[..]) != Some(&[values]) {
            return unfit(format!(
                "the last layer of {name} does not give a value for each of {values} {what}"
            ));
        }
        let columns = workload.columns();
        if dataset.description.columns != columns {
            let [wanted, given] = [&columns, &dataset.description.columns].map(|columns| {
                let text = columns.iter().map(Column::to_string);
                text.collect::<Vec<_>>().join(", ")
            });
            return unfit(format!(
                "{name} takes samples of {wanted}, and the dataset has {given}"
            ));
        }
        let target = workload.target_column();
        let targets: &[Dtype] = match workload.target() {
            Target::Class => &[Dtype::U8, Dtype::U16],
            Target::Values | Target::Input => &[Dtype::U8, Dtype::F32],
        };
        let symbols = columns[workload.input_column()].symbols;
        let inputs: &[Dtype] = match symbols {
            Some(_) => &[Dtype::U8],
            None => &[Dtype::U8, Dtype::F32],
        };
        // Symbols are indices of tables.
        let lacks_rows = |layer: &&Layer| match &layer.kind {
            LayerKind::Embedding(table) => {
                layer.inputs != [Source::Input] || symbols.is_none_or(|all| table.symbols < all)
            }
            _ => false,
        };
        if let Some(layer) = workload.layers.iter().find(lacks_rows) {
            return unfit(format!(
                "the table of {} in {name} has no row for each symbol of what it reads",
                layer.name
            ));
        }
        for (column, read) in [(workload.input_column(), inputs), (target, targets)] {
            let column = &columns[column];
            if !read.contains(&column.dtype) {
                let read = read.iter().map(|it| it.as_str()).collect::<Vec<_>>();
                let read = read.join(" and ");
                return unfit(format!(
                    "{name} reads {column}, but engines read {read} there"
                ));
            }
        }
        for (which, samples) in [("training", &dataset.train), ("test", &dataset.test)] {
            let count = samples.count();
            let fits = |(array, column): (&Array, &Column)| {
                array.column == *column && array.bytes.len() == count * column.bytes()
            };
            if samples.arrays.len() != columns.len()
                || !samples.arrays.iter().zip(&columns).all(fits)
            {
                let arrays = samples.arrays.iter();
                let arrays =
                    arrays.map(|one| format!("{} bytes of {}", one.bytes.len(), one.column));
                return unfit(format!(
                    "the {which} samples have {}, which do not go together",
                    arrays.collect::<Vec<_>>().join(", ")
                ));
            }
            if let Some(symbols) = symbols {
                let given = &samples.arrays[workload.input_column()].bytes;
                if let Some(symbol) = given.iter().find(|it| usize::from(**it) >= symbols) {
                    return unfit(format!(
                        "a {which} sample has the symbol {symbol}, but {name} has {symbols} of them"
                    ));
                }
            }
            let labels = match workload.target() {
                Target::Class => count,
                Target::Values | Target::Input => 0,
            };
            let array = &samples.arrays[target];
            let mut labels = (0..labels).map(|sample| array.class(sample));
            if let Some(label) = labels.find(|label| *label >= workload.classes) {
                return unfit(format!(
                    "a {which} sample has the label {label}, but {name} has {} classes",
                    workload.classes
                ));
            }
        }
        Ok(())
    }
}

/// Which optional passes a compiler may use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Passes {
    /// All of them.
    #[default]
    All,
    /// Only those named.
    Only(Vec<String>),
}

impl Passes {
    /// Whether the pass of this name is on.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|on| on == name),
        }
    }
}

/// Something that can train a whole workload: our own compilers, or a framework.
pub trait Engine {
    /// The name on the command line and in records.
    fn name(&self) -> &'static str;

    /// The version in records.
    fn version(&self) -> String;

    /// The devices it can train on here, the one it prefers first.
    fn devices(&self) -> Result<Vec<Device>, EngineError>;

    /// Those of one kind. An engine for which looking for a kind takes time looks for no other.
    fn devices_of(&self, kind: DeviceKind) -> Result<Vec<Device>, EngineError> {
        let devices = self.devices()?.into_iter();
        Ok(devices.filter(|device| device.kind == kind).collect())
    }

    /// Whether it promises the same losses, bit for bit, whenever the seed is the same.
    fn repeats_exactly(&self) -> bool {
        true
    }

    /// Whether it trains on samples in the order that it is given. The published scripts shuffle for
    /// themselves: then nothing can be asked of several batches in one call.
    fn follows_order(&self) -> bool {
        true
    }

    /// Which of several ways to train it has found to be the fastest for this job, as far as it
    /// remembers: a verdict is about that one alone.
    fn choice(&self, _job: &Job, _device: &Device) -> Option<String> {
        None
    }

    /// What so many threads of a device reach at best, measured in about a second; `None` where the engine
    /// has no kernels of its own to measure it with.
    ///
    /// # Errors
    /// Where the device cannot be used.
    fn peaks(
        &self,
        _device: &Device,
        _threads: usize,
        _precision: Precision,
    ) -> Result<Option<Peaks>, EngineError> {
        Ok(None)
    }

    /// Makes a workload ready to train on a device, from its initial state.
    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError>;
}

/// A compiled workload with its state.
pub trait Session {
    /// What it really runs on.
    fn device(&self) -> &Device;

    /// What one full training step costs.
    fn step_costs(&self) -> StepCosts;

    /// The seconds that making the samples ready took, of the time that `compile` took; nearly
    /// 0 where that is fused into the steps.
    fn prepare_s(&self) -> f64;

    /// The seconds of `compile` that passed before the engine could begin: a framework's process is
    /// started and its libraries imported, which the published scripts leave out of their total.
    fn start_s(&self) -> f64 {
        0.0
    }

    /// The seconds of `compile` in which it tried out which way to train is the fastest here.
    fn trial_s(&self) -> f64 {
        0.0
    }

    /// What else a record should say of how it runs: versions of libraries, modes, the variant taken.
    fn details(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Whether it rounds to bfloat16 at other points than the Program's, as frameworks do: their mixed
    /// precision also stores what products give in bfloat16.
    fn rounds_elsewhere(&self) -> bool {
        false
    }

    /// Whether training draws dropout masks of its own, not the Program's. Then the gate looks at
    /// [`Self::own_dropout`] and has it [use the Program's](Self::use_program_masks).
    fn draws_own_masks(&self) -> bool {
        false
    }

    /// What the dropout layer at this place in the workload, as it is timed, makes of ones of this shape in
    /// this step (from 1), row-major.
    fn own_dropout(
        &mut self,
        _layer: usize,
        _step: u64,
        _shape: [usize; 2],
    ) -> Result<Vec<f32>, EngineError> {
        Err(EngineError::Unsupported(
            "the engine has no dropout of its own".into(),
        ))
    }

    /// From now on, training drops what the Program does, in the same way otherwise. There is no way back.
    fn use_program_masks(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    /// The most memory that the process which trains has had; `None` where that is this process, or
    /// nobody can tell.
    fn peak_memory_bytes(&self) -> Option<u64> {
        None
    }

    /// Trains on the samples of `order` in that order, a batch after the other, the last with
    /// what is left. Stops early, between two steps, when `progress` says so.
    ///
    /// The score goes on from the one that `progress` has, so that an epoch in parts has the same
    /// sums, to the bit, as one in one go.
    fn train(&mut self, order: &[u32], progress: &Progress) -> Result<EpochReport, EngineError>;

    /// Scores the current parameters on the test samples.
    fn evaluate(&mut self, progress: &Progress) -> Result<Score, EngineError>;

    /// The logits of the given test samples in evaluation mode, (samples, classes) row-major.
    fn logits(&mut self, samples: &[u32]) -> Result<Vec<f32>, EngineError>;

    /// Where the time of the last training went, if the job asked and the engine can tell.
    fn profile(&mut self) -> Option<Profile> {
        None
    }

    /// A copy of all that lives across steps.
    fn state(&mut self) -> Result<State, EngineError>;

    /// Trains in f64, from `start`, a whole batch a step: what the engine means to do, apart from
    /// its precision. Dropout is by the Program's masks. Our own compilers have the oracle execute the lowered Schedule; a framework
    /// runs its same model and optimizer in float64. The session's state stays as it is.
    fn trace_f64(&mut self, start: &State, order: &[u32]) -> Result<Trace, EngineError>;

    /// Continues from this state.
    fn set_state(&mut self, state: &State) -> Result<(), EngineError>;
}

/// What one full training step costs, in floating-point operations and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepCosts {
    /// Products of the model as the literature counts them, forward and backward, 2 a
    /// multiply-add: the numerator of model FLOPs utilisation.
    pub model_flops: u64,
    /// What the engine really executes of them, where it says so.
    pub executed_flops: Option<u64>,
    /// Trained values.
    pub parameters: u64,
}

/// Where the time of a training step goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Whose clock it is: a processor's first thread, or a GPU.
    pub seen_by: DeviceKind,
    /// The kernels in the order of a step.
    pub kernels: Vec<KernelTime>,
    /// The seconds a step that the thread waits for others, or between the kernels of a GPU.
    pub waiting_step_s: f64,
}

/// The time of one kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelTime {
    /// The operations in it.
    pub kernel: String,
    /// The tensor that it makes.
    pub makes: String,
    /// Seconds a step.
    pub step_s: f64,
    /// Floating-point operations a step, of all threads.
    pub flops: u64,
    /// The tensors that it goes through, all threads together.
    pub traffic: Vec<Touch>,
}

/// One epoch of training, or what was done of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EpochReport {
    /// The score over the samples of the epoch trained on so far, as they were seen: what Keras
    /// shows.
    pub score: Score,
    /// The seconds of every step of this call, where steps can be seen.
    pub step_s: Option<Vec<f32>>,
    /// Where in this call the loss ceased to be finite, if it did; see [`crate::Tally`]. Training goes
    /// on all the same.
    pub not_finite: Option<NotFinite>,
}

/// The metrics of the workload's loss over a number of samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Score {
    /// How many samples.
    pub samples: u64,
    /// The sum of each metric over them, in the order of [`laptime_workload::Loss::metrics`]; 0 behind the last.
    pub sums: [f64; MOST_METRICS],
}

impl Score {
    /// The sum of the losses.
    pub fn loss_sum(&self) -> f64 {
        self.sums[0]
    }

    /// The mean loss.
    pub fn loss(&self) -> f64 {
        self.mean(0)
    }

    /// The mean of the metric in this place of the list.
    pub fn mean(&self, metric: usize) -> f64 {
        self.sums[metric] / self.samples.max(1) as f64
    }
}

/// The score over the samples of both.
impl Add for Score {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            samples: self.samples + other.samples,
            sums: array::from_fn(|metric| self.sums[metric] + other.sums[metric]),
        }
    }
}
