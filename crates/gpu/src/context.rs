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
    abilities::{MATRICES, WORKGROUP_THREADS, matrices, subgroups, suffices, threads},
    adapters::Adapter,
    lower::ALIGNMENT_BYTES,
    target::{Matrices, Target},
};

/// The most that a buffer may have here: offsets in a kernel are 32-bit, and `wgpu` itself stops
/// at 2 GiB.
const BUFFER_BYTES: u64 = 1 << 30;

/// No submission takes so long, unless the adapter hangs, as far as nobody knows what one takes. Emulators get the
/// time they need.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) struct Context {
    /// Reached through `make` and `encoder`, so that nothing is made without being counted.
    device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub target: Target,
    /// Whether passes can be timed, and the nanoseconds of a tick.
    pub tick_ns: Option<f64>,
    fault: Arc<Mutex<Option<String>>>,
    name: String,
    /// How long an answer is waited for.
    patience_ms: AtomicU64,
    /// Times that objects were made on the device, and results read back: a step does neither.
    pub made: AtomicU64,
    pub read: AtomicU64,
}

impl Context {
    /// Opens an adapter, with as much of its limits as kernels have a use for, and no more than
    /// `wanted`.
    pub(crate) fn open(found: &Adapter, wanted: Target) -> Result<Self, EngineError> {
        let adapter = &found.adapter;
        let name = found.device.name.clone();
        let has = adapter.limits();
        suffices(&has).map_err(|what| {
            EngineError::Unsupported(format!("--device gpu: {name} {what}; try another --device"))
        })?;
        let chunk_bytes = has
            .max_storage_buffer_binding_size
            .min(has.max_buffer_size)
            .min(wanted.chunk_bytes as u64);
        let bindings = has
            .max_storage_buffers_per_shader_stage
            .min(wanted.bindings as u32);
        let threads = threads(&has).min(wanted.threads as u32);
        let threads = 1 << threads.max(WORKGROUP_THREADS).ilog2();
        let limits = wgpu::Limits {
            max_compute_invocations_per_workgroup: threads,
            max_compute_workgroup_size_x: threads,
            max_storage_buffer_binding_size: chunk_bytes.max(1 << 16),
            max_buffer_size: has.max_buffer_size.min(BUFFER_BYTES.max(chunk_bytes)),
            max_storage_buffers_per_shader_stage: bindings,
            min_storage_buffer_offset_alignment: has.min_storage_buffer_offset_alignment,
            min_uniform_buffer_offset_alignment: has.min_uniform_buffer_offset_alignment,
            ..wgpu::Limits::defaults().or_worse_values_from(&has)
        };
        let [least, most] = subgroups(adapter);
        let subgroup = least.min(wanted.subgroup);
        let timestamps = wgpu::Features::TIMESTAMP_QUERY;
        let mut required_features = adapter.features() & timestamps;
        if subgroup > 1 {
            required_features |= wgpu::Features::SUBGROUP;
        }
        let matrices = match matrices(adapter, wanted.matrices) {
            Matrices::Cooperative { .. } if subgroup != most => Matrices::None,
            has => has,
        };
        let experiments = match matrices {
            Matrices::Cooperative { .. } => {
                required_features |= MATRICES;
                // SAFETY: `wgpu` wants it known that what is experimental may be unsound in itself. Of all that is
                // experimental, matrices alone are required here, and kernels keep to their rules: all threads of a
                // workgroup come to each of their operations, which stay within their arrays.
                unsafe { wgpu::ExperimentalFeatures::enabled() }
            }
            Matrices::None | Matrices::Imitated => wgpu::ExperimentalFeatures::disabled(),
        };
        let target = Target {
            chunk_bytes: chunk_bytes as usize / ALIGNMENT_BYTES * ALIGNMENT_BYTES,
            bindings: bindings as usize,
            workgroups: wanted
                .workgroups
                .min(limits.max_compute_workgroups_per_dimension as usize),
            threads: threads as usize,
            subgroup,
            subgroup_varies: subgroup > 1 && subgroup < most,
            matrices,
        };
        let opened = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("laptime"),
            required_features,
            required_limits: limits,
            experimental_features: experiments,
            memory_hints: wgpu::MemoryHints::Performance,
            trace: wgpu::Trace::Off,
        }));
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
            keep(lost(reason, &message), &losses);
        });
        let tick_ns = required_features
            .contains(timestamps)
            .then(|| f64::from(queue.get_timestamp_period()));
        Ok(Self {
            device,
            queue,
            target,
            tick_ns,
            fault,
            name,
            patience_ms: AtomicU64::new(PATIENCE.as_millis() as u64),
            made: AtomicU64::new(0),
            read: AtomicU64::new(0),
        })
    }

    /// The device, to make something on it that stays.
    pub(crate) fn make(&self) -> &wgpu::Device {
        self.made.fetch_add(1, Relaxed);
        &self.device
    }

    /// The one thing that is made in a training: an encoder for each submission.
    pub(crate) fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&Default::default())
    }

    /// Does something that makes objects on the device, and tells what went wrong with it.
    pub(crate) fn guarded<T>(
        &self,
        what: &str,
        make: impl FnOnce() -> T,
    ) -> Result<T, EngineError> {
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
            self.make().create_buffer(&wgpu::BufferDescriptor {
                label: Some(what),
                size: bytes.next_multiple_of(4).max(16) as u64,
                usage,
                mapped_at_creation: false,
            })
        })
    }

    /// From now on an answer is waited for so long.
    pub(crate) fn wait_at_most(&self, patience: Duration) {
        let ms = patience.as_millis().try_into().unwrap_or(u64::MAX);
        self.patience_ms.store(ms, Relaxed);
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms.load(Relaxed))
    }

    /// Waits until a submission is done.
    pub(crate) fn wait(
        &self,
        submission: Option<wgpu::SubmissionIndex>,
    ) -> Result<(), EngineError> {
        let waited = self.device.poll(wgpu::PollType::Wait {
            submission_index: submission,
            timeout: Some(self.patience()),
        });
        if waited.is_err() {
            // A lost device takes no submissions, so that there is nothing to wait for; that it is
            // lost is told behind the next look at it.
            let _ = self.device.poll(wgpu::PollType::Poll);
        }
        self.check()?;
        waited.map(|_| ()).map_err(|error| {
            // A device that is dropped waits for what it was given, and would wait for ever: it stays until the
            // process ends.
            std::mem::forget((self.device.clone(), self.queue.clone()));
            EngineError::Failed(format!(
                "{}: the device has not answered for {:.0} s, far longer than it should take ({error}); it may hang: \
                 try again, update its driver, or take --device cpu",
                self.name,
                self.patience().as_secs_f64()
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
            Some(what) => Err(EngineError::Failed(format!("{}: {what}", self.name))),
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

/// What happened, and what to do. What the device refuses it refuses every time.
fn describe(error: &wgpu::Error) -> String {
    match error {
        wgpu::Error::OutOfMemory { .. } => {
            "out of memory on the device; take a smaller --batch-size, or --device cpu".into()
        }
        wgpu::Error::Validation { description, .. } => {
            format!("refused: {description}; take --device cpu")
        }
        wgpu::Error::Internal { description, .. } => {
            format!("internal error: {description}; try again, or --device cpu")
        }
    }
}

fn lost(reason: wgpu::DeviceLostReason, message: &str) -> String {
    let message = message.trim();
    let colon = if message.is_empty() { "" } else { ": " };
    format!(
        "the device was lost ({reason:?}){colon}{message}; its driver reset it, or it was taken away: try again, or \
         --device cpu"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::adapters;

    #[test]
    fn what_goes_wrong_is_told_with_what_to_do() {
        let source = || Box::new(std::fmt::Error);
        let description = || "no such binding".to_owned();
        let [memory, refused, internal] = [
            wgpu::Error::OutOfMemory { source: source() },
            wgpu::Error::Validation {
                source: source(),
                description: description(),
            },
            wgpu::Error::Internal {
                source: source(),
                description: description(),
            },
        ]
        .map(|error| describe(&error));
        assert!(memory.contains("out of memory") && memory.contains("--batch-size"));
        // It would be refused again.
        assert!(refused.contains("no such binding") && !refused.contains("try again"));
        assert!(internal.contains("no such binding") && internal.contains("try again"));
    }

    #[test]
    fn subgroups_are_used_where_there_are_any_and_no_one_objects() {
        let Some(found) = adapters().into_iter().next() else {
            eprintln!("skipped: no adapter");
            return;
        };
        let opened = |subgroup| {
            let wanted = Target {
                subgroup,
                ..Target::MOST
            };
            let target = Context::open(&found, wanted).unwrap().target;
            (target.subgroup, target.subgroup_varies)
        };
        let [least, most] = subgroups(&found.adapter);
        assert_eq!(opened(64), (least, least < most));
        assert_eq!(opened(1), (1, false));
        if least > 4 {
            assert_eq!(opened(4), (4, true));
        }
    }

    #[test]
    fn a_device_that_does_not_answer_in_time_is_told_of() {
        let Some(found) = adapters().into_iter().next() else {
            eprintln!("skipped: no adapter");
            return;
        };
        let context = Context::open(&found, Target::MOST).unwrap();
        let bytes = 64 << 20;
        let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let [from, to] = [0, 1].map(|_| context.buffer("a copy", bytes, usage).unwrap());
        let mut encoder = context.encoder();
        for _ in 0..16 {
            encoder.copy_buffer_to_buffer(&from, 0, &to, 0, bytes as u64);
        }
        context.wait_at_most(Duration::ZERO);
        let submission = context.queue.submit([encoder.finish()]);
        let error = context.wait(Some(submission)).unwrap_err().to_string();
        assert!(
            error.contains("has not answered for 0 s") && error.contains("--device cpu"),
            "{error}"
        );
        context.wait_at_most(PATIENCE);
        context.wait(None).unwrap();
    }

    #[test]
    fn a_lost_device_is_told_of() {
        let Some(found) = adapters().into_iter().next() else {
            eprintln!("skipped: no adapter");
            return;
        };
        let context = Context::open(&found, Target::MOST).unwrap();
        context.check().unwrap();
        context.make().destroy();
        let error = context.wait(None).unwrap_err().to_string();
        assert!(
            error.contains("was lost") && error.contains("--device cpu"),
            "{error}"
        );
    }
}
