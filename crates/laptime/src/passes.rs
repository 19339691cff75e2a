//! `--passes`: which optional passes of the compiler are on.

use laptime_engine::Passes;
use laptime_gpu::NEVER_TAKEN;
use laptime_graph::{Simplification, pass_names};

use crate::{device_arg::DeviceArg, failure::Failure};

/// What `--help` says.
pub fn help() -> String {
    format!(
        "Optional compiler passes to apply: all, none, or a list of names with commas (`laptime explain` shows \
         them): {}",
        pass_names().join(", ")
    )
}

/// The passes that `--passes` names, on this device.
pub fn passes(text: &str, device: DeviceArg) -> Result<Passes, Failure> {
    match text {
        "all" => return Ok(Passes::All),
        "none" => return Ok(Passes::Only(Vec::new())),
        _ => {}
    }
    let known = pass_names();
    let names: Vec<String> = text.split(',').map(|name| name.trim().into()).collect();
    let mistake = names.iter().find_map(|name| match name.as_str() {
        "all" | "none" => Some(format!(
            "--passes {text}: {name} stands alone; leave it out, or the others"
        )),
        name if !known.contains(&name) => Some(format!(
            "--passes {name}: there is no such pass; known: all, none, {}",
            known.join(", ")
        )),
        name if matches!(device, DeviceArg::Gpu(_)) && is_for_cpu_alone(name) => Some(format!(
            "--passes {name}: there is no such pass on a GPU; leave it out, or take --device cpu"
        )),
        _ => None,
    });
    mistake.map_or(Ok(Passes::Only(names)), |text| Err(Failure::Usage(text)))
}

/// On a GPU dead taps are always left out and other padding is multiplied.
fn is_for_cpu_alone(pass: &str) -> bool {
    Simplification::ALL.iter().any(|one| one.as_str() == pass)
        || NEVER_TAKEN.iter().any(|one| one.as_str() == pass)
}
