//! From values to places, and the values that an axis names.

/// Where a value lies between the ends of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Scale {
    /// A scale on which equal differences look equal, with room for these values; from 0 on, if asked.
    pub fn linear(values: impl IntoIterator<Item = f64>, from_zero: bool) -> Self {
        let (mut low, mut high) = ends(values.into_iter().filter(|it| it.is_finite()), 0.0, 1.0);
        if from_zero {
            low = low.min(0.0);
            high = high.max(0.0);
        }
        if high <= low {
            // One value lies in the middle.
            let room = low.abs().max(1e-300) / 2.0;
            (low, high) = if from_zero {
                (low, low + 2.0 * room.max(0.5))
            } else {
                (low - room, high + room)
            };
        }
        let room = 0.04 * (high - low);
        Self {
            low: if from_zero && low == 0.0 {
                0.0
            } else {
                low - room
            },
            high: high + room,
            is_log: false,
        }
    }

    /// A scale on which equal ratios look equal; values that are not above 0 have no place on it.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let usable = values.into_iter().filter(|it| it.is_finite() && *it > 0.0);
        let (low, high) = ends(usable, 1.0, 10.0);
        // At least a factor of 2, so that there is something to name.
        let room = (high / low)
            .powf(0.05)
            .max(if high < 2.0 * low { 1.5 } else { 1.0 });
        Self {
            low: low / room,
            high: high * room,
            is_log: true,
        }
    }

    /// A linear scale with just these ends.
    pub fn exactly(low: f64, high: f64) -> Self {
        Self {
            low,
            high,
            is_log: false,
        }
    }

    /// The ends.
    pub fn ends(&self) -> [f64; 2] {
        [self.low, self.high]
    }

    /// Where a value lies, 0 to 1; `None` where it has no place.
    pub fn place(&self, value: f64) -> Option<f64> {
        let share = match self.is_log {
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        (share.is_finite() && (-1e-9..=1.0 + 1e-9).contains(&share)).then_some(share)
    }

    /// About so many round values.
    pub fn ticks(&self, about: usize) -> Vec<f64> {
        let about = about.max(2);
        let ticks = match self.is_log {
            true => self.log_ticks(about),
            false => self.linear_ticks(about),
        };
        let has_place = |tick: &f64| self.place(*tick).is_some();
        ticks.into_iter().filter(has_place).collect()
    }

    fn linear_ticks(&self, about: usize) -> Vec<f64> {
        let exact = (self.high - self.low) / about as f64;
        let decade = power_of_ten(exact.log10().floor() as i32);
        if !decade.is_normal() {
            return Vec::new();
        }
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|digit| digit * decade)
            .into_iter()
            .find(|step| *step >= 0.75 * exact)
            .unwrap_or(10.0 * decade);
        let first = (self.low / step).ceil();
        let count = ((self.high - first * step) / step).floor();
        let count = if count.is_finite() {
            count.clamp(0.0, 50.0) as u32
        } else {
            0
        };
        let ticks = (0..=count).map(|n| (first + f64::from(n)) * step);
        // -0 would be named as such.
        ticks
            .map(|tick| if tick == 0.0 { 0.0 } else { tick })
            .collect()
    }

    fn log_ticks(&self, about: usize) -> Vec<f64> {
        let (low, high) = (
            self.low.log10().floor() as i32,
            self.high.log10().ceil() as i32,
        );
        let decades = (high - low).max(1) as usize;
        let digits: &[f64] = match (self.high / self.low).log10() {
            few if few < 1.2 => &[1.0, 2.0, 3.0, 5.0],
            some if some < 2.2 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let every = decades.div_ceil(2 * about).max(1);
        let decades = (low..=high).step_by(every);
        decades
            .flat_map(|decade| digits.iter().map(move |digit| digit * power_of_ten(decade)))
            .collect()
    }
}

fn ends(values: impl Iterator<Item = f64>, low: f64, high: f64) -> (f64, f64) {
    let found = values.fold(None, |found: Option<(f64, f64)>, value| {
        let (low, high) = found.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    });
    // What is beyond this would leave no room for a range.
    let (low, high) = found.unwrap_or((low, high));
    (low.clamp(-1e300, 1e300), high.clamp(-1e300, 1e300))
}

/// Ten to this power, to the same bits everywhere: `powf` and `powi` are not (on Windows 10^-2 came out one bit
/// too large), reading a decimal is.
fn power_of_ten(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let ticks = |values: &[f64], zero| Scale::linear(values.iter().copied(), zero).ticks(5);
        assert_eq!(ticks(&[0.0, 10.0], true), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(
            ticks(&[1.0, 1.2], false),
            [1.0, 1.05, 1.1, 1.15, 1.2].map(|it: f64| (it * 20.0).round() * 0.05)
        );
        assert_eq!(
            Scale::log([1e-2, 1e3]).ticks(5),
            [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]
        );
        let few = Scale::log([16.0, 64.0]).ticks(5);
        assert!(few.len() >= 3, "{few:?}");
    }

    #[test]
    fn each_value_has_a_place_and_what_is_no_number_has_none() {
        for values in [
            vec![],
            vec![0.0],
            vec![5.0],
            vec![-5.0],
            vec![f64::NAN, f64::INFINITY],
            vec![1e-320],
            vec![-f64::MAX, f64::MAX],
            vec![3.0, 3.0],
        ] {
            for zero in [false, true] {
                let scale = Scale::linear(values.iter().copied(), zero);
                let finite = values.iter().filter(|it| it.is_finite());
                for value in finite.filter(|it| it.abs() < 1e300) {
                    let place = scale.place(*value);
                    assert!(place.is_some(), "{values:?} {value} {scale:?}");
                }
                assert!(scale.ticks(5).len() < 60, "{values:?}");
                assert_eq!(scale.place(f64::NAN), None);
            }
            let scale = Scale::log(values.iter().copied());
            assert_eq!(scale.place(0.0), None);
            assert!(scale.ticks(5).len() < 60, "{values:?}");
        }
    }
}
