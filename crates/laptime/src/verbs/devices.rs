//! `laptime devices`: what there is to train on, with what it reaches at best.

use std::fmt::Write;

use laptime_cpu::Isa;
use laptime_engine::{Device, DeviceKind, Engine};
use laptime_gpu::{Matrices, Peaks, Probe, probe};
use laptime_measure::Machine;
use laptime_workload::Precision;

use crate::{
    analysis::peaks::peaks,
    device_choice::{adapters, looked_for},
    engines::{OwnEngine, default_threads},
    failure::Failure,
    output,
};

/// Probes the processor and every adapter, and prints what was found. An adapter that fails is
/// listed with why.
pub fn devices() -> Result<(), Failure> {
    let machine = Machine::identify();
    let mut text = String::new();
    let isa = Isa::chosen().map_err(Failure::Usage)?;
    let threads = default_threads();
    let _ = writeln!(
        text,
        "cpu    {}\n       {threads} threads, {isa}; memory of {:.1} GiB",
        machine.cpu,
        gib(machine.memory_bytes),
    );
    if let Some(topology) = &machine.topology {
        let _ = writeln!(text, "       {topology}");
    }
    for processor in OwnEngine.devices_of(DeviceKind::Cpu)?.iter().take(1) {
        text += &of_processor(processor, threads)?;
    }
    let adapters = match adapters() {
        Ok(adapters) => adapters,
        Err(failure) => {
            // What is known of the processor is not lost by it.
            output::print_wrapped(&text)?;
            return Err(failure);
        }
    };
    for (number, device) in adapters.iter().enumerate() {
        let _ = writeln!(text, "gpu:{number}  {}", device.name);
        let _ = writeln!(
            text,
            "       driver {}",
            device.driver.as_deref().unwrap_or("unknown")
        );
        if device.software {
            text += "       software: emulated on the processor, never taken by --device auto\n";
        }
        match probe(device) {
            Ok(Probe {
                peaks,
                memory_bytes,
                buffer_bytes,
                features,
                target,
            }) => {
                let Peaks {
                    flops,
                    bytes_per_s,
                    launch_s,
                    ..
                } = peaks;
                let _ = writeln!(
                    text,
                    "       {}, in buffers of up to {} MiB; {}\n       fp32 {:.1} GFLOP/s, copy {:.1} GB/s, \
                     {:.1} µs a dispatch, measured\n       bf16: shared operands in half the bytes, {}",
                    match memory_bytes {
                        Some(bytes) => format!("memory of {:.1} GiB", gib(bytes)),
                        None => "memory of a size that the driver does not tell".into(),
                    },
                    buffer_bytes >> 20,
                    if features.is_empty() {
                        "no optional features".into()
                    } else {
                        features.join(", ")
                    },
                    flops / 1e9,
                    bytes_per_s / 1e9,
                    launch_s * 1e6,
                    match target.matrices {
                        Matrices::None => "fp32 arithmetic",
                        _ => "matrix units for large products where a trial finds them faster",
                    },
                );
            }
            Err(error) => {
                let _ = writeln!(text, "       cannot be used: {error}");
            }
        }
    }
    if adapters.is_empty() {
        let _ = writeln!(text, "gpu    none found; looked for {}", looked_for());
    }
    output::print_wrapped(&text)
}

/// What the processor reaches: products in both precisions, and copies within caches and beyond.
fn of_processor(device: &Device, threads: usize) -> Result<String, Failure> {
    let mut text = String::new();
    for precision in [Precision::Fp32, Precision::Bf16] {
        let Some(peaks) = peaks(&OwnEngine, device, threads, precision)? else {
            continue;
        };
        let _ = writeln!(text, "       {precision} {:.0} GFLOP/s", peaks.flops / 1e9);
        if precision == Precision::Bf16 {
            let copies = peaks.bandwidths.iter();
            let copies = copies.map(|it| {
                let size = it.bytes >> 10;
                let size = match size {
                    1024.. => format!("{} MiB", size >> 10),
                    _ => format!("{size} KiB"),
                };
                format!("{:.0} in {size}", it.bytes_per_s / 1e9)
            });
            let copies: Vec<String> = copies.collect();
            let _ = writeln!(text, "       copy, GB/s: {}", copies.join(", "));
        }
    }
    text += "       measured: the best of this week's trials\n";
    Ok(text)
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}
