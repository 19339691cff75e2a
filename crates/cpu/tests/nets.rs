//! Nets of odd build: those that once failed, and random ones. The gate passes all of them.

mod common;

use common::{device, in_bf16, instruction_sets, job, net};
use laptime_cpu::CpuEngine;
use laptime_engine::{Engine, EngineError, Job, Passes, gate::verify};
use laptime_workload::random::{Purpose, Stream};

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";
const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.01\nmomentum = 0.9\n";

/// Asks the gate about a net of these layers, fused and not, in both precisions.
fn assert_verified(name: &str, layers: &str, optimizer: &str, batch_size: usize) {
    assert_verified_on(instruction_sets()[0], name, layers, optimizer, batch_size);
}

fn assert_verified_on(isa: &str, name: &str, layers: &str, optimizer: &str, batch_size: usize) {
    let layers = format!("layer = [{layers}]");
    let fp32 = net(&layers, optimizer, batch_size);
    for workload in [fp32.clone(), in_bf16(fp32)] {
        for passes in [Passes::All, Passes::Only(Vec::new())] {
            let job = Job {
                passes: passes.clone(),
                ..job(workload.clone(), 20 * batch_size + batch_size / 2, 2)
            };
            let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
            assert!(
                verdict.is_verified(),
                "{name}, {isa}, {}, {passes:?}: {layers}: {verdict}",
                workload.precision
            );
        }
    }
}

const NORM: &str = "kind = \"batch_norm\", epsilon = 1e-3, momentum = 0.9";
const CONV: &str = "kind = \"conv2d\", kernel = 3, padding = \"same\"";

#[test]
fn a_batch_norm_of_the_image_has_no_gradient_to_pass_on() {
    let behind_pool = format!(
        r#"{{ name = "pool", kind = "max_pool", size = 2, stride = 3, padding = "same" }},
           {{ name = "norm", {NORM} }},
           {{ name = "relu", kind = "relu" }},
           {{ name = "conv", {CONV}, filters = 5, stride = 2, bias = true }},
           {{ name = "flatten", kind = "flatten" }},
           {{ name = "fc", kind = "dense", units = 10 }}"#
    );
    assert_verified("behind a pool", &behind_pool, SGD, 8);
}

#[test]
fn one_kernel_has_the_gradient_of_one_batch_norm() {
    let layers = format!(
        r#"{{ name = "conv", {CONV}, filters = 5, stride = 4, bias = false }},
           {{ name = "first", {NORM} }},
           {{ name = "second", {NORM} }},
           {{ name = "relu", kind = "relu" }},
           {{ name = "flatten", kind = "flatten" }},
           {{ name = "fc", kind = "dense", units = 10 }}"#
    );
    assert_verified("two norms", &layers, SGD, 8);
}

/// A normed image has the mean 0. What is left of it is rounding: in the moving mean of a norm behind it,
/// in the gradient of the first norm's bias, which the second one takes out again.
#[test]
fn the_mean_of_many_values_may_be_zero_but_for_rounding() {
    let layers = format!(
        r#"{{ name = "conv", {CONV}, filters = 1, stride = 1, bias = false }},
           {{ name = "first", {NORM} }},
           {{ name = "second", {NORM} }},
           {{ name = "relu", kind = "relu" }},
           {{ name = "pool", kind = "max_pool", size = 4, stride = 4, padding = "same" }},
           {{ name = "flatten", kind = "flatten" }},
           {{ name = "fc", kind = "dense", units = 10 }}"#
    );
    for optimizer in [ADAM, SGD] {
        assert_verified("a mean of zero", &layers, optimizer, 32);
    }
}

/// Rows as a user's own net has them, and whatever stands before or behind a norm.
const ROWS: [&str; 3] = [
    r#"{ name = "flatten", kind = "flatten" },
       { name = "fc1", kind = "dense", units = 40 },
       { name = "norm1", NORM },
       { name = "relu1", kind = "relu" },
       { name = "drop", kind = "dropout", rate = 0.25 },
       { name = "fc2", kind = "dense", units = 16 },
       { name = "relu2", kind = "relu" },
       { name = "norm2", NORM },
       { name = "fc3", kind = "dense", units = 10 }"#,
    r#"{ name = "flatten", kind = "flatten" },
       { name = "norm0", NORM },
       { name = "fc1", kind = "dense", units = 7 },
       { name = "norm1", NORM },
       { name = "again", NORM },
       { name = "fc2", kind = "dense", units = 7 },
       { name = "norm2", NORM },
       { name = "add", kind = "add", inputs = ["norm2", "again"] },
       { name = "relu", kind = "relu" },
       { name = "fc3", kind = "dense", units = 10 },
       { name = "norm3", NORM }"#,
    r#"{ name = "conv", CONV, filters = 5, stride = 4, bias = true },
       { name = "flatten", kind = "flatten" },
       { name = "norm0", NORM },
       { name = "double", kind = "add", inputs = ["norm0", "norm0"] },
       { name = "fc1", kind = "dense", units = 33 },
       { name = "relu1", kind = "relu" },
       { name = "mean", kind = "global_avg_pool", inputs = ["conv"] },
       { name = "norm1", NORM },
       { name = "fc2", kind = "dense", units = 33 },
       { name = "add", kind = "add", inputs = ["fc2", "relu1"] },
       { name = "norm2", NORM },
       { name = "fc3", kind = "dense", units = 10 }"#,
];

