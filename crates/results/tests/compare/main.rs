//! What may be said of results beside each other, and what may not.

mod apart;
mod published;
mod race;
mod refused;
#[path = "../sample/mod.rs"]
mod sample;
mod shown;
mod sides;
