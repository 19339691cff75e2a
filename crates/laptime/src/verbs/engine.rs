//! `laptime engine check`: does a program follow the engine protocol?

use std::sync::Arc;

use laptime_engine::{Job, Passes};
use laptime_peers::check::{Outcome, Rule, check};
use laptime_workload::{dataset::synthetic, escaped};

use crate::{
    args::{EngineCheckArgs, EngineVerb, EngineVerbArgs},
    engines,
    failure::Failure,
    output,
    workload_choice::WorkloadChoice,
};

/// Whole batches of the small job; behind them is a shorter one.
const BATCHES: usize = 3;
const TEST_SAMPLES: usize = 50;

/// Checks a program.
pub fn engine(args: EngineVerbArgs) -> Result<(), Failure> {
    match args.verb {
        EngineVerb::Check(args) => check_program(args),
    }
}

fn check_program(args: EngineCheckArgs) -> Result<(), Failure> {
    let engine = engines::program("engine check", &args.program)?;
    let workload = WorkloadChoice::resolve(&args.workload)?.workload;
    let batch_size = workload.batch_size;
    let samples = BATCHES * batch_size + batch_size.div_ceil(3).min(batch_size - 1);
    let job = Job {
        dataset: Arc::new(synthetic(
            workload.dataset.description(),
            samples,
            TEST_SAMPLES,
        )),
        workload,
        threads: args
            .threads
            .map_or_else(engines::default_threads, Into::into),
        passes: Passes::All,
        profile: false,
    };
    let rules = check(engine, &job);
    let failed = rules.iter().filter(|rule| !rule.is_kept()).count();
    let mut text: String = rules.iter().map(shown).collect();
    text += &format!("{} of {} rules passed\n", rules.len() - failed, rules.len());
    if failed == 0 {
        text += &format!(
            "next: laptime verify --engine {} asks whether it does the same training\n",
            args.program
        );
    }
    output::print(&text)?;
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Failed(format!(
            "{} does not follow the engine protocol (docs/engine-protocol.md)",
            args.program
        ))),
    }
}

fn shown(rule: &Rule) -> String {
    match &rule.outcome {
        Outcome::Passed => format!("passed  {}\n", rule.name),
        Outcome::NotReached => format!(
            "failed  {}: not reached, because of what failed above\n",
            rule.name
        ),
        Outcome::Failed { sent, found } => format!(
            "failed  {}\n        sent      {}\n        expected  {}\n        found     {}\n",
            rule.name,
            escaped(sent),
            rule.expected,
            escaped(found).replace("\\n", "\n                  "),
        ),
    }
}
