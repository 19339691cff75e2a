//! Sweeps that others published: references beside a sweep of the same net, never compared with it.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use super::{Axis, Sweep};

/// Sweeps over the batch size by one framework on several machines.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PublishedSweeps {
    /// The workload whose net it is.
    pub workload: String,
    /// The framework.
    pub engine: String,
    /// When.
    pub year: u16,
    /// Where they were published.
    pub source: String,
    /// What is not as in laptime's training, and why nothing is compared.
    pub differs: Vec<String>,
    /// The batch sizes, ascending.
    pub batch_size: Vec<u64>,
    /// Seconds an epoch with each batch size, by machine.
    pub epoch_s: BTreeMap<String, Vec<f64>>,
}

/// Seconds an epoch at the batch sizes that a sweep shares with published ones.
#[derive(Debug, Clone, PartialEq)]
pub struct References {
    /// The framework, when and where.
    pub published: &'static PublishedSweeps,
    /// The batch sizes.
    pub batch_size: Vec<u64>,
    /// What the sweep's steps make of an epoch.
    pub own_epoch_s: Vec<f64>,
    /// What others measured, by machine.
    pub epoch_s: Vec<(&'static str, Vec<f64>)>,
}

static SWEEPS: LazyLock<Vec<PublishedSweeps>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        sweeps: Vec<PublishedSweeps>,
    }
    let file: File = toml::from_str(include_str!("../../published.toml"))
        .expect("a test reads the embedded file");
    file.sweeps
});

/// All published sweeps.
pub fn all() -> &'static [PublishedSweeps] {
    &SWEEPS
}

/// What was published of a built-in workload's batch sizes; nothing beside another sweep.
pub fn beside(sweep: &Sweep) -> Vec<References> {
    let is_same_net = |it: &&PublishedSweeps| it.workload == sweep.workload;
    if !sweep.built_in || sweep.axis != Axis::BatchSize {
        return Vec::new();
    }
    let found = all().iter().filter(is_same_net);
    found.filter_map(|it| references(it, sweep)).collect()
}

fn references(published: &'static PublishedSweeps, sweep: &Sweep) -> Option<References> {
    let sizes = published.batch_size.iter().enumerate();
    let shared: Vec<_> = sizes
        .filter_map(|(place, size)| {
            let own = sweep.points.iter().find(|it| it.batch_size == *size)?;
            let steps = sweep.dataset.train_samples.div_ceil(*size);
            Some((place, *size, own.median_s() * steps as f64))
        })
        .collect();
    let at_shared = |times: &Vec<f64>| shared.iter().map(|it| times[it.0]).collect();
    let machines = published.epoch_s.iter();
    (!shared.is_empty()).then(|| References {
        published,
        batch_size: shared.iter().map(|it| it.1).collect(),
        own_epoch_s: shared.iter().map(|it| it.2).collect(),
        epoch_s: machines
            .map(|(machine, times)| (machine.as_str(), at_shared(times)))
            .collect(),
    })
}

impl References {
    /// What differs and where it was published, in a sentence.
    pub fn note(&self) -> String {
        let PublishedSweeps {
            engine,
            year,
            source,
            differs,
            ..
        } = self.published;
        format!(
            "{engine} ({year}): {}. One run each. Source: {source}.",
            differs.join("; ")
        )
    }
}

/// What the times are, for a title.
pub const TITLE: &str =
    "Seconds an epoch beside published sweeps. These are references, not comparable:";
