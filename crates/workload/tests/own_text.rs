//! A text in a spec: what is read, and what is told where it cannot be.

use std::fs;

use laptime_workload::{
    Embedding, LayerKind, Overrides, Spec, Workload,
    dataset::{self, Dtype, LoadOptions, Silent},
};

/// The workload of a spec with these keys of `[data]` and these layers, beside a text.
fn resolved(data: &str, loss: &str, layers: &str) -> Result<Workload, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "abcdef".repeat(20)).unwrap();
    fs::write(folder.path().join("b.text"), "fedcba").unwrap();
    let text = format!(
        "name = \"net\"\nlayer = [{layers}]\n[data]\n{data}\n[training]\nbatch_size = 2\nepochs = 1\n\
         shuffle = true\nseed = 1\nprecision = \"fp32\"\nloss = \"{loss}\"\n\
         [optimizer]\nkind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.0\n"
    );
    let path = folder.path().join("net.toml");
    fs::write(&path, text).unwrap();
    let spec = Spec::read(&path).map_err(|error| error.to_string())?;
    let workload = spec.resolve(&Overrides::default());
    workload.map_err(|error| error.to_string())
}

const CLASSES: &str = "softmax-cross-entropy";
const TEXT: &str =
    "name = \"mine\"\ntrain = \"a.txt\"\nunit = \"character\"\ncontext = 4\nstride = 1\n";
const LAYERS: &str = "{ kind = \"embedding\", dimension = 3, deviation = 1.0 }, { kind = \"flatten\" }, \
                      { kind = \"dense\", units = 6 }";

#[test]
fn a_text_becomes_windows_and_a_table_has_a_row_for_each_symbol() {
    let workload = resolved(&format!("{TEXT}test_fraction = 0.25"), CLASSES, LAYERS).unwrap();
    let description = workload.dataset.description();
    assert_eq!(description.classes, 6);
    assert_eq!(
        [description.train_samples, description.test_samples],
        [86, 26]
    );
    let input = description.input();
    assert_eq!(
        (input.dtype, &input.shape[..], input.symbols),
        (Dtype::U8, &[4][..], Some(6))
    );
    assert_eq!(workload.pixel_divisor, 1.0);
    let table = Embedding {
        dimension: 3,
        deviation: 1.0,
        symbols: 6,
    };
    assert_eq!(workload.layers[0].kind, LayerKind::Embedding(table));
    assert_eq!(workload.layers[0].output, [1, 4, 3]);
    // As a child process is told of it.
    let told = serde_json::to_string(&workload).unwrap();
    let read: Workload = serde_json::from_str(&told).unwrap();
    assert_eq!(read, workload);
    // The second ends otherwise, and is a text as it is told how to read one.
    let other = format!("{TEXT}test = \"b.text\"").replace("context = 4", "context = 2");
    let bytes = other.replace("character", "byte");
    let layers = LAYERS.replace("units = 6", "units = 256");
    let of_bytes = resolved(&bytes, CLASSES, &layers).unwrap();
    assert_eq!(of_bytes.dataset.description().classes, 256);
    let other = resolved(&other, CLASSES, LAYERS).unwrap();
    assert_eq!(other.dataset.description().test_samples, 4);
    let loaded = dataset::load(&other.dataset, &LoadOptions::default(), &mut Silent).unwrap();
    assert_eq!(loaded.dataset.test.arrays[0].bytes[..2], [5, 4]);
    assert_eq!(loaded.dataset.class_names.len(), 6);
}

#[test]
fn what_is_wrong_is_told() {
    let end = format!("{TEXT}test_fraction = 0.25");
    let dense_alone = "{ kind = \"dense\", units = 6 }";
    let twice = "{ kind = \"embedding\", dimension = 3, deviation = 1.0 }, \
                 { kind = \"embedding\", dimension = 3, deviation = 1.0 }";
    let table = [
        (
            &end[..],
            "mean-squared-error",
            LAYERS,
            "the next symbol is learnt",
        ),
        (
            &end,
            CLASSES,
            dense_alone,
            "a dense layer reads numbers, but the input is a text: each value is one of 6 symbols",
        ),
        (
            &end,
            CLASSES,
            twice,
            "an embedding layer reads the symbols of a text",
        ),
        (
            TEXT,
            CLASSES,
            LAYERS,
            "test_fraction = 0.1 for the end of the text",
        ),
        (
            "name = \"mine\"\ntrain = \"a.txt\"\ntest_fraction = 0.25",
            CLASSES,
            LAYERS,
            "context",
        ),
        (
            &format!("{end}\nsplit_seed = 1"),
            CLASSES,
            LAYERS,
            "split_seed",
        ),
        (
            &format!("{end}\npixel_divisor = 255"),
            CLASSES,
            LAYERS,
            "pixel_divisor",
        ),
        (
            &end.replace("context = 4", "context = 0"),
            CLASSES,
            LAYERS,
            "context",
        ),
        (
            &end.replace("context = 4", "context = 40"),
            CLASSES,
            LAYERS,
            "one sample needs 41",
        ),
        (
            &end.replace("character", "word"),
            CLASSES,
            LAYERS,
            "unknown unit",
        ),
        (&end.replace("a.txt", "c.txt"), CLASSES, LAYERS, "c.txt"),
    ];
    for (data, loss, layers, expected) in table {
        let message = resolved(data, loss, layers).unwrap_err();
        assert!(message.contains(expected), "{message}\n{expected}");
    }
}
