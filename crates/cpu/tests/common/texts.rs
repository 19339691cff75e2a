//! Nets on a text: a perceptron over a window, as Bengio et al. (2003) have it, a convolution over it, and norms.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use laptime_workload::{Overrides, Spec, Workload};

struct Case {
    name: &'static str,
    unit: &'static str,
    context: usize,
    layers: &'static str,
    /// `[optimizer]`, and what else of `[training]`.
    rest: [&'static str; 2],
}

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7";

const CASES: &[Case] = &[
    Case {
        name: "perceptron",
        unit: "character",
        context: 6,
        layers: "{ kind = \"embedding\", dimension = 5, deviation = 1.0 }, { kind = \"flatten\" }, \
                 { kind = \"dense\", units = 20 }, { kind = \"tanh\" }, { kind = \"dense\", units = 21 }",
        rest: [ADAM, ""],
    },
    Case {
        name: "clipped",
        unit: "character",
        context: 3,
        layers: "{ kind = \"embedding\", dimension = 37, deviation = 0.5 }, { kind = \"flatten\" }, \
                 { kind = \"dense\", units = 21 }",
        rest: [
            "kind = \"adamw\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n\
             weight_decay = 0.3\nweights_only = true\nglobal_clip_norm = 0.05",
            "micro_batch_size = 3",
        ],
    },
    Case {
        name: "convolution",
        unit: "character",
        context: 9,
        layers: "{ kind = \"embedding\", dimension = 33, deviation = 1.0 }, \
                 { kind = \"conv2d\", filters = 18, kernel = [1, 3], stride = 1, padding = [0, 0, 2, 0], bias = true }, \
                 { kind = \"relu\" }, { kind = \"global_avg_pool\" }, { kind = \"dense\", units = 21 }",
        rest: ["kind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9", ""],
    },
    Case {
        name: "norms",
        unit: "byte",
        context: 4,
        layers: "{ kind = \"embedding\", dimension = 8, deviation = 1.0 }, \
                 { kind = \"batch_norm\", epsilon = 1e-3, momentum = 0.9 }, { kind = \"layer_norm\", epsilon = 1e-3 }, \
                 { kind = \"flatten\" }, { kind = \"dense\", units = 256 }",
        rest: [
            "kind = \"rmsprop\"\nlearning_rate = 0.001\nalpha = 0.99\nepsilon = 1e-3",
            "",
        ],
    },
];

/// Tests run side by side, and none may find another's text half written.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// The nets, in batches of this size; their text goes into a folder of its own in `folder`.
pub fn nets(folder: &Path, batch_size: usize) -> Vec<Workload> {
    let folder = &folder.join(CALLS.fetch_add(1, Relaxed).to_string());
    fs::create_dir_all(folder).unwrap();
    // Twenty-one different characters.
    let text = "colourless green ideas sleep furiously; ".repeat(20);
    fs::write(folder.join("text.txt"), text + "xkqb").unwrap();
    CASES
        .iter()
        .map(|case| net(case, folder, batch_size))
        .collect()
}

fn net(case: &Case, folder: &Path, batch_size: usize) -> Workload {
    let [optimizer, training] = case.rest;
    let text = format!(
        "name = \"net\"\nlayer = [{}]\n[data]\nname = \"{}\"\ntrain = \"text.txt\"\nunit = \"{}\"\ncontext = {}\n\
         stride = 2\ntest_fraction = 0.125\n[training]\nbatch_size = {batch_size}\nepochs = 1\nshuffle = true\n\
         seed = 1\nprecision = \"fp32\"\nloss = \"softmax-cross-entropy\"\n{training}\n[optimizer]\n{optimizer}\n",
        case.layers, case.name, case.unit, case.context
    );
    let path = folder.join(format!("{}-{batch_size}.toml", case.name));
    fs::write(&path, text).unwrap();
    let resolved = Spec::read(&path).and_then(|spec| spec.resolve(&Overrides::default()));
    resolved.unwrap_or_else(|error| panic!("{error}"))
}
