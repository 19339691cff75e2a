//! The pool and the barrier of laptime-cpu, to run their models:
//! `RUSTFLAGS="--cfg loom" cargo test --manifest-path crates/cpu/loom/Cargo.toml`

#[cfg(loom)]
#[path = "../src/threads/mod.rs"]
#[allow(dead_code, unused_imports)] // what only sessions use
mod threads;
