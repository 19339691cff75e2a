//! A dataset on the device: its inputs in chunks, as they are stored, its targets, and no more.

use laptime_engine::EngineError;
use laptime_graph::Mode;
use laptime_workload::{Target, Workload, dataset::Samples};

use crate::{context::Context, shader::SampleChunks};

pub(crate) struct DeviceSamples {
    pub chunks: SampleChunks,
    pub pixels: Vec<wgpu::Buffer>,
    pub targets: wgpu::Buffer,
    pub count: usize,
}

impl DeviceSamples {
    /// Copies what a workload reads of the samples to the device. Those of training may be augmented.
    pub(crate) fn new(
        context: &Context,
        samples: &Samples,
        workload: &Workload,
        mode: Mode,
    ) -> Result<Self, EngineError> {
        let is_augmented = workload.augment.is_some() && mode == Mode::Training;
        let input = &samples.arrays[workload.input_column()];
        let target = &samples.arrays[workload.target_column()];
        let bytes = input.column.bytes();
        let per_chunk = (context.target.chunk_bytes / bytes).max(1);
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let mut pixels = Vec::new();
        for chunk in input.bytes.chunks(per_chunk * bytes) {
            let buffer = context.buffer("a chunk of samples", chunk.len(), usage)?;
            let whole = chunk.len() / 4 * 4;
            context.queue.write_buffer(&buffer, 0, &chunk[..whole]);
            if whole < chunk.len() {
                let mut last = [0; 4];
                last[..chunk.len() - whole].copy_from_slice(&chunk[whole..]);
                context.queue.write_buffer(&buffer, whole as u64, &last);
            }
            pixels.push(buffer);
        }
        if pixels.is_empty() {
            pixels.push(context.buffer("no samples", 16, usage)?);
        }
        let words: Vec<u8> = match workload.target() {
            Target::Class => {
                let classes = (0..target.count()).map(|sample| target.class(sample) as u32);
                classes.flat_map(u32::to_le_bytes).collect()
            }
            Target::Values => target.bytes.clone(),
            // An autoencoder's targets are its input.
            Target::Input => vec![0; 4],
        };
        if words.len() > context.target.chunk_bytes {
            return Err(EngineError::Unsupported(format!(
                "the targets have {} bytes, and this adapter binds {} at once; use another device",
                words.len(),
                context.target.chunk_bytes
            )));
        }
        let targets = context.buffer("the targets", words.len().max(4), usage)?;
        context.queue.write_buffer(&targets, 0, &words);
        context.queue.submit([]);
        Ok(Self {
            chunks: SampleChunks {
                samples: per_chunk,
                chunks: pixels.len(),
                stored: input.column.dtype,
                augmented: match input.column.shape[..] {
                    [height, width, channels] if is_augmented => Some([height, width, channels]),
                    _ => None,
                },
            },
            pixels,
            targets,
            count: samples.count(),
        })
    }
}
