//! Burns processor time under the sampler and prints what was observed, and how it is judged, as JSON:
//! `observe [THREADS] [SECONDS] [WAIT]`, to try what disturbs a run and what the verdict makes of it.
//! The threads meet after each piece of work, as those of a training do. Before, it waits up to WAIT
//! seconds for a quiet machine.

use std::{
    env,
    hint::black_box,
    path::Path,
    process,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use laptime_measure::telemetry::{ROOT, Sampler, judge, wait_quiet};

/// A piece is about a millisecond long.
const ROUNDS: u64 = 500_000;

fn main() -> Result<(), serde_json::Error> {
    let mut arguments = env::args().skip(1);
    let mut argument = |default: f64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (Ok(threads), Ok(seconds), Ok(limit_s)) = (argument(2.0), argument(2.0), argument(0.0))
    else {
        eprintln!("usage: observe [THREADS] [SECONDS] [WAIT]");
        process::exit(2);
    };
    let threads = (threads as usize).max(1);

    let quiet = (limit_s > 0.0).then(|| wait_quiet(Path::new(ROOT), limit_s, |_| true));
    let sampler = Sampler::start(Path::new(ROOT), &[process::id()]);
    let (meet, end) = (Barrier::new(threads), Barrier::new(threads + 1));
    let last = AtomicU64::new(u64::MAX);
    let telemetry = thread::scope(|scope| {
        for thread in 0..threads {
            let (meet, end, last) = (&meet, &end, &last);
            scope.spawn(move || {
                burn(seconds, thread == 0, meet, last);
                end.wait();
                // The threads live until the last look at them.
                end.wait();
            });
        }
        end.wait();
        let telemetry = sampler.finish();
        end.wait();
        telemetry
    });
    let condition = judge(&telemetry, threads);
    let result = serde_json::json!({
        "verdict": condition.to_string(),
        "condition": condition,
        "quiet": quiet,
        "pieces_per_s": last.load(Relaxed) as f64 / telemetry.wall_s,
        "telemetry": telemetry,
    });
    println!("{}", serde_json::to_string_pretty(&result)?);
    Ok(())
}

/// Works piece after piece for so long; the first thread says which is the last.
fn burn(seconds: f64, is_first: bool, meet: &Barrier, last: &AtomicU64) {
    let begin = Instant::now();
    for piece in 1_u64.. {
        let mut x = piece;
        for round in 0..ROUNDS {
            x = black_box(
                x.wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(round),
            );
        }
        if is_first && begin.elapsed().as_secs_f64() >= seconds {
            last.store(piece, Relaxed);
        }
        meet.wait();
        if last.load(Relaxed) <= piece {
            break;
        }
    }
}
