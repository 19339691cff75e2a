//! Nets on images, and batch norms of rows: every layer of the vocabulary passes the gate, whatever is
//! fused, for odd sizes and batches.

mod common;
#[path = "../../cpu/tests/common/convolutions.rs"]
mod convolutions;
#[path = "../../cpu/tests/common/joins.rs"]
mod joins;

use common::{ADAM, adapter, job, net};
use laptime_engine::{Job, Passes, gate::verify};
use laptime_gpu::GpuEngine;
use laptime_graph::FusionKind;
use laptime_workload::random::{Purpose, Stream};

const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9\n";

/// A net with every kind of layer but dropout and the flattened image: a strided convolution, a bottleneck with projection,
/// an identity shortcut, all pools.
const RESIDUAL: &str = r#"layer = [
    { name = "stem", kind = "conv2d", filters = 20, kernel = 7, stride = 2, padding = [3, 3, 3, 3], bias = true },
    { name = "bn0", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu0", kind = "relu" },
    { name = "pool", kind = "max_pool", size = 3, stride = 2, padding = [1, 1, 1, 1] },
    { name = "a1", kind = "conv2d", filters = 8, kernel = 1, stride = 2, padding = "valid", bias = true },
    { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu1", kind = "relu" },
    { name = "a2", kind = "conv2d", filters = 17, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "p", kind = "conv2d", inputs = ["pool"], filters = 17, kernel = 1, stride = 2, padding = "valid", bias = false },
    { name = "bnp", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add1", kind = "add", inputs = ["bn2", "bnp"] },
    { name = "relu2", kind = "relu" },
    { name = "b1", kind = "conv2d", filters = 17, kernel = 3, stride = 1, padding = "same", bias = false },
    { name = "bn3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add2", kind = "add", inputs = ["bn3", "relu2"] },
    { name = "relu3", kind = "relu" },
    { name = "gap", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

/// Convolutions with biases that do train, dropout, and a flattened image.
const VGG: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 6, kernel = 3, stride = 2, padding = "same", bias = true },
    { name = "relu1", kind = "relu" },
    { name = "avg", kind = "avg_pool", size = 3, stride = 2, padding = "same" },
    { name = "c2", kind = "conv2d", filters = 18, kernel = [3, 2], stride = [2, 1], padding = "valid", bias = true },
    { name = "relu2", kind = "relu" },
    { name = "drop1", kind = "dropout", rate = 0.25 },
    { name = "flatten", kind = "flatten" },
    { name = "fc1", kind = "dense", units = 30 },
    { name = "relu3", kind = "relu" },
    { name = "drop2", kind = "dropout", rate = 0.5 },
    { name = "fc2", kind = "dense", units = 10 },
]"#;

/// Batch norms of rows: of the flattened image, behind dense layers, with a sum behind one, and last.
const ROWS: &str = r#"layer = [
    { name = "flatten", kind = "flatten" },
    { name = "norm0", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "fc1", kind = "dense", units = 21 },
    { name = "norm1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu1", kind = "relu" },
    { name = "drop", kind = "dropout", rate = 0.25 },
    { name = "fc2", kind = "dense", units = 21 },
    { name = "norm2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add", kind = "add", inputs = ["norm2", "relu1"] },
    { name = "relu2", kind = "relu" },
    { name = "fc3", kind = "dense", units = 10 },
    { name = "norm3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
]"#;

#[test]
fn batch_norms_of_rows_are_verified() {
    let Some(device) = adapter() else { return };
    for (optimizer, batch_size) in [(ADAM, 8), (SGD, 5)] {
        for passes in [Passes::All, Passes::Only(Vec::new())] {
            let workload = net("fashion-mnist", ROWS, optimizer, batch_size);
            let job = Job {
                passes: passes.clone(),
                ..job(workload, 20 * batch_size + 3)
            };
            let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
            assert!(verdict.is_verified(), "{verdict}: {passes:?}");
        }
    }
}

/// Layer norms of the pixels, of images and of rows. Pixels of three channels: of one, the norm is nothing but
/// the rounding of x - x, and an adapter that contracts the division of the pixel into it makes something of that.
const LAYER_NORMS: &str = r#"layer = [
    { name = "n0", kind = "layer_norm", epsilon = 1e-3 },
    { name = "c1", kind = "conv2d", filters = 5, kernel = 3, stride = 4, padding = "same", bias = true },
    { name = "n1", kind = "layer_norm", epsilon = 1e-3 },
    { name = "relu1", kind = "relu" },
    { name = "flatten", kind = "flatten" },
    { name = "n2", kind = "layer_norm", epsilon = 1e-3 },
    { name = "fc1", kind = "dense", units = 70 },
    { name = "n3", kind = "layer_norm", epsilon = 1e-5 },
    { name = "relu2", kind = "relu" },
    { name = "fc2", kind = "dense", units = 10 },
    { name = "n4", kind = "layer_norm", epsilon = 1e-3 },
]"#;

#[test]
fn layer_norms_are_verified() {
    let Some(device) = adapter() else { return };
    for (optimizer, batch_size, passes) in
        [(ADAM, 8, Passes::All), (SGD, 5, Passes::Only(Vec::new()))]
    {
        let workload = net("cifar-10", LAYER_NORMS, optimizer, batch_size);
        let job = Job {
            passes,
            ..job(workload, 20 * batch_size + 3)
        };
        let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
        assert!(verdict.is_verified(), "{verdict}");
    }
}

/// Depthwise convolutions, with and without a bias and a norm behind.
const DEPTHWISE: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 19, kernel = 3, stride = 2, padding = "same", bias = false },
    { name = "d1", kind = "conv2d", filters = 19, kernel = 3, stride = 2, padding = "same", bias = true, groups = 19 },
    { name = "r1", kind = "relu" },
    { name = "d2", kind = "conv2d", filters = 19, kernel = [2, 3], stride = [1, 2], padding = [1, 0, 2, 1], bias = false, groups = 19 },
    { name = "n2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "a2", kind = "hard_swish" },
    { name = "c2", kind = "conv2d", filters = 17, kernel = 1, stride = 1, padding = "valid", bias = false },
    { name = "gap", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

/// With Adam and all passes, and with SGD and none.
#[track_caller]
fn are_verified(layers: &str) {
    let Some(device) = adapter() else { return };
    for (optimizer, batch_size, passes) in
        [(ADAM, 8, Passes::All), (SGD, 5, Passes::Only(Vec::new()))]
    {
        let workload = net("fashion-mnist", layers, optimizer, batch_size);
        let job = Job {
            passes,
            ..job(workload, 20 * batch_size + 3)
        };
        let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
        assert!(verdict.is_verified(), "{verdict}");
    }
}

#[test]
fn depthwise_convolutions_are_verified() {
    are_verified(DEPTHWISE);
}

#[test]
fn joins_and_groups_are_verified() {
    are_verified(joins::LAYERS);
}

#[test]
fn dilated_and_transposed_convolutions_are_verified() {
    are_verified(convolutions::DILATED);
    are_verified(convolutions::TRANSPOSED);
}

#[test]
fn nets_on_images_are_verified() {
    let Some(device) = adapter() else { return };
    for (layers, optimizer, batch_size) in [
        (RESIDUAL, ADAM, 8),
        (RESIDUAL, SGD, 3),
        (VGG, ADAM, 5),
        (VGG, SGD, 6),
    ] {
        let job = job(
            net("fashion-mnist", layers, optimizer, batch_size),
            20 * batch_size + 3,
        );
        let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
        assert!(verdict.is_verified(), "{verdict}: batch {batch_size}");
    }
}

#[test]
fn every_pass_of_a_residual_net_can_be_switched_off() {
    let Some(device) = adapter() else { return };
    let names = FusionKind::ALL.map(|kind| kind.to_string());
    let mut choices = vec![Vec::new()];
    for off in &names {
        choices.push(names.iter().filter(|name| *name != off).cloned().collect());
    }
    for on in choices {
        let passes = Passes::Only(on);
        let workload = net("fashion-mnist", RESIDUAL, ADAM, 4);
        let job = Job {
            passes: passes.clone(),
            ..job(workload, 80)
        };
        let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
        assert!(verdict.is_verified(), "{verdict}: {passes:?}");
    }
}

/// Convolutions and pools of any window, channels and batch: what no built-in workload has.
#[test]
fn convolutions_and_pools_of_any_shape_are_verified() {
    let Some(device) = adapter() else { return };
    for number in 0..5 {
        let mut stream = Stream::new(5, Purpose::Resample, number);
        let mut draw = |from: u32, to: u32| from + stream.next_below(to + 1 - from);
        let window = |kernel: [u32; 2], stride: [u32; 2], padding: [u32; 4]| {
            format!("stride = {stride:?}, padding = {padding:?}, kernel = {kernel:?}")
        };
        let mut conv = |name: &str, filters: u32| {
            let kernel = [draw(1, 4), draw(1, 4)];
            let stride = [draw(1, 3), draw(1, 3)];
            let padding = [draw(0, 2), draw(0, 2), draw(0, 2), draw(0, 2)]
                .map(|p| p.min(kernel[0].min(kernel[1]) - 1));
            let bias = draw(0, 1) == 1;
            format!(
                "{{ name = \"{name}\", kind = \"conv2d\", filters = {filters}, bias = {bias}, {} }},\n",
                window(kernel, stride, padding)
            )
        };
        let first = conv("c1", 3 + 13 * number);
        let second = conv("c2", 70 - 15 * number);
        let pool = ["max_pool", "avg_pool"][number as usize % 2];
        let layers = format!(
            "layer = [\n{first}{{ name = \"r1\", kind = \"relu\" }},\n\
             {{ name = \"pool\", kind = \"{pool}\", size = 3, stride = 2, padding = [1, 0, 0, 1] }},\n\
             {second}{{ name = \"n\", kind = \"batch_norm\", epsilon = 1e-3, momentum = 0.9 }},\n\
             {{ name = \"r2\", kind = \"relu\" }},\n\
             {{ name = \"gap\", kind = \"global_avg_pool\" }},\n\
             {{ name = \"fc\", kind = \"dense\", units = 10 }},\n]"
        );
        let dataset = ["cifar-10", "fashion-mnist"][number as usize / 2 % 2];
        let batch_size = 1 + number as usize;
        let workload = net(dataset, &layers, ADAM, batch_size);
        let verdict = verify(&GpuEngine::new(), &job(workload, 20 * batch_size), &device).unwrap();
        assert!(verdict.is_verified(), "{verdict}: {layers}");
    }
}
