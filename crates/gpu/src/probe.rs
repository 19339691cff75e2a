//! What an adapter reaches at best, measured by three short kernels: multiply-adds in registers,
//! a copy, and dispatches that do nothing.

use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use laptime_engine::{Device, EngineError};

use crate::{
    abilities::matrices,
    adapters::find,
    cards::Card,
    context::Context,
    target::{Matrices, Target},
};

/// What an adapter has and reaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Its peaks.
    pub peaks: Peaks,
    /// The memory of its own or of what it shares with the processor, where the driver tells.
    pub memory_bytes: Option<u64>,
    /// The most bytes of one buffer.
    pub buffer_bytes: u64,
    /// What kernels are lowered for on it.
    pub target: Target,
    /// What kernels could use of it: timestamps, subgroups, 16-bit floats, cooperative matrices.
    pub features: Vec<String>,
}

/// What bounds a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peaks {
    /// Floating-point operations a second, single precision, a multiply-add being 2.
    pub flops: f64,
    /// Bytes a second, read and written.
    pub bytes_per_s: f64,
    /// Seconds from one dispatch to the next that waits for it.
    pub launch_s: f64,
    /// How many multiprocessors there are, where it is known: `wgpu` does not tell, [`Card`] does.
    pub multiprocessors: Option<usize>,
}

impl Peaks {
    /// A card of the middle range, to predict by where there is none.
    pub const ASSUMED: Self = Self {
        flops: 10e12,
        bytes_per_s: 300e9,
        launch_s: 5e-6,
        multiprocessors: None,
    };

    /// The published figures of a card.
    pub const fn of_card(card: &Card) -> Self {
        Self::of(card.flops, card.bytes_per_s, card.multiprocessors)
    }

    /// Of these figures. Makers say nothing of launches: those are what an H200 takes.
    pub const fn of(flops: f64, bytes_per_s: f64, multiprocessors: usize) -> Self {
        Self {
            flops,
            bytes_per_s,
            launch_s: LAUNCH_S,
            multiprocessors: Some(multiprocessors),
        }
    }
}

/// Seconds from one dispatch to the next on an NVIDIA H200 (driver 580, Vulkan), fitted with the model of `forecast`.
const LAUNCH_S: f64 = 2e-6;

/// What a dispatch should take: long against the cost of beginning one.
const DISPATCH: Duration = Duration::from_millis(1);

/// What a submission should take: long against the cost of submitting, and what a processor's clock
/// does meanwhile.
const SUBMISSION: Duration = Duration::from_millis(20);

/// Dispatches of a submission at most.
const DISPATCHES: u32 = 1 << 13;

/// Measurements, of which the best counts: whatever else the machine does only ever makes one
/// slower.
const LOOKS: usize = 4;

/// Values of a copy: 64 MiB.
const VALUES: usize = 16 << 20;

/// Turns of a thread's loop, with this many sums that grow by as many multiply-adds each: `wgpu` adds a check
/// to every turn, which took half of an H200's time where a turn had one multiply-add a sum.
const TURNS: usize = 32;
const SUMS: usize = 8;
const MULTIPLY_ADDS: usize = 8;

/// Measures an adapter; a second or less.
///
/// # Errors
/// Where it cannot be opened, or fails.
pub fn probe(device: &Device) -> Result<Probe, EngineError> {
    let found = find(device)?;
    // Nothing that is measured needs matrix units, and opening them is left to those who do.
    let most = Target {
        matrices: Matrices::None,
        ..Target::MOST
    };
    let context = Context::open(&found, most)?;
    let info = found.adapter.get_info();
    let has = found.adapter.features();
    let mut features = Vec::new();
    let mut tell = |feature, text: String| {
        if has.contains(feature) {
            features.push(text);
        }
    };
    tell(wgpu::Features::TIMESTAMP_QUERY, "timestamps".into());
    let (least, most) = (info.subgroup_min_size, info.subgroup_max_size);
    let sizes = if least == most {
        least.to_string()
    } else {
        format!("{least} to {most}")
    };
    tell(wgpu::Features::SUBGROUP, format!("subgroups of {sizes}"));
    tell(wgpu::Features::SHADER_F16, "f16".into());
    tell(
        wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX,
        "cooperative matrices".into(),
    );
    Ok(Probe {
        peaks: Peaks {
            multiprocessors: Card::find(&device.name).map(|card| card.multiprocessors),
            ..Bench::new(&context)?.peaks()?
        },
        memory_bytes: memory_bytes(&found.adapter),
        target: Target {
            matrices: matrices(&found.adapter, Target::MOST.matrices),
            ..context.target
        },
        buffer_bytes: found.adapter.limits().max_buffer_size,
        features,
    })
}

/// The size of the largest memory that an adapter has near: `wgpu` does not tell, Vulkan does.
#[cfg(not(target_vendor = "apple"))]
fn memory_bytes(adapter: &wgpu::Adapter) -> Option<u64> {
    const DEVICE_LOCAL: u32 = 1; // VK_MEMORY_HEAP_DEVICE_LOCAL_BIT
    // SAFETY: the adapter is asked, and nothing of it is kept.
    let vulkan = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = vulkan.shared_instance().raw_instance();
    // SAFETY: the physical device is of this instance, and both live as long as the adapter.
    let memory =
        unsafe { instance.get_physical_device_memory_properties(vulkan.raw_physical_device()) };
    let heaps = memory
        .memory_heaps
        .iter()
        .take(memory.memory_heap_count as usize);
    let local = heaps.filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0);
    local.map(|heap| heap.size).max()
}

