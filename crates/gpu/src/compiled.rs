//! A Program compiled for a device: a pipeline and a bind group for every dispatch, made once.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use laptime_engine::{EngineError, Passes};
use laptime_graph::{
    Program, Uses,
    schedule::{Arena, Schedule},
};

use crate::{
    context::Context,
    kernels::{Dispatch, dispatch},
    lower::lower,
    samples::DeviceSamples,
    shader::Binding,
};

/// One step of a Program on the device.
pub(crate) struct Compiled {
    pub program: Program,
    pub schedule: Schedule,
    dispatches: Vec<Ready>,
    /// The chunks of the step's arena.
    pub step: Vec<wgpu::Buffer>,
}

struct Ready {
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    workgroups: [u32; 3],
}

/// What kernels bind beside their tensors.
pub(crate) struct Surroundings<'a> {
    pub samples: &'a DeviceSamples,
    pub order: &'a wgpu::Buffer,
    pub log: &'a wgpu::Buffer,
    pub persistent: &'a [wgpu::Buffer],
}

/// Pipelines by what they are made of: layers of one shape share them.
pub(crate) struct Pipelines {
    /// The layout of what is the step's.
    pub step_layout: wgpu::BindGroupLayout,
    made: HashMap<String, wgpu::ComputePipeline>,
}

impl Pipelines {
    pub(crate) fn new(context: &Context) -> Self {
        let step_layout =
            context
                .make()
                .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                    label: Some("step"),
                    entries: &[wgpu::BindGroupLayoutEntry {
                        binding: 0,
                        visibility: wgpu::ShaderStages::COMPUTE,
                        ty: wgpu::BindingType::Buffer {
                            ty: wgpu::BufferBindingType::Uniform,
                            has_dynamic_offset: true,
                            min_binding_size: None,
                        },
                        count: None,
                    }],
                });
        Self {
            step_layout,
            made: HashMap::new(),
        }
    }

    /// Makes the pipelines of these kernels, on all of the processor's cores: drivers need some 50 to 300 ms for
    /// each (NVIDIA 580), and ResNet50 has some 300.
    fn make(
        &mut self,
        context: &Context,
        kernels: &[(String, Dispatch)],
    ) -> Result<(), EngineError> {
        let mut missing: Vec<&(String, Dispatch)> = Vec::new();
        let mut texts = HashSet::new();
        for kernel in kernels {
            let text = kernel.1.wgsl.as_str();
            if !self.made.contains_key(text) && texts.insert(text) {
                missing.push(kernel);
            }
        }
        let workers = thread::available_parallelism().map_or(1, |cores| cores.get());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut made = Vec::new();
            while let Some((name, dispatch)) = missing.get(next.fetch_add(1, Relaxed)) {
                let pipeline = pipeline(context, &self.step_layout, name, dispatch)?;
                made.push((dispatch.wgsl.clone(), pipeline));
            }
            Ok(made)
        };
        let made: Result<Vec<_>, EngineError> = thread::scope(|scope| {
            let workers = (0..workers.min(missing.len())).map(|_| scope.spawn(work));
            let workers: Vec<_> = workers.collect();
            let made = workers.into_iter().map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            made.collect()
        });
        self.made.extend(made?.into_iter().flatten());
        Ok(())
    }
}

fn pipeline(
    context: &Context,
    step_layout: &wgpu::BindGroupLayout,
    name: &str,
    dispatch: &Dispatch,
) -> Result<wgpu::ComputePipeline, EngineError> {
    let entries: Vec<wgpu::BindGroupLayoutEntry> = (0..)
        .zip(&dispatch.bindings)
        .map(|(binding, what)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage {
                    read_only: what.is_read_only(),
                },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    context.guarded(&format!("the kernel {name}"), || {
        let device = context.make();
        let kernel_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(name),
            entries: &entries,
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(name),
            bind_group_layouts: &[Some(step_layout), Some(&kernel_layout)],
            immediate_size: 0,
        });
        let text = wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(dispatch.wgsl.as_str().into()),
        };
        // SAFETY: the text is ours, with every index within a shape that its buffer was made
        // for (sample numbers are checked before they are sent, labels by `Job::check`), every loop's end and every
        // divisor a constant above 0. `wgpu`'s own checks would stand in the innermost loops.
        let module = unsafe {
            device.create_shader_module_trusted(text, wgpu::ShaderRuntimeChecks::unchecked())
        };
        device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                // Kernels write all of it before they read.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        })
    })
}

impl Compiled {
    /// Lowers and compiles a Program. `step` are the chunks of another Program's step, which are
    /// used again where they suffice: no two Programs run at once.
    pub(crate) fn new(
        context: &Context,
        pipelines: &mut Pipelines,
        program: Program,
        passes: &Passes,
        surroundings: &Surroundings,
        step: &[wgpu::Buffer],
    ) -> Result<Self, EngineError> {
        let schedule = lower(&program, context.target, passes).map_err(EngineError::Unsupported)?;
        let step = chunks(context, &schedule, Arena::Step, step)?;
        let mut compiled = Self {
            dispatches: Vec::new(),
            step,
            program,
            schedule,
        };
        let kernels = compiled
            .schedule
            .stages
            .iter()
            .flat_map(|stage| &stage.kernels);
        let uses = Uses::of(&compiled.program);
        let mut named = Vec::new();
        for kernel in kernels {
            let dispatch = dispatch(
                (&compiled.program, &uses),
                &compiled.schedule,
                kernel,
                surroundings.samples.chunks,
                context.target,
            );
            let name = kernel.name(&compiled.program);
            if dispatch.bindings.len() > context.target.bindings {
                return Err(EngineError::Unsupported(format!(
                    "--device gpu: the kernel {name} binds {} buffers, and the adapter allows {}; \
                     try --passes none or --device cpu",
                    dispatch.bindings.len(),
                    context.target.bindings
                )));
            }
            named.push((name, dispatch));
        }
        pipelines.make(context, &named)?;
        let mut dispatches = Vec::new();
        for (name, dispatch) in &named {
            let pipeline = pipelines.made[&dispatch.wgsl].clone();
            let bindings = compiled.bind(context, name, &pipeline, dispatch, surroundings)?;
            dispatches.push(Ready {
                pipeline,
                bindings,
                workgroups: dispatch.workgroups,
            });
        }
        compiled.dispatches = dispatches;
        Ok(compiled)
    }

