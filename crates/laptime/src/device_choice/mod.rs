//! Which device an engine trains on: what the command line asks for, or the fastest by trial.

mod asked;
pub mod by_trial;
mod fastest;
#[cfg(test)]
mod tests;

use std::{env, sync::Arc};

use laptime_engine::{Device, DeviceKind, Engine, Passes};
use laptime_results::DeviceTrial;
use laptime_workload::{Precision, Workload};

use crate::{args::DeviceArg, engines::OwnEngine, failure::Failure, passes::without_matrix_units};

pub use asked::adapters;
pub use fastest::{Choice, fastest};

/// A device, and why it was taken.
pub struct Chosen {
    /// The device.
    pub device: Device,
    /// What names it on the command line.
    pub argument: DeviceArg,
    /// Why it was taken, where there was a choice.
    pub why: Option<String>,
    /// What the user would not expect of it.
    pub warning: Option<String>,
    /// What a record should say of the choice, where there was one.
    pub trial: Option<DeviceTrial>,
}

/// What a choice depends on.
pub struct Wish<'a> {
    /// What the command line says.
    pub device: DeviceArg,
    /// The name of this machine's processor, for an engine that has none.
    pub cpu: &'a str,
    /// What is to be trained.
    pub workload: &'a Arc<Workload>,
    /// Threads of a CPU.
    pub threads: usize,
    /// Passes of the compiler.
    pub passes: &'a Passes,
}

/// Chooses the device of an engine.
pub fn choose(engine: &dyn Engine, wish: &Wish) -> Result<Chosen, Failure> {
    let mut chosen = match wish.device {
        DeviceArg::Cpu => plain(processor(engine)?, DeviceArg::Cpu),
        DeviceArg::Gpu(number) => gpu(engine, number)?,
        DeviceArg::Auto if engine.name() == OwnEngine::NAME => auto(&Wish {
            // Matrix units have a trial of their own, which a driver may fail.
            passes: &match wish.workload.precision {
                Precision::Fp32 => wish.passes.clone(),
                Precision::Bf16 => without_matrix_units(wish.passes),
            },
            ..*wish
        })?,
        DeviceArg::Auto => {
            let device = engine.devices()?.into_iter().next();
            let device = device.ok_or_else(|| {
                Failure::Usage(format!(
                    "--device: the engine {} has none here",
                    engine.name()
                ))
            })?;
            plain(device, DeviceArg::Auto)
        }
    };
    if chosen.device.kind == DeviceKind::Cpu && chosen.device.name.is_empty() {
        chosen.device.name = wish.cpu.to_owned();
    }
    Ok(chosen)
}

fn plain(device: Device, argument: DeviceArg) -> Chosen {
    Chosen {
        device,
        argument,
        why: None,
        warning: None,
        trial: None,
    }
}

fn processor(engine: &dyn Engine) -> Result<Device, Failure> {
    let device = engine.devices_of(DeviceKind::Cpu)?.into_iter().next();
    device.ok_or_else(|| {
        Failure::Usage(format!(
            "--device cpu: the engine {} does not train on processors here; try --device auto",
            engine.name()
        ))
    })
}

/// A graphics adapter: never another device in its stead.
fn gpu(engine: &dyn Engine, number: Option<usize>) -> Result<Chosen, Failure> {
    let devices = match engine.name() {
        OwnEngine::NAME => adapters()?,
        _ => engine.devices_of(DeviceKind::Gpu)?,
    };
    let count = devices.len();
    // Real ones stand before emulators.
    let place = number.unwrap_or(0);
    let Some(device) = devices.into_iter().nth(place) else {
        let argument = DeviceArg::Gpu(number);
        return Err(Failure::Usage(match count {
            0 => format!(
                "--device {argument}: no graphics adapter was found for the engine {}; {}",
                engine.name(),
                match engine.name() {
                    OwnEngine::NAME => format!("looked for {}", looked_for()),
                    _ => "is the card's driver installed?".into(),
                }
            ),
            _ => format!("--device {argument}: there is none; {}", there_are(count)),
        }));
    };
    let warning = device.software.then(|| {
        format!(
            "{} is not a graphics card: the processor emulates one, slowly, and its times say nothing about a GPU",
            device.name
        )
    });
    Ok(Chosen {
        warning,
        ..plain(device, DeviceArg::Gpu(Some(place)))
    })
}

/// Which numbers of adapters there are, of so many.
pub fn there_are(count: usize) -> String {
    let numbers = match count {
        1 => "gpu:0 is the only one".into(),
        _ => format!("they are gpu:0 to gpu:{}", count - 1),
    };
    numbers + "; `laptime devices` lists them"
}

/// What adapters would have been found by.
pub fn looked_for() -> String {
    let reads_variables = !cfg!(any(target_os = "macos", windows));
    let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut variables = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].into_iter();
    if let Some(variable) = variables.find(is_set).filter(|_| reads_variables) {
        return format!(
            "the Vulkan drivers that the environment variable {variable} names, and no others; unset it to find those \
             that are installed"
        );
    }
    let by = if cfg!(target_os = "macos") {
        "Metal"
    } else if cfg!(windows) {
        "DX12 and Vulkan drivers; is the card's driver installed?"
    } else {
        "Vulkan drivers (libvulkan.so.1 and what is in /usr/share/vulkan/icd.d); is the card's \
         driver installed?"
    };
    by.into()
}

/// The fastest device of our own engine. Looking for adapters loads the system's drivers, which
/// stay in memory, tens of megabytes of them: another process looks and tries.
fn auto(wish: &Wish) -> Result<Chosen, Failure> {
    asked::another_process(wish)?.into_chosen()
}