#[cfg(target_vendor = "apple")]
fn memory_bytes(_adapter: &wgpu::Adapter) -> Option<u64> {
    None
}

struct Bench<'a> {
    context: &'a Context,
    layout: wgpu::BindGroupLayout,
    group: wgpu::BindGroup,
    values: usize,
}

impl<'a> Bench<'a> {
    fn new(context: &'a Context) -> Result<Self, EngineError> {
        let values = VALUES.min(context.target.chunk_bytes / 4);
        let usage = wgpu::BufferUsages::STORAGE;
        let buffers = [
            context.buffer("the source of a copy", 4 * values, usage)?,
            context.buffer("the target of a copy", 4 * values, usage)?,
        ];
        let device = context.make();
        let entries = [0, 1].map(|binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: false },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        });
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("probe"),
            entries: &entries,
        });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("probe"),
            layout: &layout,
            entries: &[0, 1].map(|binding| wgpu::BindGroupEntry {
                binding,
                resource: buffers[binding as usize].as_entire_binding(),
            }),
        });
        Ok(Self {
            context,
            layout,
            group,
            values,
        })
    }

    fn peaks(&self) -> Result<Peaks, EngineError> {
        let sums = |text: fn(usize) -> String| (0..SUMS).map(text).collect::<String>();
        let multiply_adds = self.pipeline(&format!(
            "{}for (var turn = 0u; turn < {TURNS}u; turn++) {{\n{}}}\nvar sum = 0.0;\n{}a[i] = sum;\n",
            sums(|n| format!("var s{n} = f32(i + {n}u) * 1e-9;\n")),
            sums(|n| format!("s{n} = fma(s{n}, 0.999, 0.001);\n")).repeat(MULTIPLY_ADDS),
            sums(|n| format!("sum += s{n};\n")),
        ))?;
        let copy = self.pipeline("b[i] = a[i];\n")?;
        let nothing = self.pipeline("if i == 4294967295u { a[0] = 1.0; }\n")?;
        let groups = (self.values / 256).min(65_535) as u32;
        // Few workgroups at first: an emulator would take seconds for all of a card's.
        let flops =
            |groups: u32| (2 * TURNS * SUMS * MULTIPLY_ADDS * 256) as f64 * f64::from(groups);
        let bytes = |groups: u32| (2 * 4 * 256) as f64 * f64::from(groups);
        self.time(&nothing, 1, 1)?;
        let submit = self.best(&nothing, 1, 1)?;
        Ok(Peaks {
            flops: self.rate(&multiply_adds, 64..=groups, submit, flops)?,
            bytes_per_s: self.rate(&copy, groups..=groups, submit, bytes)?,
            launch_s: 1.0 / self.rate(&nothing, 1..=1, submit, |_| 1.0)?,
            multiprocessors: None,
        })
    }

    /// Units of work a second, where a dispatch of so many workgroups does this much, and a
    /// submission costs `submit` by itself.
    fn rate(
        &self,
        pipeline: &wgpu::ComputePipeline,
        groups: RangeInclusive<u32>,
        submit: Duration,
        work: impl Fn(u32) -> f64,
    ) -> Result<f64, EngineError> {
        let (mut groups, most) = groups.into_inner();
        // Drivers compile a kernel when it first runs, and a card wakes up.
        self.time(pipeline, groups, 1)?;
        while groups < most && self.time(pipeline, groups, 1)?.saturating_sub(submit) < DISPATCH {
            groups = (2 * groups).min(most);
        }
        let mut dispatches = 1;
        while dispatches < DISPATCHES && self.time(pipeline, groups, dispatches)? < SUBMISSION {
            dispatches *= 2;
        }
        let took = self.best(pipeline, groups, dispatches)?;
        Ok(work(groups) * f64::from(dispatches) / took.as_secs_f64().max(1e-9))
    }

    fn best(
        &self,
        pipeline: &wgpu::ComputePipeline,
        groups: u32,
        dispatches: u32,
    ) -> Result<Duration, EngineError> {
        let mut best = self.time(pipeline, groups, dispatches)?;
        for _ in 1..LOOKS {
            best = best.min(self.time(pipeline, groups, dispatches)?);
        }
        Ok(best)
    }

    fn time(
        &self,
        pipeline: &wgpu::ComputePipeline,
        groups: u32,
        dispatches: u32,
    ) -> Result<Duration, EngineError> {
        let mut encoder = self.context.encoder();
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        for _ in 0..dispatches {
            pass.dispatch_workgroups(groups, 1, 1);
        }
        drop(pass);
        let commands = encoder.finish();
        let start = Instant::now();
        let submission = self.context.queue.submit([commands]);
        self.context.wait(Some(submission))?;
        Ok(start.elapsed())
    }

    fn pipeline(&self, body: &str) -> Result<wgpu::ComputePipeline, EngineError> {
        let text = format!(
            "@group(0) @binding(0) var<storage, read_write> a: array<f32>;\n\
             @group(0) @binding(1) var<storage, read_write> b: array<f32>;\n\
             @compute @workgroup_size(256)\n\
             fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\nlet i = id.x;\n{body}}}\n"
        );
        self.context.guarded("a probe", || {
            let device = self.context.make();
            let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some("probe"),
                bind_group_layouts: &[Some(&self.layout)],
                immediate_size: 0,
            });
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some("probe"),
                source: wgpu::ShaderSource::Wgsl(text.into()),
            });
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some("probe"),
                layout: Some(&layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: Default::default(),
                cache: None,
            })
        })
    }
}
