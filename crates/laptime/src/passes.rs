//! `--passes`: which optional passes of the compiler are on.

use laptime_engine::Passes;
use laptime_gpu::{MATRIX_UNITS, NEVER_TAKEN};
use laptime_graph::{Simplification, pass_names};

use crate::{device_arg::DeviceArg, failure::Failure};

/// What stands in front of a pass that is left out.
const NO: &str = "no-";

/// What `--help` says.
pub fn help() -> String {
    format!(
        "Optional compiler passes to apply: all, none, a list of names with commas, or of names with {NO} in front, for \
         all but these (`laptime explain` shows them): {}",
        known().join(", ")
    )
}

/// All passes of all devices.
fn known() -> Vec<&'static str> {
    let mut names = pass_names();
    names.push(MATRIX_UNITS);
    names
}

/// All passes but that which makes products on matrix units.
pub fn without_matrix_units() -> Passes {
    all_but(&[MATRIX_UNITS])
}

fn all_but(left_out: &[&str]) -> Passes {
    let names = known().into_iter().filter(|name| !left_out.contains(name));
    Passes::Only(names.map(Into::into).collect())
}

/// The passes that `--passes` names, on this device.
pub fn passes(text: &str, device: DeviceArg) -> Result<Passes, Failure> {
    match text {
        "all" => return Ok(Passes::All),
        "none" => return Ok(Passes::Only(Vec::new())),
        _ => {}
    }
    let known = known();
    let given: Vec<&str> = text.split(',').map(str::trim).collect();
    let names: Vec<&str> = given
        .iter()
        .map(|name| name.strip_prefix(NO).unwrap_or(name))
        .collect();
    let is_of = |name: &str, device: &str, instead: &str| {
        format!(
            "--passes {name}: there is no such pass on a {device}; leave it out, or take {instead}"
        )
    };
    let mistake = names.iter().find_map(|&name| match name {
        "all" | "none" => Some(format!(
            "--passes {text}: {name} stands alone; leave it out, or the others"
        )),
        name if !known.contains(&name) => Some(format!(
            "--passes {name}: there is no such pass; known: all, none, {}",
            known.join(", ")
        )),
        name if matches!(device, DeviceArg::Gpu(_)) && is_for_cpu_alone(name) => {
            Some(is_of(name, "GPU", "--device cpu"))
        }
        MATRIX_UNITS if device == DeviceArg::Cpu => Some(is_of(name, "processor", "--device gpu")),
        _ => None,
    });
    let left_out = given.iter().filter(|name| name.starts_with(NO)).count();
    match mistake {
        Some(text) => Err(Failure::Usage(text)),
        None if left_out == 0 => Ok(Passes::Only(names.into_iter().map(Into::into).collect())),
        None if left_out == given.len() => Ok(all_but(&names)),
        None => Err(Failure::Usage(format!(
            "--passes {text}: names either the passes to take or, with {NO}, those to leave out; not both"
        ))),
    }
}

/// On a GPU dead taps are always left out and other padding is multiplied.
fn is_for_cpu_alone(pass: &str) -> bool {
    Simplification::ALL.iter().any(|one| one.as_str() == pass)
        || NEVER_TAKEN.iter().any(|one| one.as_str() == pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_taken_or_left_out_by_name() {
        let of = |text, device| match passes(text, device) {
            Ok(passes) => passes,
            Err(_) => panic!("{text} is a mistake"),
        };
        let taken = of("gradient-epilogue, winograd", DeviceArg::Auto);
        assert!(
            taken.has("gradient-epilogue") && taken.has("winograd") && !taken.has("norm-epilogue")
        );
        let but = of("no-winograd,no-norm-epilogue", DeviceArg::Cpu);
        assert!(
            !but.has("norm-epilogue")
                && !but.has("winograd")
                && but.has("gradient-epilogue")
                && but.has(MATRIX_UNITS)
        );
        assert_eq!(
            of("no-matrix-units", DeviceArg::Gpu(None)),
            without_matrix_units()
        );
        assert!(
            pass_names()
                .into_iter()
                .all(|name| without_matrix_units().has(name))
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, device, word) in [
            ("norm-epilogue,no-winograd", DeviceArg::Auto, "not both"),
            ("no-all", DeviceArg::Auto, "stands alone"),
            (
                "no-such",
                DeviceArg::Auto,
                "--passes such: there is no such pass; known",
            ),
            ("no-winograd", DeviceArg::Gpu(None), "no such pass on a GPU"),
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
