use laptime_graph::{Dropout, DropoutGrad};
use laptime_workload::random;

use super::each::{Each, Reading};
use crate::shader::number;

impl Each for Dropout {
    fn value(&self, at: &mut Reading) -> String {
        dropped(at, self)
    }
}

impl Each for DropoutGrad {
    fn value(&self, at: &mut Reading) -> String {
        dropped(at, &self.0)
    }
}

/// Statements that drop or scale a value, by the same generator as [`random::dropout_unit`].
fn dropped(at: &mut Reading, dropout: &Dropout) -> String {
    let value = at.input(0, "i");
    // The draw is a multiple of 2⁻²⁴: it is below the rate exactly where its numerator is below
    // this one.
    let threshold = (dropout.rate * f64::from(1u32 << 24)).ceil() as u32;
    // A mask is that of the step's whole batch.
    let program = at.shader.program;
    let place = match program.micro_batch {
        None => "i".to_owned(),
        Some(_) => {
            let values = program.tensor(at.own.inputs[0]).elements() / program.batch_size;
            format!("(i + step.row * {values}u)")
        }
    };
    at.shader.function(PHILOX.into());
    at.shader.not_finite();
    format!(
        "let drawn = philox(vec4<u32>({place} / 4u, step.number, {}u, {}u), {}u, {}u)[{place} % 4u] >> 8u;\n\
         let whole = {value};\n\
         v = select(whole * {}, dropped(whole), drawn < {threshold}u);\n",
        dropout.layer,
        random::Purpose::Dropout as u32,
        dropout.seed as u32,
        (dropout.seed >> 32) as u32,
        number(1.0 / (1.0 - dropout.rate)),
    )
}

/// Philox4x32-10 as in `laptime_workload::random`; WGSL has no product of 64 bits.
const PHILOX: &str = "\
fn high_product(a: u32, b: u32) -> u32 {
    let low = (a & 65535u) * (b & 65535u);
    let middle = (a >> 16u) * (b & 65535u) + (low >> 16u);
    let other = (a & 65535u) * (b >> 16u) + (middle & 65535u);
    return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}
fn philox(start: vec4<u32>, low: u32, high: u32) -> vec4<u32> {
    var counter = start;
    var key0 = low;
    var key1 = high;
    for (var round = 0u; round < 10u; round++) {
        if round > 0u {
            key0 += 0x9E3779B9u;
            key1 += 0xBB67AE85u;
        }
        counter = vec4<u32>(
            high_product(counter.z, 0xCD9E8D57u) ^ counter.y ^ key0,
            counter.z * 0xCD9E8D57u,
            high_product(counter.x, 0xD2511F53u) ^ counter.w ^ key1,
            counter.x * 0xD2511F53u,
        );
    }
    return counter;
}
";
