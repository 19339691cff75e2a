//! Kernels in the languages of all platforms: their texts are valid WGSL, and naga, which `wgpu` uses, translates
//! them to SPIR-V (Vulkan), MSL (Metal) and HLSL (DX12), so far as this can be seen without these platforms. SPIR-V
//! goes through `spirv-val` where it is installed.

mod common;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use common::builtin;
use laptime_engine::Passes;
use laptime_gpu::{KernelText, Matrices, Target, texts};
use laptime_graph::{Mode, build};
use laptime_workload::{Precision, Workload};
use naga::{
    back::{hlsl, msl, spv},
    front::wgsl,
    valid::{Capabilities, ValidationFlags, Validator},
};

/// The kernels of all built-in workloads, training and testing, each text once.
fn kernels(target: Target) -> Vec<KernelText> {
    let mut all: Vec<KernelText> = Vec::new();
    for name in ["fashion-mnist", "cifar10-resnet50", "cifar100-resnet50"] {
        let of_precision = |precision| Workload {
            precision,
            ..builtin(name, None)
        };
        let workloads = Precision::ALL.map(of_precision);
        let modes = [Mode::Training, Mode::Evaluation];
        for (workload, mode) in workloads
            .iter()
            .flat_map(|one| modes.map(|mode| (one, mode)))
        {
            let program = build(workload, mode, workload.batch_size);
            all.extend(texts(&program, target, &Passes::All, 50_000).unwrap());
        }
    }
    all.sort_by(|a, b| a.wgsl.cmp(&b.wgsl));
    all.dedup_by(|a, b| a.wgsl == b.wgsl);
    all
}

/// Whether Khronos' own validator takes it, for Vulkan 1.1, which has subgroups; without the program `Ok`, and where it
/// is too old to know cooperative matrices and the text has some.
fn validated(words: &[u32]) -> Result<(), String> {
    match validated_for("vulkan1.1", words) {
        // naga 30 lays out arrays in workgroup memory, which drivers accept and recent validators refuse for Vulkan.
        Err(what) if what.contains("VUID-StandaloneSpirv-None-10684") => {
            validated_for("spv1.3", words)
        }
        done => done,
    }
}

fn validated_for(environment: &str, words: &[u32]) -> Result<(), String> {
    let started = Command::new("spirv-val")
        .args(["--target-env", environment, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        return Ok(());
    };
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(&bytes).map_err(|error| error.to_string())?;
    drop(input);
    let done = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    let what = String::from_utf8_lossy(&done.stderr);
    match done.status.success() || what.contains("Invalid capability operand: 6022") {
        true => Ok(()),
        false => Err(what.into_owned()),
    }
}

/// A program of the same name that takes everything would be as good as none.
#[test]
fn the_validator_refuses_what_is_not_valid() {
    if Command::new("spirv-val").arg("--version").output().is_err() {
        eprintln!("skipped: no spirv-val; Debian's spirv-tools has it");
        return;
    }
    // A header, and an instruction that does not exist.
    let words = [0x0723_0203, 0x0001_0300, 0, 1, 0, 0x0001_ffff];
    assert!(validated(&words).is_err());
}

#[test]
fn kernels_are_valid_and_translated_for_every_platform() {
    let targets = [
        Target::COMMON,
        Target::CARD,
        // What Intel reports, and what WebGPU promises.
        Target {
            subgroup: 8,
            subgroup_varies: true,
            bindings: 8,
            ..Target::COMMON
        },
        Target {
            matrices: Matrices::Cooperative { side: 16 },
            ..Target::CARD
        },
        // lavapipe's.
        Target {
            matrices: Matrices::Cooperative { side: 8 },
            subgroup: 8,
            ..Target::COMMON
        },
    ];
    for target in targets {
        let has_matrices = target.matrices != Matrices::None;
        let mut by_matrices = 0;
        let kernels = kernels(target);
        assert!(kernels.len() > 250, "{}", kernels.len());
        for KernelText { name, wgsl, .. } in &kernels {
            let module = wgsl::parse_str(wgsl)
                .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(wgsl)));
            let capabilities = match has_matrices {
                false => Capabilities::SUBGROUP,
                true => {
                    Capabilities::SUBGROUP
                        | Capabilities::SHADER_FLOAT16
                        | Capabilities::COOPERATIVE_MATRIX
                }
            };
            let mut validator = Validator::new(ValidationFlags::all(), capabilities);
            validator
                .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
                .subgroup_operations(naga::valid::SubgroupOperationSet::all());
            let bindings = wgsl.matches("var<storage").count();
            assert!(
                bindings <= target.bindings,
                "{name}: {bindings} of {}",
                target.bindings
            );
            let info = validator
                .validate(&module)
                .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(wgsl)));
            // Subgroups came with 1.3, and Vulkan 1.1.
            let options = spv::Options {
                lang_version: (1, 3),
                ..spv::Options::default()
            };
            let words = spv::write_vec(&module, &info, &options, None);
            let words = words.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(words[0], 0x0723_0203, "{name}");
            validated(&words).unwrap_or_else(|what| panic!("{name}: {what}"));
            // NVIDIA's alone have those of this size, and HLSL has none.
            if wgsl.contains("coopMultiplyAdd") {
                by_matrices += 1;
                continue;
            }
            // Metal binds by numbers that `wgpu` gives; what they are does not matter here.
            let options = msl::Options {
                lang_version: (2, 4),
                fake_missing_bindings: true,
                ..msl::Options::default()
            };
            let pipeline = msl::PipelineOptions::default();
            let made = msl::write_string(&module, &info, &options, &pipeline);
            let (text, _) = made.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(text.contains("kernel void"), "{name}");
            let options = hlsl::Options {
                shader_model: hlsl::ShaderModel::V6_0,
                fake_missing_bindings: true,
                ..hlsl::Options::default()
            };
            let mut text = String::new();
            let pipeline = hlsl::PipelineOptions::default();
            hlsl::Writer::new(&mut text, &options, &pipeline)
                .write(&module, &info, None)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(text.contains("numthreads"), "{name}");
        }
        assert_eq!(by_matrices > 30, has_matrices, "{by_matrices}");
    }
}
