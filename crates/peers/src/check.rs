//! Does a program follow the engine protocol? A small job goes through all of its messages; each rule is
//! passed or failed with what was sent, expected and found. Whether it does the same training is the gate's to
//! say.

mod asked;
mod ends;
mod questions;

use laptime_engine::Job;
use laptime_workload::LayerKind;

use self::{
    asked::begin,
    ends::{end_of_input, ends, unknown_command},
    questions::{DROPOUT, QUESTIONS, Question},
};
use crate::program::ProgramEngine;

/// One rule of the protocol, and whether it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it is about.
    pub name: &'static str,
    /// What it asks.
    pub expected: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was kept.
    Passed,
    /// It was not.
    Failed {
        /// The command.
        sent: String,
        /// What came instead.
        found: String,
    },
    /// One before it failed, and there is no session to ask.
    NotReached,
}

impl Rule {
    /// Whether it was kept.
    pub fn is_kept(&self) -> bool {
        self.outcome == Outcome::Passed
    }
}

const HELLO: (&str, &str) = (
    "hello",
    "`hello` with the protocol's version, a name, a version and at least one device",
);
const COMPILE: (&str, &str) = ("compile", "`ready` with seconds of preparation");
const UNKNOWN: (&str, &str) = ("an unknown command", "`error` with a message, and the end");
const END_OF_INPUT: (&str, &str) = (
    "the end of the input",
    "the process ends by itself within 10 s",
);

/// Goes through all rules with a small job, which has a few whole batches and one that is shorter.
pub fn check(engine: &ProgramEngine, job: &Job) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut note = |(name, expected), outcome| {
        rules.push(Rule {
            name,
            expected,
            outcome,
        });
    };
    // Of a net without dropout, nobody is asked about it.
    let asked_of = |(name, ..): &&Question| *name != DROPOUT || has_dropout(job);
    let questions = QUESTIONS.iter().filter(asked_of);
    let mut asked = match begin(engine, job) {
        Ok(asked) => {
            note(HELLO, Outcome::Passed);
            note(COMPILE, Outcome::Passed);
            Some(asked)
        }
        Err((is_compiling, sent, found)) => {
            let failed = Outcome::Failed { sent, found };
            if is_compiling {
                note(HELLO, Outcome::Passed);
                note(COMPILE, failed);
            } else {
                note(HELLO, failed);
                note(COMPILE, Outcome::NotReached);
            }
            None
        }
    };
    for (name, expected, question) in questions {
        let outcome = match &mut asked {
            None => Outcome::NotReached,
            Some(session) => match question(session) {
                Ok(()) => Outcome::Passed,
                Err((sent, found)) => {
                    // Whatever it has said out of turn would be taken for the next answer.
                    asked = begin(engine, job).ok();
                    Outcome::Failed { sent, found }
                }
            },
        };
        note((name, expected), outcome);
    }
    note(UNKNOWN, ends(engine, unknown_command));
    note(END_OF_INPUT, ends(engine, end_of_input));
    rules
}

fn has_dropout(job: &Job) -> bool {
    let mut layers = job.workload.layers.iter();
    layers.any(|layer| matches!(layer.kind, LayerKind::Dropout { .. }))
}
