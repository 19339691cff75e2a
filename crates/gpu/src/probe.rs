//! What an adapter reaches at best, measured by three short kernels: multiply-adds in registers,
//! a copy, and dispatches that do nothing.

use std::time::{Duration, Instant};

use laptime_engine::{Device, EngineError};

use crate::{adapters::find, context::Context, lower::Target};

/// What an adapter has and reaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Its peaks.
    pub peaks: Peaks,
    /// The most bytes of one buffer.
    pub buffer_bytes: u64,
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
}

impl Peaks {
    /// A card of the middle range, to predict by where there is none.
    pub const ASSUMED: Self = Self {
        flops: 10e12,
        bytes_per_s: 300e9,
        launch_s: 5e-6,
    };
}

/// A measurement is repeated with more work until it takes so long.
const LONG_ENOUGH: Duration = Duration::from_millis(20);

/// Values of a copy: 64 MiB.
const VALUES: usize = 16 << 20;

/// Turns of a thread's loop, with this many multiply-adds each.
const TURNS: usize = 256;
const SUMS: usize = 8;

/// Measures an adapter; a second or less.
///
/// # Errors
/// Where it cannot be opened, or fails.
pub fn probe(device: &Device) -> Result<Probe, EngineError> {
    let found = find(device)?;
    let context = Context::open(
        &found,
        Target {
            chunk_bytes: 4 * VALUES,
            bindings: 8,
        },
    )?;
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
        peaks: Bench::new(&context)?.peaks()?,
        buffer_bytes: found.adapter.limits().max_buffer_size,
        features,
    })
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
        let device = &context.device;
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
            sums(|n| format!("s{n} = fma(s{n}, 0.999, 0.001);\n")),
            sums(|n| format!("sum += s{n};\n")),
        ))?;
        let copy = self.pipeline("b[i] = a[i];\n")?;
        let nothing = self.pipeline("if i == 4294967295u { a[0] = 1.0; }\n")?;
        let groups = (self.values / 256).min(65_535) as u32;
        // Few workgroups at first: an emulator would take seconds for all of a card's.
        let flops = |groups: u32| (2 * TURNS * SUMS * 256) as f64 * f64::from(groups);
        let bytes = |groups: u32| (2 * 4 * 256) as f64 * f64::from(groups);
        Ok(Peaks {
            flops: self.rate(&multiply_adds, 256.min(groups), flops)?,
            bytes_per_s: self.rate(&copy, groups, bytes)?,
            launch_s: 1.0 / self.rate(&nothing, 1, |_| 1.0)?,
        })
    }

    /// Units of work a second, where a dispatch of so many workgroups does this much.
    fn rate(
        &self,
        pipeline: &wgpu::ComputePipeline,
        groups: u32,
        work: impl Fn(u32) -> f64,
    ) -> Result<f64, EngineError> {
        let mut dispatches = 1;
        let mut best: f64 = 0.0;
        loop {
            let took = self.time(pipeline, groups, dispatches)?;
            best = best.max(work(groups) * f64::from(dispatches) / took.as_secs_f64().max(1e-9));
            if took > LONG_ENOUGH || dispatches >= 1 << 14 {
                return Ok(best);
            }
            dispatches *= 2;
        }
    }

    fn time(
        &self,
        pipeline: &wgpu::ComputePipeline,
        groups: u32,
        dispatches: u32,
    ) -> Result<Duration, EngineError> {
        let mut encoder = self
            .context
            .device
            .create_command_encoder(&Default::default());
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
        let device = &self.context.device;
        self.context.guarded("a probe", || {
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
