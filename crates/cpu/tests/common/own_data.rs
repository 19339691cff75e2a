//! Nets on data of one's own: on rows and images, bytes and floats, with classes, numbers and inputs to learn.

use std::{fs, path::Path};

use laptime_workload::{Overrides, Spec, Workload};

/// Samples in the files of [`net`].
const SAMPLES: usize = 8;

struct Case {
    name: &'static str,
    loss: &'static str,
    /// The type and the shape of a sample, as NumPy writes them.
    inputs: (&'static str, &'static str),
    targets: Option<(&'static str, &'static str)>,
    /// The class of the last sample.
    last_class: u16,
    layers: &'static str,
}

const CASES: &[Case] = &[
    Case {
        name: "regression",
        loss: "mean-squared-error",
        inputs: ("<f4", "13"),
        targets: Some(("<f4", "3")),
        last_class: 0,
        layers: "{ kind = \"dense\", units = 20 }, { kind = \"tanh\" }, { kind = \"dense\", units = 3 }",
    },
    Case {
        name: "one-number",
        loss: "mean-squared-error",
        inputs: ("|u1", "5, 4"),
        targets: Some(("<f4", "")),
        last_class: 0,
        layers: "{ kind = \"conv2d\", filters = 3, kernel = 3, stride = 1, padding = \"same\", bias = true }, \
                 { kind = \"relu\" }, { kind = \"flatten\" }, { kind = \"dense\", units = 1 }",
    },
    Case {
        name: "many-classes",
        loss: "softmax-cross-entropy",
        inputs: ("<f4", "9, 8, 2"),
        targets: Some(("<u2", "")),
        last_class: 299,
        layers: "{ kind = \"conv2d\", filters = 4, kernel = 3, stride = 2, padding = \"valid\", bias = false }, \
                 { kind = \"batch_norm\", epsilon = 1e-3, momentum = 0.9 }, { kind = \"relu\" }, \
                 { kind = \"global_avg_pool\" }, { kind = \"dense\", units = 300 }",
    },
    Case {
        name: "rows-of-bytes",
        loss: "softmax-cross-entropy",
        inputs: ("|u1", "17"),
        targets: Some(("|u1", "")),
        last_class: 2,
        layers: "{ kind = \"dense\", units = 3 }",
    },
    Case {
        name: "autoencoder",
        loss: "mean-squared-error",
        inputs: ("<f4", "3, 3"),
        targets: None,
        last_class: 0,
        layers: "{ kind = \"flatten\" }, { kind = \"dense\", units = 5 }, { kind = \"sigmoid\" }, \
                 { kind = \"dense\", units = 9 }",
    },
];

/// The nets, in batches of this size; their files go into `folder`.
pub fn nets(folder: &Path, batch_size: usize) -> Vec<Workload> {
    CASES
        .iter()
        .map(|case| net(case, folder, batch_size))
        .collect()
}

fn net(case: &Case, folder: &Path, batch_size: usize) -> Workload {
    let folder = folder.join(format!("{}-{batch_size}", case.name));
    fs::create_dir_all(&folder).unwrap();
    let (dtype, shape) = case.inputs;
    fs::write(folder.join("x.npy"), npy(dtype, shape, 0)).unwrap();
    let mut files =
        String::from("train_inputs = \"x.npy\"\ntest_fraction = 0.125\nsplit_seed = 1\n");
    if let Some((dtype, shape)) = case.targets {
        fs::write(folder.join("y.npy"), npy(dtype, shape, case.last_class)).unwrap();
        files += "train_targets = \"y.npy\"\n";
    }
    if dtype == "|u1" {
        files += "pixel_divisor = 100\n";
    }
    let text = format!(
        "name = \"net\"\nlayer = [{}]\n[data]\nname = \"{}\"\n{files}[training]\nbatch_size = {batch_size}\n\
         epochs = 1\nshuffle = true\nseed = 1\nprecision = \"fp32\"\nloss = \"{}\"\n[optimizer]\nkind = \"adam\"\n\
         learning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n",
        case.layers, case.name, case.loss
    );
    let path = folder.join("net.toml");
    fs::write(&path, text).unwrap();
    let resolved = Spec::read(&path).and_then(|spec| spec.resolve(&Overrides::default()));
    resolved.unwrap_or_else(|error| panic!("{error}"))
}

/// A file of zeros, with this in the last value where that is a class.
fn npy(dtype: &str, shape: &str, last: u16) -> Vec<u8> {
    let header =
        format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({SAMPLES}, {shape})}}");
    let extents = shape.split(", ").filter(|it| !it.is_empty());
    let values: usize = extents.map(|it| it.parse::<usize>().unwrap()).product();
    let bytes: usize = dtype[2..].parse().unwrap();
    let mut data = vec![0; SAMPLES * values * bytes];
    // The first three samples, so that one of them is trained on whatever the split is.
    for sample in data
        .chunks_exact_mut(values * bytes)
        .take(3)
        .filter(|_| last > 0)
    {
        sample.copy_from_slice(&last.to_le_bytes()[..bytes]);
    }
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &data].concat()
}
