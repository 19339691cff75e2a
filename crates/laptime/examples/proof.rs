//! The proof that comparisons of interleaved runs tell differences from noise, on this machine:
//!
//! - A/A: 100 comparisons of the engine with itself; how many call a difference?
//! - A/B: 100 comparisons with the second side 3 % slower; how many say so, and is 3 % in their interval?
//!
//! A run compiles, trains and tests Fashion-MNIST's net on 4,096 synthetic samples in this process; a
//! process of its own for each would not fit the time. Two runs of each side make a
//! pair, in the order ABBA and BAAB in turn: a side that always stood in the middle came out 0.45 % faster.
//! How many pairs a comparison has is fixed by a pilot, before the first of them.
//!
//!     cargo run --release -p laptime --example proof -- times.csv
//!
//! `tests/end_to_end/proof.rs` replays the times that were stored; `docs/method.md` has the result.

#[path = "../tests/end_to_end/proof/judged.rs"]
mod judged;

use std::{
    env, fmt::Write as _, fs, io::Write as _, path::Path, process::ExitCode, sync::Arc,
    time::Instant,
};

use judged::{Comparison, SLOWDOWN, counts, read};
use laptime_cpu::CpuEngine;
use laptime_engine::{Engine, Job, Passes};
use laptime_measure::{Ends, Watch, measure};
use laptime_workload::{BUILTINS, Overrides, dataset::synthetic};

const COMPARISONS: usize = 100;
const PILOT_PAIRS: usize = 60;
/// Pairs of a comparison, at least and at most.
const PAIRS: [f64; 2] = [10.0, 240.0];
const SAMPLES: usize = 4_096;
const TEST_SAMPLES: usize = 256;

fn main() -> ExitCode {
    let Some(path) = env::args().nth(1) else {
        eprintln!("usage: proof TIMES.csv");
        return ExitCode::FAILURE;
    };
    match prove(Path::new(&path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn prove(path: &Path) -> std::io::Result<()> {
    let job = job();
    run_s(&job, false);
    let pilot: Vec<f64> = (0..PILOT_PAIRS)
        .map(|number| pair(&job, false, number % 2 == 1))
        .map(log_ratio)
        .collect();
    let pairs = pairs_needed(&pilot);
    let mut file = fs::File::create(path)?;
    writeln!(
        file,
        "# {COMPARISONS} comparisons of each kind, {pairs} ABBA pairs each, fixed by a pilot; microseconds, \
         first and second side in turn"
    )?;
    println!("{pairs} pairs a comparison");
    // In turn, so that what the machine does meanwhile falls on both kinds alike.
    for number in 0..COMPARISONS {
        for is_slowed in [false, true] {
            let mut line = String::from(if is_slowed { "ab" } else { "aa" });
            for number in 0..pairs {
                let (first_s, second_s) = pair(&job, is_slowed, number % 2 == 1);
                let _ = write!(line, ",{:.0},{:.0}", 1e6 * first_s, 1e6 * second_s);
            }
            writeln!(file, "{line}")?;
        }
        if (number + 1) % 10 == 0 {
            let all: Vec<Comparison> = read(&fs::read_to_string(path)?);
            println!(
                "A/A {:?}\nA/B {:?}",
                counts(&all, false),
                counts(&all, true)
            );
        }
    }
    Ok(())
}

/// The net of the seed's first test, on as many samples as take some tens of milliseconds.
fn job() -> Job {
    let builtin = BUILTINS.iter().find(|it| it.name == "fashion-mnist");
    let spec = builtin.expect("it is built in").spec();
    let workload = spec.resolve(&Overrides {
        epochs: Some(1),
        ..Overrides::default()
    });
    let workload = workload.expect("a built-in spec is sound");
    Job {
        dataset: Arc::new(synthetic(
            workload.dataset.description(),
            SAMPLES,
            TEST_SAMPLES,
        )),
        workload: Arc::new(workload),
        // With one, another process on the other core disturbs it less: fewer pairs are needed.
        threads: 1,
        passes: Passes::All,
        profile: false,
    }
}

/// The mean seconds of two runs of each side, in the order ABBA or BAAB: what drifts evenly falls on both
/// alike.
fn pair(job: &Job, is_slowed: bool, is_turned: bool) -> (f64, f64) {
    let outer_s = run_s(job, is_turned && is_slowed);
    let inner_s = [(); 2].map(|()| run_s(job, !is_turned && is_slowed));
    let outer_s = 0.5 * (outer_s + run_s(job, is_turned && is_slowed));
    let inner_s = 0.5 * (inner_s[0] + inner_s[1]);
    if is_turned {
        (inner_s, outer_s)
    } else {
        (outer_s, inner_s)
    }
}

/// The seconds of one run; a slowed one waits on the processor for 3 % of what it took.
fn run_s(job: &Job, is_slowed: bool) -> f64 {
    let engine = CpuEngine;
    let devices = engine.devices().expect("there is a processor");
    let start = Instant::now();
    let watch = Watch::new();
    let measured = measure(
        &engine,
        job,
        &devices[0],
        Ends::default(),
        start,
        &watch,
        None,
    );
    let total_s = measured.expect("the engine trains").run.total_s;
    if !is_slowed {
        return total_s;
    }
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < (SLOWDOWN - 1.0) * total_s {
        std::hint::spin_loop();
    }
    total_s + start.elapsed().as_secs_f64()
}

fn log_ratio((first_s, second_s): (f64, f64)) -> f64 {
    (second_s / first_s).ln()
}

/// Pairs with which 97 of 100 comparisons find the slowdown, if pairs are spread as in the pilot: of normal
/// values ((1.96 + 1.96)·σ/δ)², and π/3 more for a test of ranks. A pilot's spread is itself only known
/// roughly (of twenty pairs to a sixth): with 1.28 in the place of the second 1.96, for nine of ten, a pilot of
/// twenty asked for 37 pairs, and three of four were found.
fn pairs_needed(log_ratios: &[f64]) -> usize {
    let mean = log_ratios.iter().sum::<f64>() / log_ratios.len() as f64;
    let squares: f64 = log_ratios.iter().map(|it| (it - mean).powi(2)).sum();
    let variance = squares / (log_ratios.len() - 1) as f64;
    let needed = variance * (3.92 / SLOWDOWN.ln()).powi(2) * std::f64::consts::FRAC_PI_3;
    needed.ceil().clamp(PAIRS[0], PAIRS[1]) as usize
}
