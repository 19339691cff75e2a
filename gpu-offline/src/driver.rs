//! A Vulkan driver that compiles a kernel and says what it made of it (`VK_KHR_pipeline_executable_properties`).
//! Mesa's AMD driver does so for cards that are not there, too.

use std::{collections::BTreeMap, ffi::CStr};

use ash::{khr::pipeline_executable_properties as executables, vk};

/// Storage buffers of a kernel's second group, as laptime's targets have at most.
const BINDINGS: u32 = 16;

/// A driver, with the layout that all kernels share.
pub struct Driver {
    /// The adapter's name.
    pub name: String,
    device: ash::Device,
    executables: executables::Device,
    layout: vk::PipelineLayout,
    // Objects live as long as these.
    _instance: ash::Instance,
    _entry: ash::Entry,
}

impl Driver {
    /// Opens the first adapter. Nothing is ever destroyed: the process ends soon.
    pub fn open() -> Result<Self, String> {
        let error = |what: &'static str| move |result: vk::Result| format!("{what}: {result}");
        // SAFETY: loading the system's Vulkan loader runs only what it does at start.
        let entry =
            unsafe { ash::Entry::load() }.map_err(|error| format!("no Vulkan loader: {error}"))?;
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
        let about = vk::InstanceCreateInfo::default().application_info(&application);
        // SAFETY: the structures live through the call, as in every call below; no object is used after its
        // parent is gone, since none is ever destroyed but pipelines and modules.
        let instance =
            unsafe { entry.create_instance(&about, None) }.map_err(error("no Vulkan instance"))?;
        // SAFETY: as above.
        let adapters =
            unsafe { instance.enumerate_physical_devices() }.map_err(error("no Vulkan adapter"))?;
        let adapter = *adapters.first().ok_or("there is no Vulkan adapter")?;
        // SAFETY: as above.
        let properties = unsafe { instance.get_physical_device_properties(adapter) };
        let name = properties.device_name_as_c_str().unwrap_or(c"?");
        let name = name.to_string_lossy().into_owned();
        let queue = vk::DeviceQueueCreateInfo::default().queue_priorities(&[1.0]);
        let extensions = [executables::NAME.as_ptr()];
        let mut tells = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default()
            .pipeline_executable_info(true);
        let mut sizes = vk::PhysicalDeviceVulkan13Features::default()
            .subgroup_size_control(true)
            .compute_full_subgroups(true)
            .maintenance4(true);
        let mut memory = vk::PhysicalDeviceVulkan12Features::default().vulkan_memory_model(true);
        let about = vk::DeviceCreateInfo::default()
            .queue_create_infos(std::slice::from_ref(&queue))
            .enabled_extension_names(&extensions)
            .push_next(&mut tells)
            .push_next(&mut sizes)
            .push_next(&mut memory);
        // SAFETY: as above.
        let device = unsafe { instance.create_device(adapter, &about, None) }
            .map_err(error("the adapter cannot be opened"))?;
        let binding = |number, kind| {
            vk::DescriptorSetLayoutBinding::default()
                .binding(number)
                .descriptor_type(kind)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::COMPUTE)
        };
        let step = [binding(0, vk::DescriptorType::UNIFORM_BUFFER_DYNAMIC)];
        let buffers: Vec<_> = (0..BINDINGS)
            .map(|number| binding(number, vk::DescriptorType::STORAGE_BUFFER))
            .collect();
        let mut groups = Vec::new();
        for bindings in [&step[..], &buffers] {
            let about = vk::DescriptorSetLayoutCreateInfo::default().bindings(bindings);
            // SAFETY: as above.
            let group = unsafe { device.create_descriptor_set_layout(&about, None) };
            groups.push(group.map_err(error("no layout"))?);
        }
        let about = vk::PipelineLayoutCreateInfo::default().set_layouts(&groups);
        // SAFETY: as above.
        let layout =
            unsafe { device.create_pipeline_layout(&about, None) }.map_err(error("no layout"))?;
        Ok(Self {
            executables: executables::Device::new(&instance, &device),
            name,
            device,
            layout,
            _instance: instance,
            _entry: entry,
        })
    }

    /// What the driver says of a kernel: its numbers by their names.
    pub fn statistics(&self, words: &[u32]) -> Result<BTreeMap<String, u64>, String> {
        let about = vk::ShaderModuleCreateInfo::default().code(words);
        // SAFETY: the words are a module that naga has validated; otherwise as in `open`.
        let module = unsafe { self.device.create_shader_module(&about, None) }
            .map_err(|error| format!("no module: {error}"))?;
        let stage = vk::PipelineShaderStageCreateInfo::default()
            .stage(vk::ShaderStageFlags::COMPUTE)
            .module(module)
            .name(c"main");
        let about = vk::ComputePipelineCreateInfo::default()
            .flags(vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR)
            .stage(stage)
            .layout(self.layout);
        // SAFETY: as above; the module has this entry point and keeps to the layout.
        let pipelines = unsafe {
            self.device
                .create_compute_pipelines(vk::PipelineCache::null(), &[about], None)
        };
        let pipeline = pipelines.map_err(|(_, error)| format!("no pipeline: {error}"))?[0];
        let about = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline);
        // SAFETY: as above.
        let found = unsafe { self.executables.get_pipeline_executable_statistics(&about) }
            .map_err(|error| format!("no statistics: {error}"))?;
        let mut statistics = BTreeMap::new();
        for one in &found {
            let name = one.name_as_c_str().unwrap_or(c"?");
            if one.format == vk::PipelineExecutableStatisticFormatKHR::UINT64 {
                // SAFETY: the format says which member of the union is set.
                statistics.insert(text(name), unsafe { one.value.u64 });
            }
        }
        // SAFETY: nobody uses them any more.
        unsafe {
            self.device.destroy_pipeline(pipeline, None);
            self.device.destroy_shader_module(module, None);
        }
        Ok(statistics)
    }
}

fn text(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}
