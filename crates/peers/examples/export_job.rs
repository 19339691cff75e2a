//! Writes a built-in workload's job folder for the scripts in `crates/peers/scripts`:
//!
//! ```text
//! cargo run --release -p laptime-peers --example export_job -- fashion-mnist FOLDER [--data synthetic] [--epochs N] [--seed N]
//! ```

use std::{error::Error, path::PathBuf};

use laptime_graph::{Mode, State, build};
use laptime_peers::write_job;
use laptime_workload::{
    Builtin, Overrides,
    dataset::{LoadOptions, Policy, Silent, load},
    epoch_order,
};

const USAGE: &str =
    "usage: export_job WORKLOAD FOLDER [--data auto|official|synthetic] [--epochs N] [--seed N]";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let workload = arguments.next().ok_or(USAGE)?;
    let folder = PathBuf::from(arguments.next().ok_or(USAGE)?);
    let mut options = LoadOptions::default();
    let mut overrides = Overrides::default();
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--data" => options.policy = policy(&value)?,
            "--epochs" => overrides.epochs = Some(value.parse()?),
            "--seed" => overrides.seed = Some(value.parse()?),
            _ => return Err(USAGE.into()),
        }
    }
    let workload = Builtin::find(&workload)?.spec().resolve(&overrides)?;
    let loaded = load(&workload.dataset, &options, &mut Silent)?;
    if let Some(warning) = loaded.warning {
        eprintln!("warning: {warning}");
    }
    let samples = loaded.dataset.train.count();
    let orders: Vec<Vec<u32>> = (0..workload.epochs)
        .map(|epoch| epoch_order(workload.seed, epoch, samples, workload.shuffle))
        .collect();
    // What lives across steps of an evaluation are the parameters alone.
    let program = build(&workload, Mode::Evaluation, workload.batch_size);
    let initial = State::initial(&program, workload.seed);
    write_job(
        &folder,
        &workload,
        &loaded.dataset,
        &initial.tensors,
        &orders,
    )?;
    println!("{}", folder.display());
    Ok(())
}

fn policy(name: &str) -> Result<Policy, Box<dyn Error>> {
    match name {
        "auto" => Ok(Policy::Auto),
        "official" => Ok(Policy::Official),
        "synthetic" => Ok(Policy::Synthetic),
        _ => Err(USAGE.into()),
    }
}
