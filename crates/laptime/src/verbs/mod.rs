//! One file a verb.

mod child;
mod compare;
mod completions;
mod data;
mod devices;
mod explain;
mod init;
mod man;
mod peers;
mod race;
mod records;
mod report;
mod run;
mod schema;
mod suite;
mod sweep;
mod verify;
mod workloads;

pub use child::child;
pub use compare::compare;
pub use completions::completions;
pub use data::data;
pub use devices::devices;
pub use explain::explain;
pub use init::init;
pub use man::man;
pub use peers::peers;
pub use race::race;
pub use records::records;
pub use report::report;
pub use run::run;
pub use schema::schema;
pub use suite::suite;
pub use sweep::sweep;
pub use verify::verify;
pub use workloads::workloads;
