//! Sweeps that others published: references beside sweeps of the same net, never compared with it.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

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

/// Seconds an epoch at the batch sizes that sweeps share with published ones.
#[derive(Debug, Clone, PartialEq)]
pub struct References {
    /// The framework, when and where.
    pub published: &'static PublishedSweeps,
    /// The batch sizes.
    pub batch_size: Vec<u64>,
    /// What the steps of each sweep make of an epoch.
    pub own_epoch_s: Vec<Vec<f64>>,
    /// What others measured, by machine.
    pub epoch_s: Vec<(&'static str, Vec<f64>)>,
}

/// As in a sweep's file.
impl Serialize for References {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Stored<'a> {
            engine: &'a str,
            year: u16,
            source: &'a str,
            differs: &'a [String],
            batch_size: &'a [u64],
            own_epoch_s: &'a [f64],
            epoch_s: BTreeMap<&'a str, &'a [f64]>,
        }
        let machines = self.epoch_s.iter();
        let stored = Stored {
            engine: &self.published.engine,
            year: self.published.year,
            source: &self.published.source,
            differs: &self.published.differs,
            batch_size: &self.batch_size,
            own_epoch_s: self.own_epoch_s.first().map_or(&[], Vec::as_slice),
            epoch_s: machines
                .map(|(name, times)| (*name, times.as_slice()))
                .collect(),
        };
        stored.serialize(serializer)
    }
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

/// What was published of a built-in workload's batch sizes; nothing beside other sweeps, or sweeps of several
/// workloads.
pub fn beside(sweeps: &[&Sweep]) -> Vec<References> {
    let is_same_net = |it: &&PublishedSweeps| {
        sweeps.iter().all(|sweep| {
            sweep.built_in && sweep.axis == Axis::BatchSize && sweep.workload == it.workload
        })
    };
    let found = all().iter().filter(is_same_net);
    found.filter_map(|it| references(it, sweeps)).collect()
}

fn references(published: &'static PublishedSweeps, sweeps: &[&Sweep]) -> Option<References> {
    let epoch_s = |sweep: &Sweep, size: u64| {
        let own = sweep.points.iter().find(|it| it.batch_size == size)?;
        let steps = sweep.dataset.train_samples.div_ceil(size);
        Some(own.median_s() * steps as f64)
    };
    let sizes = published.batch_size.iter().copied().enumerate();
    let shared: Vec<(usize, u64)> = sizes
        .filter(|(_, size)| sweeps.iter().all(|it| epoch_s(it, *size).is_some()))
        .collect();
    let own = |sweep: &&Sweep| {
        let times = shared.iter().filter_map(|(_, size)| epoch_s(sweep, *size));
        times.collect()
    };
    let at_shared = |times: &Vec<f64>| shared.iter().map(|it| times[it.0]).collect();
    let machines = published.epoch_s.iter();
    (!shared.is_empty()).then(|| References {
        published,
        batch_size: shared.iter().map(|it| it.1).collect(),
        own_epoch_s: sweeps.iter().map(own).collect(),
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
