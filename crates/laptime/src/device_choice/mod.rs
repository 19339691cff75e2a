//! Which device an engine trains on: what the command line asks for, or the fastest by trial.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use laptime_engine::{
    Device, DeviceKind, Engine, Job, Passes,
    trial::{self, Tried},
};
use laptime_graph::{Mode, build};
use laptime_workload::{Workload, dataset::synthetic, directories::cache_dir};
use sha2::{Digest, Sha256};

use crate::{args::DeviceArg, engines::OwnEngine, failure::Failure, verdicts::this_build};

/// What a trial may take, outside all totals.
const TRIAL: Duration = Duration::from_secs(2);

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
    /// What a record should say of the choice.
    pub details: BTreeMap<String, String>,
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
        DeviceArg::Cpu => {
            let device = engine.devices_of(DeviceKind::Cpu)?.into_iter().next();
            let device = device.ok_or_else(|| {
                Failure::Usage(format!(
                    "--device cpu: the engine {} does not train on processors here; try --device auto",
                    engine.name()
                ))
            })?;
            plain(device, DeviceArg::Cpu)
        }
        DeviceArg::Gpu(number) => gpu(engine, number)?,
        DeviceArg::Auto if engine.name() == OwnEngine::NAME => fastest(engine, wish)?,
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
        details: BTreeMap::new(),
    }
}

/// A graphics adapter: never another device in its stead.
fn gpu(engine: &dyn Engine, number: Option<usize>) -> Result<Chosen, Failure> {
    let devices = engine.devices_of(DeviceKind::Gpu)?;
    let count = devices.len();
    // Real ones stand before emulators.
    let place = number.unwrap_or(0);
    let Some(device) = devices.into_iter().nth(place) else {
        let argument = DeviceArg::Gpu(number);
        return Err(Failure::Usage(match count {
            0 => format!(
                "--device {argument}: no graphics adapter was found for the engine {}; looked for {}",
                engine.name(),
                looked_for()
            ),
            _ => format!(
                "--device {argument}: there are only {count}, counted from 0; `laptime devices` \
                 lists them"
            ),
        }));
    };
    let warning = device.software.then(|| {
        format!(
            "{} is no graphics card: the processor emulates one, so its times say nothing of a GPU",
            device.name
        )
    });
    Ok(Chosen {
        warning,
        ..plain(device, DeviceArg::Gpu(Some(place)))
    })
}

/// What adapters would have been found by.
fn looked_for() -> &'static str {
    if cfg!(target_os = "macos") {
        "Metal"
    } else if cfg!(windows) {
        "DX12 and Vulkan drivers; is the card's driver installed?"
    } else {
        "Vulkan drivers (libvulkan.so.1 and what is in /usr/share/vulkan/icd.d); is the card's \
         driver installed?"
    }
}

