//! Units that keep numbers on an axis short.

use laptime_results::number::three_digits;

/// A unit of time that fits values up to this.
pub fn of_time(most_s: f64) -> (f64, &'static str) {
    match most_s {
        s if s >= 1.0 => (1.0, "s"),
        s if s >= 1e-3 => (1e3, "ms"),
        _ => (1e6, "µs"),
    }
}

/// A value on an axis: no more digits than it needs.
pub fn plain(value: f64) -> String {
    let digits = match value.abs() {
        v if v == 0.0 || v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        v if v >= 0.01 => 3,
        _ => return short_exponent(value),
    };
    if value.abs() >= 1e6 {
        return short_exponent(value);
    }
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn short_exponent(value: f64) -> String {
    format!("{value:.0e}")
}

/// A number that counts, as an axis names it; nothing for what lies between.
pub fn whole(value: f64) -> String {
    match value.fract() == 0.0 {
        true => plain(value),
        false => String::new(),
    }
}

/// A share as an axis names it.
pub fn percent(share: f64) -> String {
    format!("{} %", plain(100.0 * share))
}

/// Operations a second.
pub fn flops(per_s: f64) -> String {
    scaled(per_s, "FLOP/s")
}

/// A large number with a prefix of the SI.
pub fn scaled(value: f64, unit: &str) -> String {
    const PREFIXES: [(f64, &str); 5] =
        [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let found = PREFIXES.iter().find(|(least, _)| value >= 0.9995 * least);
    let (divisor, prefix) = found.copied().unwrap_or((1.0, ""));
    format!("{} {prefix}{unit}", three_digits(value / divisor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_short_numbers() {
        for (value, expected) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (0.25, "0.25"),
            (2.0, "2"),
            (12.5, "12.5"),
            (1500.0, "1500"),
            (-3.0, "-3"),
            (2e7, "2e7"),
            (1e-5, "1e-5"),
        ] {
            assert_eq!(plain(value), expected);
        }
        assert_eq!(scaled(1.92e11, "FLOP/s"), "192 GFLOP/s");
        assert_eq!(scaled(12.0, "B"), "12.0 B");
        assert_eq!(percent(0.25), "25 %");
    }
}
