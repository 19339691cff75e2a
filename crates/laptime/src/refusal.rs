//! What is said of results that cannot be compared.

/// The reasons, a line each, and whether that can be overridden.
pub fn not_comparable(names: [&str; 2], reasons: &[String], can_be_forced: bool) -> String {
    let [one, other] = names;
    let mut text = format!("{one} and {other} are not comparable:");
    for reason in reasons {
        text += &format!("\n  - {reason}");
    }
    if can_be_forced {
        text += "\n--force compares them anyway";
    }
    text
}
