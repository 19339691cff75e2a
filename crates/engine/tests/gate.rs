//! The gate asked about an engine that is the oracle itself, in single precision: what it says of trainings
//! that diverge and of dropout, and that errors planted there are caught.

use std::sync::Arc;

use laptime_engine::{
    Device, DeviceKind, Engine, EngineError, EpochReport, Job, Passes, Progress, Score, Session,
    StepCosts,
    gate::{STEPS, Trace, Verdict, verify},
};
use laptime_graph::{Dropout, Mode, State, build};
use laptime_reference::Reference;
use laptime_workload::{LayerKind, Overrides, Spec, Workload, dataset::synthetic};

const BATCH: usize = 8;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Plant {
    Nothing,
    /// What is not finite becomes 0, as by a maximum that loses what is not a number.
    Hides,
    /// The loss is not a number, whatever the oracle's is.
    NoNumber,
    /// The trace in f64 moves by 1 % more.
    Rate,
    /// The trace in f64 forgets how many steps were done.
    StepForgotten,
    /// The engine's own dropout drops more.
    MoreDropped,
    /// The engine's own dropout drops the same in every step.
    SameMasks,
    /// The timed path drops nothing.
    NothingDropped,
    /// The Program's masks are not used.
    OtherMasks,
}

/// The oracle as an engine; with masks of its own, or the Program's.
struct Single {
    plant: Plant,
    own_masks: bool,
}

impl Engine for Single {
    fn name(&self) -> &'static str {
        "single"
    }

    fn version(&self) -> String {
        "1".into()
    }

    fn devices(&self) -> Result<Vec<Device>, EngineError> {
        Ok(vec![device()])
    }

    fn compile(&self, job: &Job, device: &Device) -> Result<Box<dyn Session>, EngineError> {
        let program = build(&job.workload, Mode::Training, BATCH);
        Ok(Box::new(SingleSession {
            plant: self.plant,
            own_masks: self.own_masks,
            has_own_masks: self.own_masks,
            state: State::initial(&program, job.workload.seed),
            job: job.clone(),
            device: device.clone(),
        }))
    }
}

fn device() -> Device {
    Device {
        kind: DeviceKind::Cpu,
        name: String::new(),
        threads: None,
        isa: None,
        driver: None,
        software: false,
    }
}

struct SingleSession {
    plant: Plant,
    /// Whether it draws masks of its own as yet.
    own_masks: bool,
    has_own_masks: bool,
    state: State,
    job: Job,
    device: Device,
}

impl SingleSession {
    /// What is trained: with another seed, other masks are drawn.
    fn workload(&self) -> Workload {
        let mut workload = Workload::clone(&self.job.workload);
        if self.own_masks {
            workload.seed += 1;
            if self.plant == Plant::NothingDropped {
                for layer in &mut workload.layers {
                    if let LayerKind::Dropout { rate } = &mut layer.kind {
                        *rate = 0.0;
                    }
                }
            }
        }
        workload
    }
}

impl Session for SingleSession {
    fn device(&self) -> &Device {
        &self.device
    }

    fn step_costs(&self) -> StepCosts {
        StepCosts::default()
    }

    fn prepare_s(&self) -> f64 {
        0.0
    }

    fn train(&mut self, order: &[u32], _: &Progress) -> Result<EpochReport, EngineError> {
        let mut score = Score::default();
        for batch in order.chunks(BATCH) {
            let program = build(&self.workload(), Mode::Training, batch.len());
            let batch = self.job.dataset.train.gather(batch);
            let mut reference = Reference::of_program(&program);
            reference.set_state(&self.state);
            let step = reference.step(&batch);
            self.state = reference.into_state().rounded_to_f32();
            score = score
                + Score {
                    samples: batch.count() as u64,
                    sums: [f64::from(step.sums[0] as f32), step.sums[1]],
                };
            match self.plant {
                Plant::NoNumber => score.sums[0] = f64::NAN,
                Plant::Hides => {
                    let values = self
                        .state
                        .tensors
                        .iter_mut()
                        .flat_map(|one| &mut one.values);
                    for value in values.filter(|value| !value.is_finite()) {
                        *value = 0.0;
                    }
                    if !score.loss_sum().is_finite() {
                        score.sums[0] = 0.0;
                    }
                }
                _ => {}
            }
        }
        Ok(EpochReport {
            score,
            step_s: None,
            not_finite: None,
        })
    }

