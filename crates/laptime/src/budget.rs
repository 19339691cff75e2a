//! A time that something may take, on the command line.

use std::{str::FromStr, time::Duration};

/// A time, as the command line states it: `90s`, `10m`, `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget(pub Duration);

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unit_at = text.len() - usize::from(text.ends_with(['s', 'm', 'h']));
        let (number, unit) = text.split_at(unit_at);
        let seconds_per_unit = match unit {
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            _ => return Err("a time has a unit: 90s, 10m, 1h".into()),
        };
        let whole: Result<u32, _> = number.trim().parse();
        match whole {
            Ok(number @ 1..) => Ok(Self(Duration::from_secs(
                u64::from(number) * seconds_per_unit,
            ))),
            _ => Err("it takes a whole number and a unit: 90s, 10m, 1h".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |text: &str| text.parse().map(|Budget(time)| time.as_secs());
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("1h"), Ok(3600));
        for wrong in [
            "",
            "s",
            "90",
            "1.5m",
            "-1s",
            "0s",
            "m10",
            "1d",
            "99999999999s",
            "1µ",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
