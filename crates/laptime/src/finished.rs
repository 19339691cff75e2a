//! What is finished while more is under way, so that a program that must end without its report still
//! leaves records of that.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use laptime_results::{Record, Store};
use laptime_workload::Shown;

use crate::{ending::end, recording::store};

/// The records of all that is finished, until somebody stores them.
pub struct Finished(Mutex<Kept>);

struct Kept {
    /// Nowhere, where there is no store, which the user knows.
    to: Option<Store>,
    records: Vec<Record>,
    are_stored: bool,
}

impl Finished {
    /// Nothing is finished.
    pub fn nothing() -> Self {
        Self(Mutex::new(Kept {
            to: None,
            records: Vec::new(),
            are_stored: false,
        }))
    }

    /// Where all records will be stored.
    pub fn goes_to(&self, store: Option<Store>) {
        self.kept().to = store;
    }

    /// What is finished by now, instead of what was before.
    pub fn keep(&self, records: Vec<Record>) {
        self.kept().records = records;
    }

    /// Stores the program's result instead of what was kept, and gives the paths, or why there are none.
    /// Nothing is stored twice: who comes second waits.
    pub fn store(&self, result: &[Record]) -> Vec<Result<PathBuf, String>> {
        let mut kept = self.kept();
        let stored = kept.store(result);
        kept.are_stored = true;
        stored
    }

    /// Stores what is finished, if it is not stored yet, and ends the program.
    pub fn end(&self) -> ! {
        let kept = self.kept();
        let told = match kept.are_stored {
            true => "interrupted".into(),
            false => told(kept.store(&kept.records)),
        };
        end(&told)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn store(&self, records: &[Record]) -> Vec<Result<PathBuf, String>> {
        let to = self.to.iter();
        to.flat_map(|to| records.iter().map(|record| store(to, record)))
            .collect()
    }
}

fn told(stored: Vec<Result<PathBuf, String>>) -> String {
    let stored: Result<Vec<PathBuf>, String> = stored.into_iter().collect();
    match stored {
        Err(why) => format!("interrupted; {why}"),
        Ok(paths) => match paths.first().and_then(|path| path.parent()) {
            None => "interrupted; nothing was recorded".into(),
            Some(folder) => format!(
                "interrupted; what was finished is recorded in {}",
                Shown(folder)
            ),
        },
    }
}
