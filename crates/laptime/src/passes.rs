//! `--passes`: which optional passes of the compiler are on.

use laptime_engine::Passes;
use laptime_gpu::{MATRIX_UNITS, NEVER_TAKEN};
use laptime_graph::{Simplification, pass_names};

use crate::{device_arg::DeviceArg, failure::Failure};

/// What a GPU cannot but leave out.
const DEAD_TAPS: &str = Simplification::DeadTaps.as_str();

/// What stands in front of a pass that is left out.
const NO: &str = "no-";

/// What `--help` says.
pub fn help() -> String {
    format!(
        "Optional compiler passes: all, none, a comma-separated list of passes to apply (dead-taps,winograd), or of \
         passes to leave out ({NO}dead-taps,{NO}winograd). With all, or what is not left out, a trial decides on \
         {MATRIX_UNITS}; all,{MATRIX_UNITS} takes them untried. Known: {}",
        known().join(", ")
    )
}

/// All passes of all devices. None begins with [`NO`].
fn known() -> Vec<&'static str> {
    let mut names = pass_names();
    names.push(MATRIX_UNITS);
    names
}

/// These passes but for that which makes products on matrix units.
pub fn without_matrix_units(passes: &Passes) -> Passes {
    let names = known().into_iter();
    let left = names.filter(|name| *name != MATRIX_UNITS && passes.has(name));
    Passes::Only(left.map(Into::into).collect())
}

/// Whether `--passes` asks for matrix units by name, so that no trial decides on them.
pub fn names_matrix_units(text: &str) -> bool {
    text.split(',').any(|name| name.trim() == MATRIX_UNITS)
}

/// Passes as a few words.
pub fn shown(passes: &Passes) -> String {
    let known = known().into_iter();
    let left_out: Vec<&str> = known.filter(|name| !passes.has(name)).collect();
    match (passes, left_out.len()) {
        (Passes::Only(names), 3..) => names.join("+"),
        (_, 0) => "all".into(),
        _ => format!("all but {}", left_out.join("+")),
    }
}

/// The passes that `--passes` names, on this device.
pub fn passes(text: &str, device: DeviceArg) -> Result<Passes, Failure> {
    match text {
        "all" => return Ok(Passes::All),
        // All, whatever a trial would say, and on a processor as well: `auto` may take it.
        "all,matrix-units" => return Ok(Passes::All),
        "none" => return Ok(Passes::Only(Vec::new())),
        _ => {}
    }
    let known = known();
    let given: Vec<&str> = text.split(',').map(str::trim).collect();
    let left_out: Vec<&str> = given
        .iter()
        .filter_map(|name| name.strip_prefix(NO))
        .collect();
    let is_not_on = |name: &str, device: &str, instead: &str| {
        format!(
            "--passes {name}: there is no such pass on a {device}; leave it out, or take {instead}"
        )
    };
    let mistake = given.iter().find_map(|&name| {
        let positive = name.strip_prefix(NO).unwrap_or(name);
        match positive {
            "all" | "none" => Some(format!(
                "--passes {text}: {name} stands alone; leave it out, or the others"
            )),
            _ if !known.contains(&positive) => Some(format!(
                "--passes {text}: there is no pass \"{name}\"; known: all, none, {}",
                known.join(", ")
            )),
            _ if positive != name && positive == DEAD_TAPS && matches!(device, DeviceArg::Gpu(_)) => {
                Some(format!("--passes {name}: on a GPU dead taps are always left out; drop it, or take --device cpu"))
            }
            // What a device does not have can be left out there.
            _ if positive != name => None,
            _ if matches!(device, DeviceArg::Gpu(_)) && is_for_cpu_alone(name) => {
                Some(is_not_on(name, "GPU", "--device cpu"))
            }
            MATRIX_UNITS if device == DeviceArg::Cpu => {
                Some(is_not_on(name, "processor", "--device gpu"))
            }
            _ => None,
        }
    });
    let taken: Vec<&str> = match (mistake, left_out.len()) {
        (Some(text), _) => return Err(Failure::Usage(text)),
        (None, 0) => given,
        (None, count) if count == given.len() => {
            let all = known.into_iter();
            all.filter(|name| !left_out.contains(name)).collect()
        }
        (None, _) => {
            return Err(Failure::Usage(format!(
                "--passes {text}: name either passes to apply or, with {NO}, passes to leave out; not both"
            )));
        }
    };
    Ok(Passes::Only(taken.into_iter().map(Into::into).collect()))
}

