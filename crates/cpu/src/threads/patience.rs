//! How long a thread waits awake. loom knows no time, so its models wait a turn of each kind.

#[cfg(not(loom))]
use std::{
    hint, thread,
    time::{Duration, Instant},
};

/// Two threads in step meet within a few microseconds, or some ten where one of them must be woken;
/// longer than this and the other one is not running, or has much more to do.
#[cfg(not(loom))]
const LONGEST_SPIN: Duration = Duration::from_micros(50);

/// A yield returns at once where nobody else wants the core. From one that takes longer it is clear
/// that somebody does; who parks is woken as soon as there is something to do, who yields again waits
/// for the end of a time slice again.
#[cfg(not(loom))]
const QUIET_YIELD: Duration = Duration::from_micros(10);

/// How often a thread yields before it parks.
pub(super) const YIELDS: usize = if cfg!(loom) { 1 } else { 20 };

/// Yields, and says whether nobody else wanted the core.
pub(super) fn yield_quietly() -> bool {
    #[cfg(not(loom))]
    {
        let start = Instant::now();
        thread::yield_now();
        start.elapsed() <= QUIET_YIELD
    }
    #[cfg(loom)]
    {
        loom::thread::yield_now();
        true
    }
}

/// How many turns of the spin loop take [`LONGEST_SPIN`]: measured, because the pause instruction
/// takes from 5 to 140 cycles. The shortest of a few tries: another process that had the core in the
/// only one would leave the session without spins.
#[cfg(not(loom))]
pub(super) fn calibrate_spins() -> u32 {
    const TRIES: u32 = 5;
    const TURNS: u32 = 200;
    if cfg!(miri) {
        return 2; // its clock runs by instructions
    }
    let tries = (0..TRIES).map(|_| {
        let start = Instant::now();
        for _ in 0..TURNS {
            hint::spin_loop();
        }
        start.elapsed()
    });
    let shortest = tries.min().unwrap_or_default();
    (LONGEST_SPIN.as_nanos() * u128::from(TURNS) / shortest.as_nanos().max(1)) as u32
}

#[cfg(loom)]
pub(super) fn calibrate_spins() -> u32 {
    0
}
