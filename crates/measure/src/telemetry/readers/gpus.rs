//! All GPUs, whichever driver tells of them.

use std::path::Path;

#[cfg(any(target_os = "linux", windows))]
use super::nvidia;
use super::{amd, gpu::Gpu};
#[cfg(any(target_os = "linux", windows))]
use crate::telemetry::ROOT;

/// All GPUs of a machine that tell something.
pub(crate) struct Gpus {
    amd: amd::Cards,
    #[cfg(any(target_os = "linux", windows))]
    nvidia: Option<nvidia::Cards>,
}

impl Gpus {
    pub(crate) fn find(root: &Path) -> Self {
        Self {
            amd: amd::Cards::find(root),
            // A library is no file of a recorded tree.
            #[cfg(any(target_os = "linux", windows))]
            nvidia: (root == Path::new(ROOT))
                .then(nvidia::Cards::find)
                .flatten(),
        }
    }

    /// Reads all of them.
    pub(crate) fn read(&mut self) {
        self.amd.read();
        #[cfg(any(target_os = "linux", windows))]
        if let Some(nvidia) = &mut self.nvidia {
            nvidia.read();
        }
    }

    /// What was read.
    pub(crate) fn summary(&self) -> Vec<Gpu> {
        let gpus = self.amd.summary().into_iter();
        #[cfg(any(target_os = "linux", windows))]
        let gpus = gpus.chain(self.nvidia.iter().flat_map(|cards| cards.summary()));
        gpus.collect()
    }

    /// What they do now, whatever was read before.
    pub(crate) fn now(&mut self) -> Vec<Gpu> {
        self.amd.forget();
        #[cfg(any(target_os = "linux", windows))]
        if let Some(nvidia) = &mut self.nvidia {
            nvidia.forget();
        }
        self.read();
        self.summary()
    }
}
