//! What an adapter can do that kernels care about.

use crate::target::{Matrices, Target};

/// What a workgroup of any kernel needs of an adapter. WebGPU promises as much everywhere, but for
/// the downlevel devices that `wgpu` also opens.
pub(crate) const WORKGROUP_THREADS: u32 = 256;
const WORKGROUP_BYTES: u32 = 16 << 10;

/// What keeps an adapter of these limits from running the kernels, if anything does.
pub(crate) fn suffices(has: &wgpu::Limits) -> Result<(), String> {
    let threads = threads(has);
    if threads < WORKGROUP_THREADS {
        return Err(format!(
            "runs {threads} threads in a workgroup at most, and the kernels need \
             {WORKGROUP_THREADS}"
        ));
    }
    let bytes = has.max_compute_workgroup_storage_size;
    if bytes < WORKGROUP_BYTES {
        return Err(format!(
            "has {bytes} bytes of memory for a workgroup, and the kernels need {WORKGROUP_BYTES}"
        ));
    }
    Ok(())
}

/// Threads that a workgroup may have in a row.
pub(crate) fn threads(has: &wgpu::Limits) -> u32 {
    has.max_compute_invocations_per_workgroup
        .min(has.max_compute_workgroup_size_x)
}

/// What kernels need for matrices of 16-bit floats.
pub(crate) const MATRICES: wgpu::Features =
    wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX.union(wgpu::Features::SHADER_F16);

/// What an adapter has of what is wanted: cooperative matrices are squares of 16-bit floats with sums in single
/// precision, by subgroups of one size, on Vulkan, where these kernels have run; the others need nothing.
pub(crate) fn matrices(adapter: &wgpu::Adapter, wanted: Matrices) -> Matrices {
    match wanted {
        Matrices::Cooperative { .. } => cooperative(adapter),
        Matrices::None | Matrices::Imitated => wanted,
    }
}

fn cooperative(adapter: &wgpu::Adapter) -> Matrices {
    use wgpu::CooperativeScalarType::{F16, F32};
    let [least, most] = subgroups(adapter);
    let may_have_them = adapter.features().contains(MATRICES)
        && adapter.get_info().backend == wgpu::Backend::Vulkan
        && least == most
        && (2..=Target::MOST.subgroup).contains(&least);
    let all = match may_have_them {
        true => adapter.cooperative_matrix_properties(),
        false => Vec::new(),
    };
    let is_made_of = |side: u32| {
        all.iter().any(|one| {
            [one.m_size, one.n_size, one.k_size] == [side; 3]
                && (one.ab_type, one.cr_type) == (F16, F32)
        })
    };
    let side = [16, 8].into_iter().find(|side| is_made_of(*side));
    side.map_or(Matrices::None, |side| Matrices::Cooperative {
        side: side as usize,
    })
}

/// Threads of a subgroup at least and at most; 1 where it has none.
pub(crate) fn subgroups(adapter: &wgpu::Adapter) -> [usize; 2] {
    match adapter.features().contains(wgpu::Features::SUBGROUP) {
        true => subgroup_sizes(&adapter.get_info()),
        false => [1, 1],
    }
}

/// What an adapter's driver says. Of Metal `wgpu` knows no more than 4 to 64; Apple's own GPUs all have 32, as their
/// `threadExecutionWidth`.
fn subgroup_sizes(info: &wgpu::AdapterInfo) -> [usize; 2] {
    match info.backend {
        wgpu::Backend::Metal if info.name.starts_with("Apple ") => [32, 32],
        _ => [info.subgroup_min_size, info.subgroup_max_size].map(|size| size.max(1) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_that_is_too_small_for_the_kernels_is_named_with_what_it_lacks() {
        let limits = wgpu::Limits::defaults();
        assert_eq!(suffices(&limits), Ok(()));
        let narrow = wgpu::Limits {
            max_compute_invocations_per_workgroup: 128,
            ..limits.clone()
        };
        assert!(suffices(&narrow).is_err_and(|what| what.contains("128 threads")));
        let small = wgpu::Limits {
            max_compute_workgroup_storage_size: 8 << 10,
            ..limits
        };
        assert!(suffices(&small).is_err_and(|what| what.contains("8192 bytes")));
    }

    #[test]
    fn apples_gpus_have_one_size_of_subgroups_and_others_what_they_say() {
        let sizes = |name: &str, backend| {
            let kind = wgpu::DeviceType::IntegratedGpu;
            let mut info = wgpu::AdapterInfo::new(kind, backend);
            info.name = name.into();
            (info.subgroup_min_size, info.subgroup_max_size) = (4, 64);
            subgroup_sizes(&info)
        };
        assert_eq!(sizes("Apple M1", wgpu::Backend::Metal), [32, 32]);
        assert_eq!(sizes("AMD Radeon Pro", wgpu::Backend::Metal), [4, 64]);
        assert_eq!(sizes("Apple M1", wgpu::Backend::Vulkan), [4, 64]);
    }
}