/// The fastest of the processor and all real adapters.
fn fastest(engine: &dyn Engine, wish: &Wish) -> Result<Chosen, Failure> {
    let mut adapters = 0;
    let mut candidates: Vec<(Device, DeviceArg)> = Vec::new();
    for device in engine.devices()? {
        let argument = match device.kind {
            DeviceKind::Cpu => DeviceArg::Cpu,
            DeviceKind::Gpu => {
                adapters += 1;
                DeviceArg::Gpu(Some(adapters - 1))
            }
        };
        if !device.software {
            candidates.push((device, argument));
        }
    }
    if candidates.len() < 2 {
        let only = candidates.into_iter().next();
        return only
            .map(|(device, argument)| plain(device, argument))
            .ok_or_else(|| Failure::Usage("--device auto: there is no device here".into()));
    }
    let devices: Vec<Device> = candidates
        .iter()
        .map(|(device, _)| device.clone())
        .collect();
    let start = Instant::now();
    let file = file(wish, &devices);
    let remembered = file.as_ref().and_then(|file| read(file, devices.len()));
    let is_remembered = remembered.is_some();
    let tried = remembered.unwrap_or_else(|| {
        let samples = trial::BATCHES * wish.workload.batch_size;
        let job = Job {
            workload: Arc::clone(wish.workload),
            dataset: Arc::new(synthetic(wish.workload.dataset, samples, 1)),
            threads: wish.threads,
            passes: wish.passes.clone(),
            profile: false,
        };
        let tried = trial::try_devices(engine, &job, &devices, TRIAL);
        // What cannot be kept is tried again next time.
        if let Some(file) = &file {
            let _ = keep(file, &tried);
        }
        tried
    });
    let Some(best) = trial::fastest(&tried) else {
        let errors: Vec<String> = tried.into_iter().filter_map(|one| one.error).collect();
        return Err(Failure::Failed(format!(
            "no device can train: {}",
            errors.join("; ")
        )));
    };
    let line = describe(&tried, &devices);
    let (device, argument) = candidates.swap_remove(best);
    let how = if is_remembered {
        "by an earlier trial"
    } else {
        "by trial"
    };
    let mut details = BTreeMap::new();
    details.insert("device_choice".into(), format!("{how}: {line}"));
    details.insert(
        "device_choice_s".into(),
        format!("{:.3}", start.elapsed().as_secs_f64()),
    );
    Ok(Chosen {
        why: Some(format!("trains on {argument}, the fastest {how}: {line}")),
        details,
        ..plain(device, argument)
    })
}

/// `cpu 0.077 ms a step, NVIDIA … 0.041 ms a step`.
fn describe(tried: &[Tried], devices: &[Device]) -> String {
    let one = |one: &Tried| {
        let device = &devices[one.candidate];
        let name = if device.name.is_empty() {
            "cpu"
        } else {
            &device.name
        };
        match (one.step_s, &one.error) {
            (Some(step_s), _) => format!("{name} {:.3} ms a step", 1e3 * step_s),
            (None, error) => format!(
                "{name} failed ({})",
                error.as_deref().unwrap_or("no reason")
            ),
        }
    };
    tried.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The file of a choice: named by the digest of all that it depends on.
fn file(wish: &Wish, devices: &[Device]) -> Option<PathBuf> {
    let program = build(wish.workload, Mode::Training, wish.workload.batch_size);
    let key = format!(
        "{} {}\n{}\n{devices:?}\n{} threads\n{:?}",
        this_build()?,
        wish.cpu,
        program.digest(),
        wish.threads,
        wish.passes,
    );
    let digest = Sha256::digest(key.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(
        cache_dir()
            .ok()?
            .join("device-choices")
            .join(digest + ".json"),
    )
}

/// What cannot be read, or makes no sense, is as good as nothing.
fn read(file: &PathBuf, candidates: usize) -> Option<Vec<Tried>> {
    let tried: Vec<Tried> = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
    let is_whole = tried.len() == candidates && tried.iter().all(|one| one.candidate < candidates);
    is_whole.then_some(tried)
}

fn keep(file: &PathBuf, tried: &[Tried]) -> Option<()> {
    let folder = file.parent()?;
    fs::create_dir_all(folder).ok()?;
    let text = serde_json::to_vec(tried).ok()?;
    let mut new = tempfile::NamedTempFile::new_in(folder).ok()?;
    std::io::Write::write_all(&mut new, &text).ok()?;
    new.persist(file).ok().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_as_it_was_kept_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let file = folder.path().join("choices/one.json");
        let tried = vec![
            Tried {
                candidate: 0,
                step_s: Some(1e-3),
                error: None,
            },
            Tried {
                candidate: 1,
                step_s: None,
                error: Some("out of memory".into()),
            },
        ];
        assert_eq!(read(&file, 2), None);
        keep(&file, &tried).expect("it can be written");
        assert_eq!(read(&file, 2), Some(tried));
        assert_eq!(read(&file, 3), None);
        fs::write(&file, "[]]").expect("it can be written");
        assert_eq!(read(&file, 2), None);
    }
}
