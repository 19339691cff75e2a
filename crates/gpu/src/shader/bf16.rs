//! Values in bfloat16: as words of two, the first in the lower half.

use laptime_graph::{TensorId, schedule::Layout};

use super::{Binding, Shader};

/// The nearest bfloat16, of two as near the even one, by its bits, as the CPU has it. What is not a number stays so;
/// what is too near to 0 for a normal number is 0, as adapters may keep such numbers or not.
const TO_BF16: &str = "\
fn to_bf16(v: f32) -> f32 {
    let bits = bitcast<u32>(v);
    let near = (bits + 0x7fffu + ((bits >> 16u) & 1u)) & 0xffff0000u;
    let normal = select(near, bits & 0x80000000u, (near & 0x7f800000u) == 0u);
    let is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
    return bitcast<f32>(select(normal, (bits | 0x00400000u) & 0xffff0000u, is_nan));
}
";

const PAIR_OF: &str = "\
fn pair_of(first: f32, second: f32) -> u32 {
    return (bitcast<u32>(second) & 0xffff0000u) | (bitcast<u32>(first) >> 16u);
}
";

impl Shader<'_> {
    /// Whether a tensor is in memory as words of two values.
    pub(crate) fn is_packed(&self, id: TensorId) -> bool {
        let buffer = self.schedule.buffer(id);
        buffer.is_some_and(|buffer| matches!(buffer.layout, Layout::RowPairs { .. }))
    }

    /// The name of such a tensor's array of words.
    fn words(&mut self, id: TensorId) -> String {
        format!("t{}", self.bind(Binding::Words(id)))
    }

    /// One value of such a tensor.
    pub(super) fn of_pair(&mut self, id: TensorId, index: &str) -> String {
        let words = self.words(id);
        self.function(format!(
            "fn one_of_{words}(i: u32) -> f32 {{\n\
             let word = {words}[i / 2u];\n\
             return bitcast<f32>(select(word << 16u, word & 0xffff0000u, i % 2u == 1u));\n}}\n"
        ));
        format!("one_of_{words}({index})")
    }

    /// Two neighbouring values of such a tensor, at an even place.
    fn both_of_pair(&mut self, id: TensorId, index: &str) -> String {
        let words = self.words(id);
        self.function(format!(
            "fn both_of_{words}(i: u32) -> vec2<f32> {{\n\
             let word = {words}[i / 2u];\n\
             return vec2<f32>(bitcast<f32>(word << 16u), bitcast<f32>(word & 0xffff0000u));\n}}\n"
        ));
        format!("both_of_{words}({index})")
    }

    /// What a product's operand reads at a place: a value, or two of a tensor that is packed.
    pub(crate) fn operand(&mut self, id: TensorId, index: &str) -> String {
        match self.is_packed(id) {
            true => self.both_of_pair(id, index),
            false => self.value(id, index),
        }
    }

    /// A statement that stores two rounded values, the second of them at the place `i`.
    pub(crate) fn store_pair(&mut self, id: TensorId, [first, second]: [&str; 2]) -> String {
        let words = self.words(id);
        self.function(PAIR_OF.into());
        format!("{words}[i / 2u] = pair_of({first}, {second});\n")
    }

    /// The same of what neighbouring threads have in `v`: at the places of an even thread and of the next one.
    pub(crate) fn store_of_neighbours(&mut self, id: TensorId) -> String {
        let store = self.store_pair(id, ["v", "next_to_v"]);
        format!("let next_to_v = subgroupShuffleXor(v, 1u);\nif thread % 2u == 0u {{ {store}}}\n")
    }

    /// A value rounded to bfloat16.
    pub(crate) fn rounded(&mut self, value: &str) -> String {
        self.function(TO_BF16.into());
        format!("to_bf16({value})")
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use laptime_reference::ops;

    use super::*;
    use crate::{adapters::adapters, context::Context, target::Target};

    /// What a kernel makes of words, in place, on the first adapter, if there is one.
    fn done(functions: &str, body: &str, words: &[u32]) -> Option<Vec<u32>> {
        let Some(found) = adapters().into_iter().next() else {
            eprintln!("skipped: no adapter");
            return None;
        };
        let context = Context::open(&found, Target::MOST).unwrap();
        let mut text = String::from(functions);
        let _ = write!(
            text,
            "@group(0) @binding(0) var<storage, read_write> values: array<f32>;\n\
             @compute @workgroup_size(64)\n\
             fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\nlet i = id.x;\n\
             if i < {}u {{ {body} }}\n}}\n",
            words.len()
        );
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let usage = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        let on_device = context
            .buffer("values", bytes.len(), usage | wgpu::BufferUsages::STORAGE)
            .unwrap();
        let usage = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ;
        let read = context.buffer("results", bytes.len(), usage).unwrap();
        context.queue.write_buffer(&on_device, 0, &bytes);
        let device = context.make();
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(text.into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: on_device.as_entire_binding(),
            }],
        });
        let mut encoder = context.encoder();
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(words.len().div_ceil(64) as u32, 1, 1);
        drop(pass);
        encoder.copy_buffer_to_buffer(&on_device, 0, &read, 0, bytes.len() as u64);
        context.queue.submit([encoder.finish()]);
        let made = context.read(&read, bytes.len()).unwrap();
        let words = made.chunks_exact(4);
        let word = |four: &[u8]| u32::from_le_bytes(four.try_into().expect("four bytes"));
        Some(words.map(word).collect())
    }

    /// Values of every exponent on, beside and between bfloat16's, with both signs; ties to either side; the largest,
    /// and what rounds to infinity; what is not a number.
    fn hard_values() -> Vec<u32> {
        let mut all = vec![0x0000_0001, 0x007f_0000, 0x007f_c000, 0x007f_ffff];
        for exponent in 0..=255_u32 {
            for fraction in [0, 1, 0x12_3456, 0x3f_ffff, 0x7e_8000, 0x7f_0000, 0x7f_ffff] {
                for rest in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
                    all.push(exponent << 23 | (fraction & !0xffff) | rest);
                }
            }
        }
        // Below the smallest normal number the oracle rounds to 8 digits, whatever their place, and bits to a fixed
        // place: of this sliver it makes 0, and they the smallest normal number.
        all.retain(|bits| !(0x007f_8000..0x007f_c000).contains(bits));
        let negative: Vec<u32> = all.iter().map(|bits| bits | 1 << 31).collect();
        [all, negative].concat()
    }

    #[test]
    fn values_are_rounded_to_the_oracles_bits() {
        let values = hard_values();
        let Some(given) = done(TO_BF16, "values[i] = to_bf16(values[i]);", &values) else {
            return;
        };
        for (from, given) in values.iter().zip(given) {
            let expected = ops::round(&[f64::from(f32::from_bits(*from))])[0] as f32;
            let same = match expected.is_nan() {
                true => f32::from_bits(given).is_nan() && given.trailing_zeros() >= 16,
                false => given == expected.to_bits(),
            };
            assert!(same, "{from:08x}: {given:08x}, not {expected:e}");
        }
    }

    #[test]
    fn words_have_the_first_value_in_their_lower_half() {
        let values = [0x3f80_0000, 0xc000_0000, 0x7f80_0000, 0x8000_0000];
        let body =
            "if i % 2u == 0u { values[i] = bitcast<f32>(pair_of(values[i], values[i + 1u])); }";
        let Some(given) = done(PAIR_OF, body, &values) else {
            return;
        };
        assert_eq!([given[0], given[2]], [0xc000_3f80, 0x8000_7f80]);
    }
}