/// On a GPU dead taps are always left out and other padding is multiplied.
fn is_for_cpu_alone(pass: &str) -> bool {
    Simplification::ALL.iter().any(|one| one.as_str() == pass)
        || NEVER_TAKEN.iter().any(|one| one.as_str() == pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, device: DeviceArg) -> Passes {
        match passes(text, device) {
            Ok(passes) => passes,
            Err(_) => panic!("{text} is a mistake"),
        }
    }

    #[test]
    fn passes_are_taken_or_left_out_by_name() {
        let taken = of("gradient-epilogue, winograd", DeviceArg::Auto);
        assert!(taken.has("gradient-epilogue") && taken.has("winograd"));
        assert!(!taken.has("norm-epilogue"));
        let but = of("no-winograd,no-norm-epilogue", DeviceArg::Cpu);
        assert!(!but.has("norm-epilogue") && !but.has("winograd"));
        assert!(but.has("gradient-epilogue") && but.has(MATRIX_UNITS));
        for device in [DeviceArg::Cpu, DeviceArg::Auto, DeviceArg::Gpu(None)] {
            let without = without_matrix_units(&Passes::All);
            assert_eq!(of("no-matrix-units", device), without);
            assert!(!of("no-winograd", device).has("winograd"));
        }
        for device in [DeviceArg::Cpu, DeviceArg::Auto, DeviceArg::Gpu(None)] {
            assert_eq!(of("all,matrix-units", device), Passes::All);
        }
        assert!(known().iter().all(|name| !name.starts_with(NO)));
    }

    #[test]
    fn only_a_name_asks_for_matrix_units() {
        for (text, asks) in [
            ("all", false),
            ("none", false),
            ("no-matrix-units", false),
            ("no-winograd", false),
            ("all,matrix-units", true),
            ("norm-epilogue, matrix-units", true),
        ] {
            assert_eq!(names_matrix_units(text), asks, "{text}");
        }
    }

    #[test]
    fn few_passes_that_are_left_out_are_named() {
        for (text, told) in [
            ("all", "all"),
            ("no-winograd", "all but winograd"),
            (
                "no-matrix-units,no-winograd",
                "all but winograd+matrix-units",
            ),
            ("winograd,dead-taps", "winograd+dead-taps"),
            ("none", ""),
        ] {
            assert_eq!(shown(&of(text, DeviceArg::Auto)), told);
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, device, word) in [
            ("norm-epilogue,no-winograd", DeviceArg::Auto, "not both"),
            ("no-all", DeviceArg::Auto, "no-all stands alone"),
            (
                "no-such",
                DeviceArg::Auto,
                "--passes no-such: there is no pass \"no-such\"; known",
            ),
            (
                "no-winograd,",
                DeviceArg::Auto,
                "--passes no-winograd,: there is no pass \"\"",
            ),
            ("winograd", DeviceArg::Gpu(None), "no such pass on a GPU"),
            ("no-dead-taps", DeviceArg::Gpu(None), "always left out"),
            (
                "matrix-units",
                DeviceArg::Cpu,
                "no such pass on a processor",
            ),
        ] {
            match passes(text, device) {
                Err(Failure::Usage(told)) => assert!(told.contains(word), "{told}"),
                _ => panic!("{text} is a mistake"),
            }
        }
    }
}
