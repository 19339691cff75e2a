//! One file a verb.

mod child;
mod data;
mod devices;
mod explain;
mod peers;
mod race;
mod run;
mod schema;
mod verify;
mod workloads;

pub use child::child;
pub use data::data;
pub use devices::devices;
pub use explain::explain;
pub use peers::peers;
pub use race::race;
pub use run::run;
pub use schema::schema;
pub use verify::verify;
pub use workloads::workloads;
