//! Kernels in the languages of all platforms: their texts are valid WGSL, and naga, which `wgpu` uses, translates
//! them to SPIR-V (Vulkan), MSL (Metal) and HLSL (DX12), so far as this can be seen without these platforms.

mod common;

use common::builtin;
use laptime_engine::Passes;
use laptime_gpu::{KernelText, Target, texts};
use laptime_graph::{Mode, build};
use naga::{
    back::{hlsl, msl, spv},
    front::wgsl,
    valid::{Capabilities, ValidationFlags, Validator},
};

/// The kernels of all built-in workloads, training and testing, each text once.
fn kernels(target: Target) -> Vec<KernelText> {
    let mut all: Vec<KernelText> = Vec::new();
    for name in ["fashion-mnist", "cifar10-resnet50", "cifar100-resnet50"] {
        let workload = builtin(name, None);
        for mode in [Mode::Training, Mode::Evaluation] {
            let program = build(&workload, mode, workload.batch_size);
            all.extend(texts(&program, target, &Passes::All, 50_000).unwrap());
        }
    }
    all.sort_by(|a, b| a.wgsl.cmp(&b.wgsl));
    all.dedup_by(|a, b| a.wgsl == b.wgsl);
    all
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
    ];
    for target in targets {
        let kernels = kernels(target);
        assert!(kernels.len() > 150, "{}", kernels.len());
        for KernelText { name, wgsl, .. } in &kernels {
            let module = wgsl::parse_str(wgsl)
                .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(wgsl)));
            let capabilities = Capabilities::SUBGROUP;
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
            let words = spv::write_vec(&module, &info, &spv::Options::default(), None);
            assert!(words.is_ok_and(|words| words[0] == 0x0723_0203), "{name}");
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
    }
}
