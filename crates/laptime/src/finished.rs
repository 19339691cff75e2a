//! What is finished while more is under way, so that a program that must end without its report still
//! leaves records of that.

use std::sync::{Mutex, MutexGuard, PoisonError};

use laptime_results::Record;

use crate::{interrupt, recording::store};

/// The records of all that is finished, until somebody stores them.
pub struct Finished(Mutex<Option<Vec<Record>>>);

impl Finished {
    /// Nothing is finished.
    pub fn nothing() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }

    /// What is finished by now, instead of what was before.
    pub fn keep(&self, records: Vec<Record>) {
        if let Some(kept) = self.records().as_mut() {
            *kept = records;
        }
    }

    /// Stores the program's result in the place of what was kept. Nothing is stored twice: who comes
    /// second waits.
    pub fn store<T>(&self, store: impl FnOnce() -> T) -> T {
        let mut records = self.records();
        let stored = store();
        *records = None;
        stored
    }

    /// Stores what is finished, if it is not stored yet, and ends the program.
    pub fn end(&self) -> ! {
        let mut records = self.records();
        let told = match records.take() {
            None => "interrupted".into(),
            Some(records) => told(&records),
        };
        interrupt::end(&told)
    }

    fn records(&self) -> MutexGuard<'_, Option<Vec<Record>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(records: &[Record]) -> String {
    let stored: Result<Vec<_>, String> = records.iter().map(store).collect();
    match stored {
        Err(why) => format!("interrupted; {why}"),
        Ok(paths) => match paths.first().and_then(|path| path.parent()) {
            None => "interrupted; nothing was recorded".into(),
            Some(folder) => format!(
                "interrupted; what was finished is recorded in {}",
                folder.display()
            ),
        },
    }
}
