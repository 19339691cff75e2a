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
    adapters.sort_by_key(|adapter| rank(&adapter.get_info()));
    let described = |adapter: &wgpu::Adapter| {
        let has_subgroups = adapter.features().contains(wgpu::Features::SUBGROUP);
        let info = adapter.get_info();
        (describe(&info, has_subgroups), info.device_pci_bus_id)
    };
    let devices = told_apart(adapters.iter().map(described).collect());
    let adapters = adapters.into_iter().zip(devices);
    adapters
        .map(|(adapter, device)| Adapter { adapter, device })
        .collect()
}

/// The devices, each with its PCI address, where it is not the only one of its name: that stays what it is when another
/// card is added, or the driver counts otherwise. Where there is no address they are numbered.
fn told_apart(devices: Vec<(Device, String)>) -> Vec<Device> {
    let mut named: Vec<Device> = Vec::new();
    for (device, address) in &devices {
        let others = devices.iter().filter(|(other, _)| is_same(other, device));
        let mut own = device.clone();
        if others.count() > 1 && !address.is_empty() {
            own.name = format!("{} (PCI {address})", device.name);
        }
        let name = own.name.clone();
        let mut number = 1;
        while named.iter().any(|before| is_same(before, &own)) {
            number += 1;
            own.name = format!("{name} ({number})");
        }
        named.push(own);
    }
    named
}

fn is_same(one: &Device, other: &Device) -> bool {
    one.name == other.name && one.driver == other.driver
}

/// Through Vulkan before DX12, where a card can be reached both ways: kernels were tuned through Vulkan, and DX12's
/// own compiler is slow and knows no subgroups.
fn rank(info: &wgpu::AdapterInfo) -> (u8, bool) {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    };
    (kind, info.backend == wgpu::Backend::Dx12)
}

fn describe(info: &wgpu::AdapterInfo, has_subgroups: bool) -> Device {
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
            api(info.backend, has_subgroups)
        )),
        software: info.device_type == wgpu::DeviceType::Cpu,
    }
}

/// What an adapter is reached through. Subgroups come with DXC, the compiler of today; without `dxcompiler.dll` beside
/// the program or in the PATH it is FXC, which needs long for large kernels.
fn api(backend: wgpu::Backend, has_subgroups: bool) -> &'static str {
    match backend {
        wgpu::Backend::Vulkan => "Vulkan",
        wgpu::Backend::Metal => "Metal",
        wgpu::Backend::Dx12 if has_subgroups => "DX12",
        wgpu::Backend::Dx12 => "DX12 without DXC",
        _ => "unknown",
    }
}

/// The adapter that a device describes.
pub(crate) fn find(device: &Device) -> Result<Adapter, EngineError> {
    let mut found = adapters().into_iter();
    let found = found.find(|one| is_same(&one.device, device));
    found.ok_or_else(|| {
        EngineError::Unsupported(format!(
            "--device gpu: {} is not there any more; `laptime devices` lists what is",
            device.name
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(backend: wgpu::Backend, kind: wgpu::DeviceType) -> wgpu::AdapterInfo {
        let mut info = wgpu::AdapterInfo::new(kind, backend);
        info.name = "Card".into();
        info
    }

    #[test]
    fn vulkan_comes_before_dx12_and_cards_before_all_else() {
        use wgpu::{Backend, DeviceType};
        let mut order = [
            info(Backend::Dx12, DeviceType::Cpu),
            info(Backend::Dx12, DeviceType::IntegratedGpu),
            info(Backend::Vulkan, DeviceType::IntegratedGpu),
            info(Backend::Dx12, DeviceType::DiscreteGpu),
            info(Backend::Vulkan, DeviceType::DiscreteGpu),
        ];
        order.sort_by_key(rank);
        let backends = order.map(|info| (info.device_type, info.backend));
        assert_eq!(
            backends,
            [
                (DeviceType::DiscreteGpu, Backend::Vulkan),
                (DeviceType::DiscreteGpu, Backend::Dx12),
                (DeviceType::IntegratedGpu, Backend::Vulkan),
                (DeviceType::IntegratedGpu, Backend::Dx12),
                (DeviceType::Cpu, Backend::Dx12),
            ]
        );
    }

    #[test]
    fn dx12_says_that_it_lacks_its_compiler() {
        let card = info(wgpu::Backend::Dx12, wgpu::DeviceType::DiscreteGpu);
        let driver = |has_subgroups| describe(&card, has_subgroups).driver.unwrap();
        assert!(driver(false).contains("without DXC"));
        assert!(!driver(true).contains("without DXC"));
    }

    #[test]
    fn cards_of_one_name_are_told_apart_by_their_address() {
        let card = || {
            describe(
                &info(wgpu::Backend::Vulkan, wgpu::DeviceType::DiscreteGpu),
                true,
            )
        };
        let names = |addresses: &[&str]| -> Vec<String> {
            let cards = addresses.iter().map(|address| (card(), (*address).into()));
            let named = told_apart(cards.collect());
            named.into_iter().map(|device| device.name).collect()
        };
        assert_eq!(names(&["0000:01:00.0"]), ["Card"]);
        let [one, other] = ["0000:01:00.0", "0000:41:00.0"];
        let named = ["Card (PCI 0000:01:00.0)", "Card (PCI 0000:41:00.0)"];
        assert_eq!(names(&[one, other]), named);
        // Whatever the driver's order.
        assert_eq!(names(&[other, one]), [named[1], named[0]]);
        assert_eq!(names(&["", ""]), ["Card", "Card (2)"]);
        // One card that two drivers of one name offer.
        assert_eq!(
            names(&[one, one]),
            [named[0].into(), format!("{} (2)", named[0])]
        );
    }
}
