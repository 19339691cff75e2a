//! The names of the passes that may be taken or left.

use crate::{program::FusionKind, simplification::Simplification};

/// The names of all optional passes, fusions first.
pub fn pass_names() -> Vec<&'static str> {
    let fusions = FusionKind::ALL.map(FusionKind::as_str);
    let simplifications = Simplification::ALL.map(Simplification::as_str);
    [&fusions[..], &simplifications].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_passes_have_one_name() {
        let mut names = pass_names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FusionKind::ALL.len() + 3);
    }
}
