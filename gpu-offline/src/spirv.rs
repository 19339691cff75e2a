//! WGSL as SPIR-V, as `wgpu` translates laptime's kernels: without checks of its own.

use naga::{
    back::spv::{Options, ZeroInitializeWorkgroupMemoryMode, write_vec},
    front::wgsl,
    valid::{Capabilities, ValidationFlags, Validator},
};

/// The words of a kernel's module.
pub fn words(text: &str) -> Result<Vec<u32>, String> {
    let module = wgsl::parse_str(text).map_err(|error| error.emit_to_string(text))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::all())
        .validate(&module)
        .map_err(|error| error.emit_to_string(text))?;
    let options = Options {
        lang_version: (1, 3),
        zero_initialize_workgroup_memory: ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        ..Options::default()
    };
    write_vec(&module, &info, &options, None).map_err(|error| error.to_string())
}