    fn evaluate(&mut self, _: &Progress) -> Result<Score, EngineError> {
        unreachable!("the gate asks for logits")
    }

    fn logits(&mut self, samples: &[u32]) -> Result<Vec<f32>, EngineError> {
        let program = build(&self.job.workload, Mode::Evaluation, samples.len());
        let mut reference = Reference::of_program(&program);
        reference.set_state(&self.state);
        let test = &self.job.dataset.test;
        reference.step(test);
        let logits = reference.value(program.logits).expect("just computed");
        Ok(logits.into_iter().map(|logit| logit as f32).collect())
    }

    fn state(&mut self) -> Result<State, EngineError> {
        Ok(self.state.clone())
    }

    fn trace_f64(&mut self, start: &State, order: &[u32]) -> Result<Trace, EngineError> {
        let program = build(&self.job.workload, Mode::Training, BATCH);
        let mut reference = Reference::of_program(&program);
        let mut begin = start.clone();
        if self.plant == Plant::StepForgotten {
            begin.steps = 0;
        }
        reference.set_state(&begin);
        let mut losses = Vec::new();
        for batch in order.chunks(BATCH) {
            let batch = self.job.dataset.train.gather(batch);
            losses.push(reference.step(&batch).loss_sum() / BATCH as f64);
        }
        let mut state = reference.into_state();
        state.steps = start.steps + losses.len() as u64;
        if self.plant == Plant::Rate {
            for (after, before) in state.tensors.iter_mut().zip(&start.tensors) {
                let is_moment = [".m", ".v", ".velocity"]
                    .iter()
                    .any(|end| after.name.ends_with(end));
                for (after, before) in after.values.iter_mut().zip(&before.values) {
                    if !is_moment {
                        *after = before + 1.01 * (*after - before);
                    }
                }
            }
        }
        Ok(Trace { losses, state })
    }

    fn set_state(&mut self, state: &State) -> Result<(), EngineError> {
        self.state = state.clone().rounded_to_f32();
        Ok(())
    }

    fn draws_own_masks(&self) -> bool {
        self.has_own_masks
    }

    fn own_dropout(
        &mut self,
        layer: usize,
        step: u64,
        [rows, columns]: [usize; 2],
    ) -> Result<Vec<f32>, EngineError> {
        let workload = &self.job.workload;
        let LayerKind::Dropout { rate } = workload.layers[layer].kind else {
            panic!("layer {layer} is no dropout");
        };
        let more = if self.plant == Plant::MoreDropped {
            1.1
        } else {
            1.0
        };
        let step = if self.plant == Plant::SameMasks {
            1
        } else {
            step
        };
        let dropout = Dropout {
            rate: more * rate,
            seed: workload.seed + 1,
            layer: layer as u32,
        };
        let scale = 1.0 / (1.0 - rate);
        let count = (rows * columns) as u64;
        let is_kept = |index| dropout.factor(step, index) > 0.0;
        let values = (0..count).map(|index| if is_kept(index) { scale as f32 } else { 0.0 });
        Ok(values.collect())
    }

    fn use_program_masks(&mut self) -> Result<(), EngineError> {
        self.own_masks = self.plant == Plant::OtherMasks;
        Ok(())
    }
}

