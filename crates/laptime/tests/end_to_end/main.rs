//! The program end to end, as its user runs it, and what is held of its sources as a whole. All in one program:
//! as one each, their building took a third of all building for tests.

mod support;

mod analysis;
mod checkpoint;
mod compare;
mod devices;
mod divergence;
mod ends;
mod examples;
mod explain;
mod foreign_strings;
mod guide;
mod import;
mod limits;
mod live;
mod one_job;
mod outputs;
mod own_data;
mod own_engines;
mod peers;
mod places;
mod proof;
mod race;
mod records;
mod report;
mod run;
mod save;
mod signals;
mod sources;
mod suites;
mod sweep;
mod tensorboard;
mod terminal;
mod unsafe_code;
mod usage;
mod weights;

/// Records to compare, made up.
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../../../results/tests/sample/mod.rs"]
mod sample;
