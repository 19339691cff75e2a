//! What graphics adapters there are.

use std::sync::OnceLock;

use laptime_engine::{Device, DeviceKind, EngineError};

/// Where adapters are looked for.
const BACKENDS: wgpu::Backends = wgpu::Backends::VULKAN
    .union(wgpu::Backends::METAL)
    .union(wgpu::Backends::DX12);

/// An adapter, described as a device.
pub(crate) struct Adapter {
    pub adapter: wgpu::Adapter,
    pub device: Device,
}

/// Made once, and kept until the process ends. NVIDIA's driver 580 ended the process with a segmentation fault
/// where several threads made and destroyed instances of their own.
fn instance() -> &'static wgpu::Instance {
    static INSTANCE: OnceLock<wgpu::Instance> = OnceLock::new();
    INSTANCE.get_or_init(|| {
        wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: BACKENDS,
            flags: wgpu::InstanceFlags::empty(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        })
    })
}

/// All adapters, real ones first, cards before what shares the processor's memory; emulators last.
pub(crate) fn adapters() -> Vec<Adapter> {
    let mut adapters = pollster::block_on(instance().enumerate_adapters(BACKENDS));
    adapters.sort_by_key(|adapter| rank(adapter.get_info().device_type));
    let mut found: Vec<Adapter> = Vec::new();
    for adapter in adapters {
        let mut device = describe(&adapter.get_info());
        // Two cards of one kind need two names.
        let name = device.name.clone();
        let mut number = 1;
        while found.iter().any(same_as(&device)) {
            number += 1;
            device.name = format!("{name} ({number})");
        }
        found.push(Adapter { adapter, device });
    }
    found
}

fn same_as(device: &Device) -> impl Fn(&Adapter) -> bool {
    |one| one.device.name == device.name && one.device.driver == device.driver
}

fn rank(kind: wgpu::DeviceType) -> u8 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

fn describe(info: &wgpu::AdapterInfo) -> Device {
    let driver = [&info.driver, &info.driver_info].map(|text| text.trim());
    let driver = driver.map(|text| if text.is_empty() { None } else { Some(text) });
    let driver: Vec<&str> = driver.into_iter().flatten().collect();
    Device {
        kind: DeviceKind::Gpu,
        name: info.name.trim().into(),
        threads: None,
        isa: None,
        driver: Some(format!(
            "{} ({})",
            driver.join(" "),
            backend_name(info.backend)
        )),
        software: info.device_type == wgpu::DeviceType::Cpu,
    }
}

pub(crate) fn backend_name(backend: wgpu::Backend) -> &'static str {
    match backend {
        wgpu::Backend::Vulkan => "Vulkan",
        wgpu::Backend::Metal => "Metal",
        wgpu::Backend::Dx12 => "DX12",
        _ => "unknown",
    }
}

/// The adapter that a device describes.
pub(crate) fn find(device: &Device) -> Result<Adapter, EngineError> {
    let found = adapters().into_iter().find(same_as(device));
    found.ok_or_else(|| {
        EngineError::Unsupported(format!(
            "--device gpu: {} is not there any more; `laptime devices` lists what is",
            device.name
        ))
    })
}