/// A job that trains `flatten`, these layers and `dense 10` on Fashion-MNIST, with a last batch of three.
fn job(layers: &str, optimizer: &str) -> Job {
    let text = format!(
        "name = \"net\"\n\
         layer = [ {{ kind = \"flatten\" }}, {layers} {{ kind = \"dense\", units = 10 }} ]\n\
         data = {{ dataset = \"fashion-mnist\", pixel_divisor = 255 }}\n\
         optimizer = {{ {optimizer} }}\n\
         [training]\nbatch_size = {BATCH}\nepochs = 1\nshuffle = true\nseed = 1\n\
         precision = \"fp32\"\nloss = \"softmax-cross-entropy\"\n"
    );
    let spec = Spec::parse(&text, "net.toml").unwrap_or_else(|error| panic!("{error}"));
    let workload = spec.resolve(&Overrides::default());
    let workload = workload.unwrap_or_else(|error| panic!("{error}"));
    Job {
        dataset: Arc::new(synthetic(workload.dataset.description(), BATCH + 3, 0)),
        workload: Arc::new(workload),
        threads: 1,
        passes: Passes::All,
        profile: false,
    }
}

fn asked(plant: Plant, own_masks: bool, job: &Job) -> Verdict {
    verify(&Single { plant, own_masks }, job, &device()).expect("it runs")
}

const DENSE: &str = "{ kind = \"dense\", units = 16 },";
const DROPPED: &str =
    "{ kind = \"dense\", units = 32 }, { kind = \"relu\" }, { kind = \"dropout\", rate = 0.3 },";
const ADAM: &str =
    "kind = \"adam\", learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7";

fn sgd(learning_rate: f64) -> String {
    format!("kind = \"sgd\", learning_rate = {learning_rate:?}, momentum = 0.9")
}

fn deep(learning_rate: f64) -> Job {
    job(&DENSE.repeat(3), &sgd(learning_rate))
}

#[test]
fn a_training_that_diverges_is_verified_up_to_there() {
    for learning_rate in [0.5, 10.0, 1e6, 3e9, 1e30] {
        let verdict = asked(Plant::Nothing, false, &deep(learning_rate));
        eprintln!("{learning_rate}: {verdict}");
        let Verdict::Verified {
            steps,
            diverges_at: Some(step),
            own_dropout: false,
        } = verdict
        else {
            panic!("{learning_rate}: {verdict}");
        };
        assert_eq!(step, steps + 1, "{learning_rate}");
    }
    let verdict = asked(Plant::Nothing, false, &deep(0.01));
    assert_eq!(verdict, Verdict::verified(STEPS));
}

#[test]
fn what_is_no_number_is_caught_where_the_oracle_has_one_and_the_other_way_round() {
    for (plant, learning_rate) in [
        (Plant::Hides, 0.5),
        (Plant::Hides, 3e9),
        (Plant::NoNumber, 0.5),
        (Plant::NoNumber, 0.01),
    ] {
        let verdict = asked(plant, false, &deep(learning_rate));
        eprintln!("{plant:?}, {learning_rate}: {verdict}");
        assert!(!verdict.is_verified(), "{plant:?}, {learning_rate}");
    }
}

#[test]
fn errors_of_the_trace_in_f64_are_caught_in_single_steps() {
    let adam = job(DENSE, ADAM);
    assert_eq!(
        asked(Plant::Nothing, false, &adam),
        Verdict::verified(STEPS)
    );
    for (plant, job) in [
        (Plant::Rate, &adam),
        (Plant::StepForgotten, &adam),
        (Plant::Rate, &deep(0.01)),
        (Plant::Rate, &deep(0.5)),
    ] {
        let verdict = asked(plant, false, job);
        eprintln!("{plant:?}: {verdict}");
        assert!(!verdict.is_verified(), "{plant:?}");
    }
}

#[test]
fn an_engine_with_masks_of_its_own_is_verified_with_the_programs_and_says_so() {
    let job = job(DROPPED, ADAM);
    assert_eq!(asked(Plant::Nothing, false, &job), Verdict::verified(STEPS));
    let verdict = asked(Plant::Nothing, true, &job);
    assert_eq!(verdict.to_string(), "verified (dropout by its own masks)");
}

#[test]
fn another_dropout_is_caught() {
    let job = job(DROPPED, ADAM);
    for plant in [
        Plant::MoreDropped,
        Plant::SameMasks,
        Plant::NothingDropped,
        Plant::OtherMasks,
    ] {
        let verdict = asked(plant, true, &job);
        eprintln!("{plant:?}: {verdict}");
        assert!(!verdict.is_verified(), "{plant:?}");
    }
}
