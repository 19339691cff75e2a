//! Lowers a Program to a Schedule of WGSL kernels, and runs it on a graphics card through `wgpu`
//! (Vulkan, Metal, DX12). Knows nothing of files, of TOML, or of what a layer is.

mod abilities;
mod adapters;
mod cards;
mod compiled;
mod context;
mod engine;
mod epoch;
mod forecast;
mod kernels;
mod lower;
mod ops;
mod pace;
mod probe;
mod samples;
mod session;
mod shader;
mod target;
mod texts;
mod tiles;
mod work;

pub use cards::{CARDS, Card};
pub use engine::GpuEngine;
pub use forecast::{Counted, Forecast};
pub use lower::{MATRIX_UNITS, NEVER_TAKEN, lower};
pub use probe::{Peaks, Probe, probe};
pub use target::{Matrices, Target};
pub use texts::{KernelText, texts};
pub use work::Work;
