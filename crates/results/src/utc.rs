//! The time of day in UTC, as RFC 3339 writes it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, to the second: `2026-11-23T18:42:00Z`.
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is not worth an error: ids stay unique by their random end.
    rfc3339(since.map_or(0, |since| since.as_secs()))
}

/// The civil time `seconds` after the beginning of 1970.
///
/// By H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013), `civil_from_days`: years
/// begin in March, so that the leap day is their last, and repeat every era of 400 years.
fn rfc3339(seconds: u64) -> String {
    const DAYS_AN_ERA: u64 = 146_097;
    /// From 1 March of year 0 to 1 January 1970.
    const DAYS_BEFORE_1970: u64 = 719_468;
    let (days, second) = (seconds / 86_400 + DAYS_BEFORE_1970, seconds % 86_400);
    let (era, day_of_era) = (days / DAYS_AN_ERA, days % DAYS_AN_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on have 31, 30, 31, 30, 31 days, again and again: 153 in 5 months.
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The seconds from the beginning of 1970 to a time as [`now`] writes it; `None` for any other text.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let number = |place: std::ops::Range<usize>| -> Option<u64> { text.get(place)?.parse().ok() };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if year < 1970 || !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    // The inverse of `rfc3339`: years begin in March.
    let march_year = year - u64::from(month <= 2);
    let march_month = (month + 9) % 12;
    let (era, year_of_era) = (march_year / 400, march_year % 400);
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    // What is written otherwise, or is no day of its month, is written as another text.
    (rfc3339(seconds) == text).then_some(seconds)
}

/// Whether a text is a day, as `2026-11-23`.
pub fn is_date(text: &str) -> bool {
    seconds(&format!("{text}T00:00:00Z")).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_times_are_those_of_date() {
        // date -u -d @SECONDS +%FT%TZ
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_795_459_320, "2026-11-23T18:42:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), expected);
            assert_eq!(super::seconds(expected), Some(seconds));
        }
    }

    #[test]
    fn what_is_no_time_has_no_seconds() {
        for text in [
            "",
            "2026-11-23",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23 18:42:00Z",
            "2026-11-23T18:42:00+01:00",
            "1969-12-31T23:59:59Z",
            "+026-11-23T18:42:00Z",
            "٢٠٢٦-11-23T18:42:00Z",
        ] {
            assert_eq!(super::seconds(text), None, "{text}");
        }
    }
}