    fn bind(
        &self,
        context: &Context,
        name: &str,
        pipeline: &wgpu::ComputePipeline,
        dispatch: &Dispatch,
        surroundings: &Surroundings,
    ) -> Result<wgpu::BindGroup, EngineError> {
        let tables: Vec<Option<wgpu::Buffer>> = dispatch
            .bindings
            .iter()
            .map(|binding| match binding {
                Binding::Table(table) => {
                    let bytes: Vec<u8> = table.iter().flat_map(|n| n.to_le_bytes()).collect();
                    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
                    let buffer = context.buffer("a table", bytes.len(), usage)?;
                    context.queue.write_buffer(&buffer, 0, &bytes);
                    Ok(Some(buffer))
                }
                _ => Ok(None),
            })
            .collect::<Result<_, EngineError>>()?;
        let arena = |arena| match arena {
            Arena::Persistent => surroundings.persistent,
            Arena::Step | Arena::Thread => self.step.as_slice(),
        };
        let chunk_bytes = context.target.chunk_bytes;
        let entries: Vec<wgpu::BindGroupEntry> = (0..)
            .zip(&dispatch.bindings)
            .zip(&tables)
            .map(|((binding, what), table)| {
                let resource = match what {
                    Binding::Tensor(id) | Binding::Words(id) => {
                        let buffer = self.schedule.buffer(*id).expect("a kernel binds buffers");
                        let offset_bytes = buffer.offset_bytes % chunk_bytes;
                        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                            buffer: &arena(buffer.arena)[buffer.offset_bytes / chunk_bytes],
                            offset: offset_bytes as u64,
                            size: std::num::NonZero::new(buffer.bytes as u64),
                        })
                    }
                    Binding::Chunk(of, chunk) | Binding::ChunkOfWords(of, chunk) => {
                        arena(*of)[*chunk].as_entire_binding()
                    }
                    Binding::Pixels(chunk) => {
                        surroundings.samples.pixels[*chunk].as_entire_binding()
                    }
                    Binding::Targets => surroundings.samples.targets.as_entire_binding(),
                    Binding::Order => surroundings.order.as_entire_binding(),
                    Binding::Log => surroundings.log.as_entire_binding(),
                    Binding::Table(_) => table
                        .as_ref()
                        .expect("it was just made")
                        .as_entire_binding(),
                };
                wgpu::BindGroupEntry { binding, resource }
            })
            .collect();
        context.guarded(&format!("the bindings of {name}"), || {
            context
                .make()
                .create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(name),
                    layout: &pipeline.get_bind_group_layout(1),
                    entries: &entries,
                })
        })
    }

    /// How many dispatches a step has.
    pub(crate) fn dispatch_count(&self) -> usize {
        self.dispatches.len()
    }

    /// Adds these dispatches of a step to a pass.
    pub(crate) fn encode(
        &self,
        pass: &mut wgpu::ComputePass,
        step: &wgpu::BindGroup,
        step_offset: u32,
        dispatches: Range<usize>,
    ) {
        for (place, ready) in self.dispatches[dispatches].iter().enumerate() {
            pass.set_pipeline(&ready.pipeline);
            if place == 0 {
                pass.set_bind_group(0, step, &[step_offset]);
            }
            pass.set_bind_group(1, &ready.bindings, &[]);
            let [x, y, z] = ready.workgroups;
            pass.dispatch_workgroups(x, y, z);
        }
    }
}

/// The chunks of an arena, those of `before` where they suffice.
pub(crate) fn chunks(
    context: &Context,
    schedule: &Schedule,
    arena: Arena,
    before: &[wgpu::Buffer],
) -> Result<Vec<wgpu::Buffer>, EngineError> {
    let chunk_bytes = context.target.chunk_bytes;
    let mut sizes = vec![0; schedule.arena_bytes(arena).div_ceil(chunk_bytes)];
    for buffer in schedule
        .buffers
        .iter()
        .filter(|buffer| buffer.arena == arena)
    {
        let size: &mut usize = &mut sizes[buffer.offset_bytes / chunk_bytes];
        *size = (*size).max(buffer.offset_bytes % chunk_bytes + buffer.bytes);
    }
    let suffices = before.len() >= sizes.len()
        && sizes
            .iter()
            .zip(before)
            .all(|(size, buffer)| buffer.size() >= *size as u64);
    if suffices {
        return Ok(before[..sizes.len()].to_vec());
    }
    let usage =
        wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    sizes
        .into_iter()
        .map(|size| context.buffer("a chunk of the model's memory", size, usage))
        .collect()
}