#[test]
fn batch_norms_of_rows_are_verified() {
    for rows in ROWS {
        let layers = rows.replace("NORM", NORM).replace("CONV", CONV);
        for isa in instruction_sets() {
            assert_verified_on(isa, "rows", &layers, ADAM, 17);
        }
        assert_verified("rows", &layers, SGD, 2);
    }
}

#[test]
fn a_layer_may_be_added_to_itself() {
    for before in [
        format!(r#"{{ name = "x", {CONV}, filters = 6, stride = 4, bias = true }}"#),
        format!(
            r#"{{ name = "conv", {CONV}, filters = 6, stride = 4, bias = true }},
               {{ name = "x", {NORM} }}"#
        ),
    ] {
        let layers = format!(
            r#"{before},
               {{ name = "add", kind = "add", inputs = ["x", "x"] }},
               {{ name = "relu", kind = "relu" }},
               {{ name = "conv1", {CONV}, filters = 5, stride = 2, bias = true }},
               {{ name = "flatten", kind = "flatten" }},
               {{ name = "fc", kind = "dense", units = 10 }}"#
        );
        assert_verified("added to itself", &layers, SGD, 8);
    }
}

/// In evaluation dropout is nothing, and both operands are one.
#[test]
fn a_norm_may_be_added_to_itself_behind_dropout() {
    let layers = format!(
        r#"{{ name = "conv", {CONV}, filters = 17, stride = 4, bias = true }},
           {{ name = "norm", {NORM} }},
           {{ name = "drop", kind = "dropout", rate = 0.3 }},
           {{ name = "add", kind = "add", inputs = ["drop", "norm"] }},
           {{ name = "flatten", kind = "flatten" }},
           {{ name = "fc", kind = "dense", units = 10 }}"#
    );
    assert_verified("added behind dropout", &layers, ADAM, 3);
}

/// The mean over all positions of one normed sample is the norm's bias: nothing before it matters, and
/// rounding is all that there is of its gradient.
#[test]
fn a_gradient_may_be_zero_but_for_rounding() {
    let layers = format!(
        r#"{{ name = "conv", {CONV}, filters = 17, stride = 3, bias = false }},
           {{ name = "norm", {NORM} }},
           {{ name = "mean", kind = "global_avg_pool" }},
           {{ name = "fc", kind = "dense", units = 10 }}"#
    );
    for optimizer in [ADAM, SGD] {
        assert_verified("mean of a norm", &layers, optimizer, 1);
    }
}

/// What may stand behind the last dense layer of a user's net.
const ENDINGS: [&[&str]; 4] = [&[], &[RELU], &[RELU, DROPOUT], &[DROPOUT]];
const RELU: &str = r#"{ name = "last_relu", kind = "relu" }"#;
const DROPOUT: &str = r#"{ name = "last_dropout", kind = "dropout", rate = 0.3 }"#;

/// The logits are whole where something is done to them, and partial sums where nothing is.
#[test]
fn a_net_may_end_with_anything() {
    let flatten = r#"{ name = "flatten", kind = "flatten" }"#.to_owned();
    let conv =
        format!(r#"{{ name = "conv", {CONV}, filters = 5, stride = 4, bias = true }},{flatten}"#);
    for before in [flatten, conv] {
        for (ending, batch_size) in ENDINGS.into_iter().zip([8, 1, 3, 17]) {
            let fc = r#"{ name = "fc", kind = "dense", units = 10 }"#;
            let layers = [&[before.as_str(), fc], ending].concat().join(",\n");
            for isa in instruction_sets() {
                assert_verified_on(isa, "ending", &layers, ADAM, batch_size);
            }
        }
    }
    let add = r#"{ name = "flatten", kind = "flatten" },
                 { name = "fc", kind = "dense", units = 10 },
                 { name = "relu", kind = "relu" },
                 { name = "add", kind = "add", inputs = ["fc", "relu"] }"#;
    let mean = format!(
        r#"{{ name = "conv", {CONV}, filters = 10, stride = 4, bias = true }},
           {{ name = "relu", kind = "relu" }},
           {{ name = "mean", kind = "global_avg_pool" }}"#
    );
    for layers in [add, &mean] {
        assert_verified("ending", layers, SGD, 8);
    }
}

#[test]
fn random_nets_are_verified() {
    for seed in 0..20 {
        let mut stream = Stream::new(seed, Purpose::Weights, 77);
        let layers = random_layers(&mut stream);
        let optimizer = [ADAM, SGD][pick(&mut stream, 2)];
        let batch_size = [1, 3, 8, 17][pick(&mut stream, 4)];
        assert_verified(&format!("net {seed}"), &layers, optimizer, batch_size);
    }
}

fn pick(stream: &mut Stream, choices: usize) -> usize {
    (stream.next_unit() * choices as f64) as usize
}

/// Some layers in a row, with sums of any two that have one shape: branches, norms before activations,
/// a layer added to itself. The first one makes the image small.
fn random_layers(stream: &mut Stream) -> String {
    let mut layers: Vec<String> = Vec::new();
    // Extent and channels of every layer's output.
    let mut shapes: Vec<(usize, usize)> = Vec::new();
    let mut last = None;
    for number in 0..3 + pick(stream, 6) {
        let (extent, channels) = last.map_or((28, 1), |last: usize| shapes[last]);
        let reads = last.map_or(String::new(), |last| format!(", inputs = [\"l{last}\"]"));
        let stride = if number == 0 { 4 } else { 1 + pick(stream, 2) };
        let size = 1 + pick(stream, 3);
        let after = extent.div_ceil(stride);
        let kind = if number == 0 {
            pick(stream, 3)
        } else {
            pick(stream, 9)
        };
        let window = format!("stride = {stride}, padding = \"same\"");
        let (layer, shape) = match kind {
            0 | 3 => {
                let (filters, bias) = ([3, 8, 17, 33][pick(stream, 4)], pick(stream, 2) == 1);
                let layer = format!(
                    "kind = \"conv2d\", filters = {filters}, kernel = {size}, {window}, bias = {bias}"
                );
                (layer, (after, filters))
            }
            1 => (
                format!("kind = \"max_pool\", size = {size}, {window}"),
                (after, channels),
            ),
            2 => (
                format!("kind = \"avg_pool\", size = {size}, {window}"),
                (after, channels),
            ),
            4 | 5 => (NORM.to_owned(), (extent, channels)),
            6 => ("kind = \"relu\"".to_owned(), (extent, channels)),
            7 => (
                "kind = \"dropout\", rate = 0.3".to_owned(),
                (extent, channels),
            ),
            _ => {
                let same: Vec<usize> = (0..number)
                    .filter(|other| shapes[*other] == (extent, channels))
                    .collect();
                let (one, other) = (number - 1, same[pick(stream, same.len())]);
                let layer = format!(
                    "{{ name = \"l{number}\", kind = \"add\", inputs = [\"l{one}\", \"l{other}\"] }}"
                );
                layers.push(layer);
                shapes.push((extent, channels));
                last = Some(number);
                continue;
            }
        };
        layers.push(format!("{{ name = \"l{number}\", {layer}{reads} }}"));
        shapes.push(shape);
        last = Some(number);
    }
    let end = ["flatten", "global_avg_pool"][pick(stream, 2)];
    layers.push(format!("{{ name = \"end\", kind = \"{end}\" }}"));
    layers.push("{ name = \"fc\", kind = \"dense\", units = 10 }".to_owned());
    layers.extend(
        ENDINGS[pick(stream, ENDINGS.len())]
            .iter()
            .map(|layer| (*layer).to_owned()),
    );
    layers.join(",\n")
}

#[test]
fn a_convolution_too_large_to_be_reached_is_refused() {
    let layers = r#"layer = [
        { name = "conv", kind = "conv2d", filters = 262144, kernel = 1, stride = 1, padding = "same", bias = false },
        { name = "mean", kind = "global_avg_pool" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let job = job(net(layers, SGD, 1), 1, 1);
    let refused = CpuEngine.compile(&job, &device("portable")).err();
    let Some(EngineError::Unsupported(what)) = refused else {
        panic!("it is refused as too large");
    };
    assert!(what.contains("conv") && what.contains("batch"), "{what}");
}
