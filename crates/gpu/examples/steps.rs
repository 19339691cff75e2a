//! Times the steps of a network on the first adapter, on synthetic samples, in fp32, in bf16 without matrices and in
//! bf16 with those that the adapter has: `steps WORKLOAD|FILE.toml BATCH_SIZE STEPS`. The three take turns, as medians
//! of groups of ten steps and the least of them.

use std::{env, error::Error, fs, sync::Arc, time::Instant};

use laptime_engine::{Engine, Job, Passes, Progress};
use laptime_gpu::{GpuEngine, Matrices, Target};
use laptime_workload::{Builtin, Overrides, Precision, Spec, dataset::synthetic, epoch_order};

/// Steps that are timed together.
const GROUP: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [network, batch_size, steps] = arguments.as_slice() else {
        return Err("usage: steps WORKLOAD|FILE.toml BATCH_SIZE STEPS".into());
    };
    let steps: usize = steps.parse()?;
    let overrides = Overrides {
        batch_size: Some(batch_size.parse()?),
        ..Overrides::default()
    };
    let spec = match Builtin::find(network) {
        Ok(builtin) => builtin.spec(),
        Err(_) => Spec::parse(&fs::read_to_string(network)?, network)?,
    };
    let mut workload = spec.resolve(&overrides)?;
    let count = GROUP * workload.batch_size;
    let dataset = Arc::new(synthetic(workload.dataset.description(), count, 1));
    let order = epoch_order(workload.seed, 0, count, true);
    let device = GpuEngine::new().devices()?.into_iter().next();
    let device = device.ok_or("there is no adapter")?;
    println!(
        "{}, batches of {batch_size} on {}",
        workload.name, device.name
    );
    let mut sessions = Vec::new();
    for (name, precision, matrices) in [
        ("fp32", Precision::Fp32, Matrices::None),
        ("bf16", Precision::Bf16, Matrices::None),
        (
            "bf16 by matrices",
            Precision::Bf16,
            Matrices::Cooperative { side: 16 },
        ),
    ] {
        workload.precision = precision;
        let job = Job {
            dataset: Arc::clone(&dataset),
            workload: Arc::new(workload.clone()),
            threads: 1,
            passes: Passes::All,
            profile: false,
        };
        let engine = GpuEngine::within(Target {
            matrices,
            ..Target::MOST
        });
        let start = Instant::now();
        let mut session = engine.compile(&job, &device)?;
        let compiled = start.elapsed();
        // Twice, until the pace is known.
        let mut loss = 0.0;
        for _ in 0..2 {
            loss = session.train(&order, &Progress::new())?.score.loss();
        }
        // An adapter need not have what was wanted.
        let details = session.details();
        let arithmetic = details.get("bf16").map_or("fp32", String::as_str);
        println!(
            "{name} ({arithmetic}): compiled in {compiled:.1?}, loss {loss:.5} after 20 steps"
        );
        sessions.push((name, session, Vec::new()));
    }
    for _ in 0..steps.div_ceil(GROUP) {
        for (_, session, times) in &mut sessions {
            let start = Instant::now();
            session.train(&order, &Progress::new())?;
            times.push(start.elapsed().as_secs_f64() * 1e3 / GROUP as f64);
        }
    }
    for (name, _, times) in &mut sessions {
        times.sort_by(f64::total_cmp);
        let (least, median) = (times[0], times[times.len() / 2]);
        println!("{name}: {median:.3} ms a step, {least:.3} at least");
    }
    Ok(())
}
