//! Numbers as people read them, each with its unit.

/// The digits behind the point that give a time of this size four significant digits, at most
/// milliseconds: phases in a column share those of their total.
pub fn decimals(seconds: f64) -> usize {
    match seconds {
        s if s < 10.0 => 3,
        s if s < 100.0 => 2,
        s if s < 1000.0 => 1,
        _ => 0,
    }
}

/// A time by itself: `96.1 µs`, `1.87 ms`, `1.923 s`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{} µs", three_digits(s * 1e6)),
        s if s < 1.0 => format!("{} ms", three_digits(s * 1e3)),
        s => format!("{s:.0$} s", decimals(s)),
    }
}

/// Three significant digits of a value below 1000.
pub fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// `60,000`
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in seconds, without the unit, with as many digits as beside a total of so many seconds are worth
/// something.
pub fn beside_total(time_s: f64, total_s: f64) -> String {
    match total_s {
        1000.0.. => grouped(time_s.round() as u64),
        _ => format!("{time_s:.*}", decimals(total_s)),
    }
}

/// A share as `88.12 %`.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A loss: four digits behind the point, fewer where it is very large, a word where it is not finite.
pub fn loss_text(loss: f64) -> String {
    if loss.abs() < 1e6 || !loss.is_finite() {
        format!("{loss:.4}")
    } else {
        format!("{loss:.3e}")
    }
}

/// Bytes as mebibytes, without the unit.
pub fn mebibytes(bytes: u64) -> String {
    three_digits(bytes as f64 / (1 << 20) as f64)
}

/// How many times: `1.9×`, `87×`, `0.42×`.
pub fn times(ratio: f64) -> String {
    match ratio {
        r if r < 0.995 => format!("{r:.2}×"),
        r if r < 9.95 => format!("{r:.1}×"),
        r => format!("{r:.0}×"),
    }
}

/// `1 step`, `2 steps`
pub fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let table = [
            (duration(9.61e-5), "96.1 µs"),
            (duration(9.9999e-5), "100 µs"),
            (duration(0.00187), "1.87 ms"),
            (duration(0.999), "999 ms"),
            (duration(1.9234), "1.923 s"),
            (duration(167.04), "167.0 s"),
            (duration(0.0), "0.00 µs"),
            (grouped(0), "0"),
            (grouped(7), "7"),
            (grouped(999), "999"),
            (grouped(1000), "1,000"),
            (grouped(60_000), "60,000"),
            (grouped(1_234_567), "1,234,567"),
            (percent(0.88123), "88.12 %"),
            (loss_text(0.28), "0.2800"),
            (loss_text(4.57e12), "4.570e12"),
            (loss_text(f64::NAN), "NaN"),
            (loss_text(-f64::NAN), "NaN"),
            (loss_text(f64::INFINITY), "inf"),
            (mebibytes(47_395_635), "45.2"),
            (times(1.87), "1.9×"),
            (times(0.423), "0.42×"),
            (times(86.8), "87×"),
            (counted(1, "run"), "1 run"),
            (counted(1875, "step"), "1,875 steps"),
        ];
        for (found, expected) in table {
            assert_eq!(found, expected);
        }
    }
}
