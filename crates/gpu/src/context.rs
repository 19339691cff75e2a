//! An opened adapter: its device and queue, and what went wrong on it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use laptime_engine::EngineError;

use crate::{
    adapters::Adapter,
    lower::{ALIGNMENT_BYTES, Target},
};

/// The most that a binding may have here: offsets in a kernel are 32-bit, and `wgpu` itself stops
/// at 2 GiB.
const CHUNK_BYTES: u64 = 1 << 30;

/// No submission takes so long, unless the adapter hangs. Emulators get the time they need.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) struct Context {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub target: Target,
    /// Whether passes can be timed, and the nanoseconds of a tick.
    pub tick_ns: Option<f64>,
    fault: Arc<Mutex<Option<String>>>,
    name: String,
    /// Objects made on the device, and results read back, so far: a step does neither.
    pub made: AtomicU64,
    pub read: AtomicU64,
}

impl Context {
    /// Opens an adapter, with as much of its limits as kernels have a use for, and no more than
    /// `wanted`.
    pub(crate) fn open(found: &Adapter, wanted: Target) -> Result<Self, EngineError> {
        let adapter = &found.adapter;
        let has = adapter.limits();
        let defaults = wgpu::Limits::defaults();
        let chunk_bytes = has
            .max_storage_buffer_binding_size
            .min(has.max_buffer_size)
            .min(CHUNK_BYTES)
            .min(wanted.chunk_bytes as u64);
        let bindings = has
            .max_storage_buffers_per_shader_stage
            .min(wanted.bindings as u32);
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: chunk_bytes.max(1 << 16),
            max_buffer_size: has.max_buffer_size.min(CHUNK_BYTES.max(chunk_bytes)),
            max_storage_buffers_per_shader_stage: bindings,
            min_storage_buffer_offset_alignment: has.min_storage_buffer_offset_alignment,
            min_uniform_buffer_offset_alignment: has.min_uniform_buffer_offset_alignment,
            ..defaults.or_worse_values_from(&has)
        };
        let timestamps = wgpu::Features::TIMESTAMP_QUERY;
        let required_features = adapter.features() & timestamps;
        let opened = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("laptime"),
            required_features,
            required_limits: limits,
            experimental_features: wgpu::ExperimentalFeatures::disabled(),
            memory_hints: wgpu::MemoryHints::Performance,
            trace: wgpu::Trace::Off,
        }));
        let name = found.device.name.clone();
        let (device, queue) = opened.map_err(|error| {
            EngineError::Failed(format!(
                "--device gpu: {name} cannot be opened: {error}; try --device cpu"
            ))
        })?;
        let fault = Arc::new(Mutex::new(None));
        let keep = |what: String, fault: &Mutex<Option<String>>| {
            let mut first = fault
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            first.get_or_insert(what);
        };
        let (errors, losses) = (Arc::clone(&fault), Arc::clone(&fault));
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            keep(describe(&error), &errors);
        }));
        device.set_device_lost_callback(move |reason, message| {
            keep(
                format!("the device was lost ({reason:?}): {message}"),
                &losses,
            );
        });
        let tick_ns = required_features
            .contains(timestamps)
            .then(|| f64::from(queue.get_timestamp_period()));
        Ok(Self {
            device,
            queue,
            target: Target {
                chunk_bytes: chunk_bytes as usize / ALIGNMENT_BYTES * ALIGNMENT_BYTES,
                bindings: bindings as usize,
            },
            tick_ns,
            fault,
            name,
            made: AtomicU64::new(0),
            read: AtomicU64::new(0),
        })
    }

    /// Does something that makes objects on the device, and tells what went wrong with it.
    pub(crate) fn guarded<T>(
        &self,
        what: &str,
        make: impl FnOnce() -> T,
    ) -> Result<T, EngineError> {
        self.made.fetch_add(1, Relaxed);
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let made = make();
        let errors = [validation, internal, memory].map(|scope| pollster::block_on(scope.pop()));
        match errors.into_iter().flatten().next() {
            None => Ok(made),
            Some(error) => Err(EngineError::Failed(format!(
                "{}: {what}: {}",
                self.name,
                describe(&error)
            ))),
        }
    }

    /// A buffer of zeros.
    pub(crate) fn buffer(
        &self,
        what: &str,
        bytes: usize,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, EngineError> {
        let most = self.device.limits().max_buffer_size;
        if bytes as u64 > most {
            return Err(EngineError::Unsupported(format!(
                "{}: {what} of {bytes} bytes, and the adapter makes buffers of {most} at most; \
                 take a smaller --batch-size or another --device",
                self.name
            )));
        }
        self.guarded(&format!("{what} of {bytes} bytes"), || {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(what),
                size: bytes.next_multiple_of(4).max(16) as u64,
                usage,
                mapped_at_creation: false,
            })
        })
    }

    /// Waits until a submission is done.
    pub(crate) fn wait(
        &self,
        submission: Option<wgpu::SubmissionIndex>,
    ) -> Result<(), EngineError> {
        let waited = self.device.poll(wgpu::PollType::Wait {
            submission_index: submission,
            timeout: Some(PATIENCE),
        });
        self.check()?;
        waited.map(|_| ()).map_err(|error| {
            EngineError::Failed(format!(
                "{}: the device does not answer: {error}",
                self.name
            ))
        })
    }

    /// What went wrong since the device was opened, if anything did.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let fault = self
            .fault
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        match fault.as_ref() {
            None => Ok(()),
            Some(what) => Err(EngineError::Failed(format!(
                "{}: {what}; try again, or --device cpu",
                self.name
            ))),
        }
    }

    /// The bytes of a buffer that was made to be mapped, behind all that was submitted.
    pub(crate) fn read(&self, from: &wgpu::Buffer, bytes: usize) -> Result<Vec<u8>, EngineError> {
        self.read.fetch_add(1, Relaxed);
        let slice = from.slice(..bytes.next_multiple_of(8) as u64);
        let result = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&result);
        slice.map_async(wgpu::MapMode::Read, move |mapped| {
            *keep.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(mapped);
        });
        self.wait(None)?;
        let fail = |what: String| EngineError::Failed(format!("{}: {what}", self.name));
        let mapped = result
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .take();
        match mapped {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(fail(format!("results cannot be read: {error}"))),
            None => return Err(fail("results never came".into())),
        }
        let view = slice
            .get_mapped_range()
            .map_err(|error| fail(format!("results cannot be read: {error:?}")))?;
        let values = view[..bytes].to_vec();
        drop(view);
        from.unmap();
        Ok(values)
    }
}

fn describe(error: &wgpu::Error) -> String {
    match error {
        wgpu::Error::OutOfMemory { .. } => {
            "out of memory on the device; take a smaller --batch-size, or --device cpu".into()
        }
        wgpu::Error::Validation { description, .. } => format!("refused: {description}"),
        wgpu::Error::Internal { description, .. } => format!("internal error: {description}"),
    }
}
