//! Turns measurements into a [`Record`], and a record into files and text: the store, the JSON
//! Schema, exports, and the block that a person reads at the end of a run. Knows nothing of how
//! anything ran.

mod analysis;
pub mod compare;
mod condition;
mod divergence;
pub mod export;
mod headline;
mod json_text;
mod judgement;
pub mod number;
pub mod published;
mod read;
mod record;
mod remarks;
mod render;
mod schema;
mod standings;
mod store;
pub mod suite;
mod summary;
pub mod sweep;
mod utc;

pub use analysis::{Analysis, BandwidthFacts, Bottleneck, Bound, KernelKind, PeakFacts};
pub use condition::Conditions;
pub use divergence::divergence;
pub use headline::{beside_published, headline, seconds, seconds_between};
pub use judgement::{doubts, reasons_apart};
pub use number::loss_text;
pub use read::{Read, Unreadable, read};
pub use record::*;
pub use remarks::{Remark, Tone, remarks};
pub use render::{
    BoundBy, Style, bound_by, cautions, comparison, crossing_sentence, list, race, reason, render,
    render_beside_sweeps, render_crossing, render_suite, render_sweep, render_versus, short_id,
    show, sweep_remarks, trained_by, training, verdict_sentence,
};
pub use schema::schema;
pub use standings::{Measure, Standing, Standings};
pub use store::{Store, StoreError};
pub use summary::{MedianSeconds, Summary, Work, typical_run};
pub use utc::is_date;
