//! Whole numbers of the command line, with errors in words that users of any language understand.

use std::str::FromStr;

/// 0 or more.
pub fn any<T: FromStr>(text: &str) -> Result<T, String> {
    at_least(0, text)
}

/// 1 or more, of a type that cannot be 0.
pub fn positive<T: FromStr>(text: &str) -> Result<T, String> {
    at_least(1, text)
}

/// A number of a type whose least is `least`.
fn at_least<T: FromStr>(least: u8, text: &str) -> Result<T, String> {
    let wrong = |_| format!("give a whole number, {least} or more, in digits alone");
    text.parse().map_err(wrong)
}

/// Threads of a CPU.
pub fn threads(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(threads @ 1..=MOST_THREADS) => Ok(threads),
        _ => Err(format!("give a whole number from 1 to {MOST_THREADS}")),
    }
}

/// The largest machines of today have 768 hardware threads. Thousands on a few cores wait for each other, and
/// seem to stand still.
const MOST_THREADS: u16 = 1024;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn what_is_no_whole_number_is_refused_in_plain_words() {
        for wrong in ["1e9", "-1", "", "2.5", "ten", "99999999999999999999999"] {
            let said = any::<u64>(wrong).unwrap_err();
            assert!(said.starts_with("give a whole number, 0 or more"), "{said}");
            assert!(threads(wrong).unwrap_err().contains("from 1 to"));
        }
        assert!(
            positive::<NonZeroU32>("0")
                .unwrap_err()
                .contains("1 or more")
        );
        assert_eq!((any("7"), threads("12")), (Ok(7_u64), Ok(12)));
    }
}
