//! What a workload is trained on: a dataset that laptime knows by its name, or files of the user's.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{DataSource, Description, OwnData};

/// Where the samples of a workload come from. As data, a known dataset is its name, and files of the
/// user's are what they hold with its sum: no path, so that none gets into a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Data {
    /// A dataset that laptime knows.
    Known(&'static DataSource),
    /// Files of the user's.
    Own(Box<OwnData>),
}

impl Data {
    /// What its samples are.
    pub fn description(&self) -> &Description {
        match self {
            Self::Known(source) => &source.description,
            Self::Own(own) => &own.description,
        }
    }

    /// The name in records.
    pub fn name(&self) -> &str {
        &self.description().name
    }
}

impl From<&'static DataSource> for Data {
    fn from(source: &'static DataSource) -> Self {
        Self::Known(source)
    }
}

/// Its name.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}
