//! A training step of several micro-batches (gradient accumulation): which samples each has, and the Programs that
//! they are done by.

use laptime_workload::Workload;

use crate::{
    micro_batch::MicroBatch,
    model::{build, build_micro_batch},
    program::{Mode, Program},
    simplification::Simplification,
};

/// The samples of a step, or of an evaluation, that go through a Program at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// The place of its first sample in the step.
    pub first: usize,
    /// How many they are.
    pub samples: usize,
    /// `None` where that is all of the step, and the workload has no micro-batches.
    pub micro_batch: Option<MicroBatch>,
}

impl Portion {
    /// What so many samples go through at once, in order: those of a training step in whole micro-batches, then
    /// what is left; those of an evaluation, of which there are at most [`Workload::rows_at_once`], together.
    pub fn of(
        workload: &Workload,
        mode: Mode,
        samples: usize,
    ) -> impl DoubleEndedIterator<Item = Self> + use<> {
        let micro_batch_size = match mode {
            Mode::Training => workload.micro_batch_size,
            Mode::Evaluation => None,
        };
        let size = micro_batch_size.map_or(samples, |size| size.min(samples));
        let is_accumulated = micro_batch_size.is_some();
        (0..samples).step_by(size.max(1)).map(move |first| {
            let micro_batch = MicroBatch {
                size,
                step_size: samples,
                is_last: first + size >= samples,
            };
            Self {
                first,
                samples: size.min(samples - first),
                micro_batch: is_accumulated.then_some(micro_batch),
            }
        })
    }

    /// Samples that [`Self::of`] takes at the most: of a step, or of as much of an evaluation as goes through the net
    /// at once.
    pub fn most_samples(workload: &Workload, mode: Mode) -> usize {
        match mode {
            Mode::Training => workload.batch_size,
            Mode::Evaluation => workload.rows_at_once(),
        }
    }

    /// An evaluation of so many samples, or a whole step without micro-batches.
    pub fn whole(samples: usize) -> Self {
        Self {
            first: 0,
            samples,
            micro_batch: None,
        }
    }

    /// Whether parameters are updated behind it, or metrics complete.
    pub fn ends_step(&self) -> bool {
        self.micro_batch
            .is_none_or(|micro_batch| micro_batch.is_last)
    }

    /// The Program that it goes through.
    pub fn program(&self, workload: &Workload, mode: Mode) -> Program {
        match self.micro_batch {
            None => build(workload, mode, self.samples),
            Some(micro_batch) => build_micro_batch(workload, self.samples, micro_batch),
        }
    }
}

/// The Programs of one training step.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingStep {
    /// Samples of the whole step.
    pub samples: usize,
    /// What each micro-batch but the last does, and how many those are; `None` where there is only one.
    pub accumulating: Option<(Program, usize)>,
    /// What the last one does, or all of a step that has no others.
    pub last: Program,
}

impl TrainingStep {
    /// That of a workload on so many samples.
    pub fn of(workload: &Workload, samples: usize) -> Self {
        let portions: Vec<Portion> = Portion::of(workload, Mode::Training, samples).collect();
        let (last, others) = portions.split_last().expect("a step has samples");
        let program = |portion: &Portion| portion.program(workload, Mode::Training);
        Self {
            samples,
            accumulating: others.first().map(|first| (program(first), others.len())),
            last: program(last),
        }
    }

    /// Each of its Programs, with how many times a step does it.
    pub fn programs(&self) -> impl Iterator<Item = (&Program, usize)> {
        let accumulating = self.accumulating.iter();
        accumulating
            .map(|(program, times)| (program, *times))
            .chain([(&self.last, 1)])
    }

    /// As [`Program::model_flops`], of all micro-batches.
    pub fn model_flops(&self) -> u64 {
        self.executed_flops(&[])
    }

    /// As [`Program::executed_flops`], of all micro-batches.
    pub fn executed_flops(&self, taken: &[Simplification]) -> u64 {
        let programs = self.programs();
        programs
            .map(|(program, times)| times as u64 * program.executed_flops(taken))
            .sum()
    }
}
