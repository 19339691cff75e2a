//! Two sweeps on the command line of `laptime compare`.

use std::path::Path;

use laptime_results::{
    render_beside_sweeps, render_crossing,
    sweep::{Sweep, crossing, read},
};
use laptime_workload::Shown;

use crate::{exports, failure::Failure, record_choice::Text, refusal::not_comparable};

/// The sweep in a file's text; `None` where it is something else.
///
/// # Errors
/// Where it cannot be right.
pub fn sweep_in(path: &Path, text: &[u8]) -> Result<Option<Sweep>, Failure> {
    read(text).transpose().map_err(|why| {
        Failure::Usage(format!(
            "{}: this sweep cannot be right: {why}; make it anew with `laptime sweep`",
            Shown(path)
        ))
    })
}

/// The sweeps in these texts, of files; `None` where none of them is one.
///
/// # Errors
/// Where only some are, or one cannot be right.
pub fn sweeps_in<'a>(texts: &[Text<'a>]) -> Result<Option<Vec<(&'a Path, Sweep)>>, Failure> {
    let mut sweeps = Vec::new();
    for (path, text) in texts.iter().flatten() {
        sweeps.extend(sweep_in(path, text)?.map(|sweep| (*path, sweep)));
    }
    match sweeps.len() {
        0 => Ok(None),
        count if count == texts.len() => Ok(Some(sweeps)),
        _ => Err(Failure::Usage(format!(
            "{}: a sweep is compared with sweeps alone; leave out the records, or it",
            Shown(sweeps[0].0)
        ))),
    }
}

/// Says who is faster at which batch size.
pub fn compare(sweeps: &[(&Path, Sweep)], force: bool) -> Result<(), Failure> {
    let [(one, first), (other, second)] = sweeps else {
        return Err(Failure::Usage(format!(
            "sweeps are compared two at a time, and here are {}",
            sweeps.len()
        )));
    };
    let Some(crossing) = crossing(first, second) else {
        return Err(Failure::Usage(
            "no order can be told: one of the sweeps has too few points or rounds for a line, or they vary \
             different things, or threads"
                .into(),
        ));
    };
    let names = [one, other].map(|path| Shown(path).to_string());
    if !force && !crossing.reasons.is_empty() {
        let names = [&names[0], &names[1]].map(String::as_str);
        return Err(Failure::Usage(not_comparable(
            names,
            &crossing.reasons,
            true,
        )));
    }
    let names = names.each_ref().map(String::as_str);
    exports::print(|style| {
        let references = render_beside_sweeps(&[first, second], &names, style);
        render_crossing(&crossing, names, style) + &references
    })
}
