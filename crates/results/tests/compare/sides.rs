//! What the tests compare.

use laptime_results::{
    RaceFacts, Record,
    compare::{Compared, Comparison, Side},
};

use crate::sample::record;

/// Ten runs around 1 s, with 1 to 2 % of noise in no order.
pub const NOISE: [f64; 10] = [
    1.004, 0.991, 1.012, 0.996, 1.001, 1.018, 0.987, 1.007, 0.999, 0.993,
];
/// Another ten.
pub const OTHER_NOISE: [f64; 10] = [
    0.997, 1.009, 0.994, 1.003, 1.015, 0.989, 1.000, 0.992, 1.011, 1.002,
];

/// A record of these times, of a day of this number.
pub fn made(day: u32, engine: &str, seconds: f64, noise: &[f64]) -> Record {
    let times: Vec<f64> = noise.iter().map(|factor| seconds * factor).collect();
    let mut record = record(&times);
    record.id = format!("202611{day:02}T184200Z-{engine}{day:02}");
    record.created = format!("2026-11-{day:02}T18:42:00Z");
    record.engine.name = engine.into();
    record
}

/// The same as a part of a race.
pub fn raced(engine: &str, seconds: f64, noise: &[f64]) -> Record {
    let race = RaceFacts {
        id: "20261123T184000Z-aaaaaa".into(),
        rounds: noise.len() as u64,
    };
    Record {
        race: Some(race),
        ..made(23, engine, seconds, noise)
    }
}

/// What there is to say of these records, with earlier ones of their machine.
pub fn compared<'a>(records: &[&'a Record], history: &[Record]) -> Compared<'a> {
    let sides = records.iter().map(|it| Side::Record(it)).collect();
    Compared::of(sides, history, false).expect("they are comparable")
}

/// The only comparison.
pub fn only(records: &[&Record], history: &[Record]) -> Comparison {
    compared(records, history).comparisons.remove(0)
}

/// Five earlier records of both engines on one machine, 1 % apart from day to day.
pub fn history() -> Vec<Record> {
    let days = [0.99, 1.01, 1.0, 1.012, 0.995];
    let of = |engine: &'static str| {
        let days = days.iter().zip(1..);
        days.map(move |(factor, day)| made(day, engine, 1.0 * factor, &NOISE))
    };
    of("a").chain(of("b")).collect()
}
