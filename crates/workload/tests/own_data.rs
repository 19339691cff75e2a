//! Data of one's own in a spec: what is read, and what is told where it cannot be.

use std::{fs, path::Path};

use laptime_workload::{
    Overrides, Spec, Target, Workload,
    dataset::{self, Data, Dataset, Dtype, LoadOptions, Origin, Policy, Silent},
};
use tempfile::TempDir;

/// A folder with files and a spec.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.0.path().join(name), bytes).unwrap();
        self
    }

    fn spec(&self, data: &str, loss: &str, units: usize) -> Result<Spec, String> {
        let text = format!(
            "name = \"net\"\nlayer = [{{ kind = \"flatten\" }}, {{ kind = \"dense\", units = {units} }}]\n\
             [data]\n{data}\n[training]\nbatch_size = 2\nepochs = 1\nshuffle = true\nseed = 1\n\
             precision = \"fp32\"\nloss = \"{loss}\"\n\
             [optimizer]\nkind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.0\n"
        );
        let path = self.0.path().join("net.toml");
        fs::write(&path, text).unwrap();
        Spec::read(&path).map_err(|error| error.to_string())
    }

    fn resolved(&self, data: &str, loss: &str, units: usize) -> Result<Workload, String> {
        let spec = self.spec(data, loss, units)?;
        let resolved = spec.resolve(&Overrides::default());
        resolved.map_err(|error| error.to_string())
    }
}

fn loaded(workload: &Workload) -> Dataset {
    let loaded = dataset::load(&workload.dataset, &LoadOptions::default(), &mut Silent);
    loaded.unwrap().dataset
}

fn npy(dtype: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape}), }}");
    let length = (text.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), bytes].concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_le_bytes()).collect()
}

const CLASSES: &str = "softmax-cross-entropy";
const VALUES: &str = "mean-squared-error";
const ALL: &str = "name = \"mine\"\ntrain_inputs = \"x.npy\"\ntrain_targets = \"y.npy\"\n\
                   test_inputs = \"tx.npy\"\ntest_targets = \"ty.npy\"\npixel_divisor = 255";
const SPLIT: &str = "name = \"mine\"\ntrain_inputs = \"x.npy\"\ntrain_targets = \"y.npy\"\n\
                     test_fraction = 0.25\nsplit_seed = 1";

/// Four images of 2×3 with three classes, and one to test on.
fn images() -> Files {
    let files = Files::new();
    let pixels: Vec<u8> = (0..24).collect();
    files
        .write("x.npy", npy("|u1", "4, 2, 3", &pixels))
        .write("y.npy", npy("<u2", "4,", &[0, 0, 1, 0, 2, 0, 1, 0]))
        .write("tx.npy", npy("|u1", "1, 2, 3", &[9; 6]))
        .write("ty.npy", npy("|u1", "1", &[2]));
    files
}

#[test]
fn bytes_with_classes_are_as_they_are_in_the_files() {
    let workload = images().resolved(ALL, CLASSES, 3).unwrap();
    assert_eq!(workload.dataset.to_string(), "mine");
    assert_eq!(workload.input.to_string(), "2×3×1");
    assert_eq!((workload.classes, workload.target()), (3, Target::Class));
    let description = workload.dataset.description();
    assert_eq!(
        (description.train_samples, description.test_samples),
        (4, 1)
    );
    assert_eq!(description.label_column(), Some(1));
    let dataset = loaded(&workload);
    assert_eq!(dataset.origin, Origin::Own);
    assert_eq!(&dataset.description, description);
    let pixels: Vec<u8> = (0..24).collect();
    assert_eq!(dataset.train.arrays[0].bytes, pixels);
    assert_eq!(dataset.train.arrays[1].bytes, [0, 1, 2, 1]);
    assert_eq!(dataset.train.arrays[1].column.dtype, Dtype::U8);
    assert_eq!(dataset.test.arrays[1].bytes, [2]);
}

#[test]
fn a_regression_learns_numbers_of_standardized_rows() {
    let files = Files::new();
    files
        .write(
            "x.npy",
            npy(
                "<f4",
                "4, 2",
                &floats(&[1.0, 7.0, 3.0, 7.0, 1.0, 7.0, 3.0, 7.0]),
            ),
        )
        .write("y.npy", npy("<i4", "4", &[1, 0, 0, 0].repeat(4)));
    let data = format!("{SPLIT}\nstandardize = true");
    let workload = files.resolved(&data, VALUES, 1).unwrap();
    assert_eq!(workload.target(), Target::Values);
    assert_eq!(workload.pixel_divisor, 1.0);
    assert_eq!(workload.input.to_string(), "1×1×2");
    assert_eq!(workload.columns()[0].shape, [2]);
    let dataset = loaded(&workload);
    assert_eq!((dataset.train.count(), dataset.test.count()), (3, 1));
    let inputs = dataset.train.arrays[0].numbers();
    assert!(inputs.iter().sum::<f64>().abs() < 1e-6, "{inputs:?}");
    assert!(inputs.iter().skip(1).step_by(2).all(|it| *it == 0.0));
    assert_eq!(
        dataset.train.arrays[1].column.to_string(),
        "targets f32 [1]"
    );
    assert_eq!(dataset.train.arrays[1].numbers(), [1.0; 3]);
}

#[test]
fn without_targets_the_net_learns_its_input() {
    let data = SPLIT.replace("train_targets = \"y.npy\"\n", "pixel_divisor = 255\n");
    let workload = images().resolved(&data, VALUES, 6).unwrap();
    assert_eq!(workload.target(), Target::Input);
    assert_eq!(loaded(&workload).train.arrays.len(), 1);
}

#[test]
fn the_same_samples_have_the_same_sum_and_others_another() {
    let sum = |files: &Files| match files.resolved(ALL, CLASSES, 3).unwrap().dataset {
        Data::Own(own) => own.sha256,
        Data::Known(_) => unreachable!("it is mine"),
    };
    let files = images();
    let first = sum(&files);
    assert_eq!(first, sum(&images()));
    // Another type of the file, the same samples.
    files.write("y.npy", npy("|u1", "4,", &[0, 1, 2, 1]));
    assert_eq!(sum(&files), first);
    files.write("y.npy", npy("|u1", "4,", &[0, 1, 2, 0]));
    assert_ne!(sum(&files), first);
}

#[test]
fn whoever_reads_again_finds_the_same_samples_or_an_error() {
    let files = images();
    let workload = files.resolved(ALL, CLASSES, 3).unwrap();
    // As data: without paths, so that they must be told apart.
    let text = serde_json::to_string(&workload).unwrap();
    assert!(!text.contains(".npy"), "{text}");
    let mut told: Workload = serde_json::from_str(&text).unwrap();
    assert_eq!(told, workload);
    let (Data::Own(own), Data::Own(of_told)) = (&workload.dataset, told.dataset) else {
        panic!("it is mine");
    };
    assert!(of_told.load().is_err());
    told.dataset = Data::Own(Box::new(of_told.in_files(own.files().cloned())));
    let again = loaded(&told);
    assert_eq!(again.train, loaded(&workload).train);
    files.write("tx.npy", npy("|u1", "1, 2, 3", &[8; 6]));
    let error = dataset::load(&told.dataset, &LoadOptions::default(), &mut Silent).unwrap_err();
    assert!(error.to_string().contains("were changed since"), "{error}");
}

#[test]
fn samples_are_made_up_where_that_is_asked_for_and_none_are_official() {
    let workload = images().resolved(ALL, CLASSES, 3).unwrap();
    let load = |policy| {
        let options = LoadOptions {
            policy,
            ..LoadOptions::default()
        };
        dataset::load(&workload.dataset, &options, &mut Silent)
    };
    let dataset = load(Policy::Synthetic).unwrap().dataset;
    assert_eq!(
        (dataset.origin, dataset.train.count()),
        (Origin::Synthetic, 4)
    );
    let error = load(Policy::Official).unwrap_err().to_string();
    assert!(
        error.contains("--data official: mine is data of your own"),
        "{error}"
    );
}

#[test]
fn what_is_wrong_is_told_before_any_work() {
    let with = |from: &str, to: &str| ALL.replace(from, to);
    let table = [
        (with("\"x.npy\"", "\"no.npy\""), CLASSES, "no.npy: "),
        (
            with("\"x.npy\"", "\"net.toml\""),
            CLASSES,
            "files of arrays end in .npy",
        ),
        (
            with("\"y.npy\"", "\"bad.npy\""),
            CLASSES,
            "bad.npy: at byte 0: this is no .npy file",
        ),
        (
            with("\"y.npy\"", "\"long.npy\""),
            CLASSES,
            "it has 5 samples, but",
        ),
        (
            with("\"y.npy\"", "\"f.npy\""),
            CLASSES,
            "classes are one integer a sample",
        ),
        (
            with("\"ty.npy\"", "\"seven.npy\""),
            CLASSES,
            "a test sample has the class 7, but training samples have none above 2",
        ),
        (
            with("\"tx.npy\"", "\"wide.npy\""),
            CLASSES,
            "training samples are inputs u8 [2, 3, 1], targets u16 []",
        ),
        (
            with("\npixel_divisor = 255", ""),
            CLASSES,
            "nothing says how they are scaled",
        ),
        (
            with(
                "pixel_divisor = 255",
                "pixel_divisor = 255\nstandardize = true",
            ),
            CLASSES,
            "pixel_divisor is for inputs of bytes",
        ),
        (
            with("test_targets = \"ty.npy\"\n", ""),
            CLASSES,
            "one of train_targets and test_targets is there without",
        ),
        (
            with("train_targets = \"y.npy\"\n", ""),
            CLASSES,
            "the loss needs classes",
        ),
        (
            with("\"mine\"", "\"cifar-10\""),
            CLASSES,
            "is the name of a dataset that laptime knows",
        ),
        (
            with("pixel", "test_fraction = 0.5\npixel"),
            CLASSES,
            "and also a share of the others",
        ),
        (
            with("test_inputs = \"tx.npy\"\ntest_targets = \"ty.npy\"\n", ""),
            CLASSES,
            "does not say what is tested on",
        ),
        (
            with("\"mine\"", "\"mine\"\nshape = 3"),
            CLASSES,
            "unknown key \"shape\" in [data]",
        ),
        (ALL.into(), VALUES, "mine has 1 target values a sample"),
        (
            "name = \"mine\"".into(),
            CLASSES,
            "[data] has no \"train_inputs\"",
        ),
    ];
    let files = images();
    files
        .write("bad.npy", b"PK and so on")
        .write("long.npy", npy("|u1", "5", &[0; 5]))
        .write("f.npy", npy("<f4", "4", &[0; 16]))
        .write("seven.npy", npy("|u1", "1", &[7]))
        .write("wide.npy", npy("|u1", "1, 3, 3", &[7; 9]));
    for (data, loss, expected) in table {
        let message = files.resolved(&data, loss, 3).unwrap_err();
        assert!(
            message.contains(expected),
            "{message}\nexpected: {expected}"
        );
        assert!(message.contains("net.toml:"), "{message}");
    }
}

const TABLE: &str = "name = \"mine\"\ntrain = \"t.csv\"\ntest_fraction = 0.25\nsplit_seed = 1\n";

#[test]
fn a_table_has_numbers_to_learn_or_classes_by_name() {
    let files = Files::new();
    files.write(
        "t.csv",
        "a,b,price,kind\n1,2,30,dog\n3,4,70,cat\n5,6,110,cat\n7,8,150,dog\n",
    );
    let data = format!("{TABLE}target = \"price\"\ninputs = [\"b\", \"a\"]");
    let workload = files.resolved(&data, VALUES, 1).unwrap();
    assert_eq!(workload.target(), Target::Values);
    let dataset = loaded(&workload);
    assert_eq!((dataset.train.count(), dataset.test.count()), (3, 1));
    let inputs = dataset.train.arrays[0].numbers();
    let prices = dataset.train.arrays[1].numbers();
    for (input, price) in inputs.chunks(2).zip(prices) {
        assert_eq!(
            (input[0], 10.0 * (input[0] + input[1])),
            (input[1] + 1.0, price)
        );
    }
    let data = format!("{TABLE}target = [\"price\", \"a\"]\ninputs = [\"b\"]");
    let workload = files.resolved(&data, VALUES, 2).unwrap();
    assert_eq!(workload.columns()[1].shape, [2]);
    let data = format!("{TABLE}target = \"kind\"\nstandardize = true");
    let workload = files.resolved(&data, CLASSES, 2).unwrap();
    assert_eq!((workload.classes, workload.input.channels), (2, 3));
    let text = TABLE.replace("test_fraction = 0.25\nsplit_seed = 1", "test = \"u.csv\"");
    files.write("u.csv", "a,b,price,kind\n1,2,3,cow\n");
    let message = files
        .resolved(&format!("{text}target = \"kind\""), CLASSES, 2)
        .unwrap_err();
    assert!(
        message.contains("u.csv: no training sample has the class \"cow\""),
        "{message}"
    );
    let message = files
        .resolved(&format!("{TABLE}target = \"a\""), VALUES, 1)
        .unwrap_err();
    assert!(
        message.contains("t.csv: line 2, from byte 15, column \"kind\": \"dog\" is no finite"),
        "{message}"
    );
    let message = files.resolved(TABLE, CLASSES, 1).unwrap_err();
    assert!(
        message.contains("the loss needs classes, and there is no target"),
        "{message}"
    );
    let message = files
        .resolved(&TABLE.replace("t.csv", "x.npy"), VALUES, 1)
        .unwrap_err();
    assert!(
        message.contains("files of whole samples are tables"),
        "{message}"
    );
}

#[test]
fn idx_and_cifar_files_of_any_dataset_are_read_by_path() {
    let files = Files::new();
    let images = [
        &[0u8, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2][..],
        &[7; 8],
    ]
    .concat();
    let labels = [0u8, 0, 8, 1, 0, 0, 0, 4, 1, 0, 1, 1];
    files
        .write("x-idx3-ubyte", images)
        .write("y-idx1-ubyte", labels);
    let data = SPLIT
        .replace("x.npy", "x-idx3-ubyte")
        .replace("y.npy", "y-idx1-ubyte");
    let workload = files
        .resolved(&format!("{data}\npixel_divisor = 255"), CLASSES, 2)
        .unwrap();
    assert_eq!(
        (workload.classes, workload.input.to_string()),
        (2, "1×2×1".into())
    );
    let record = |fine: u8| [&[1, fine][..], &[9; 3072]].concat();
    files
        .write("a.bin", [record(2), record(99)].concat())
        .write("b.bin", record(3));
    let data =
        "name = \"mine\"\ntrain = [\"a.bin\", \"b.bin\"]\ntest = \"b.bin\"\npixel_divisor = 255\n";
    let workload = files
        .resolved(&format!("{data}target = \"fine\""), CLASSES, 100)
        .unwrap();
    let dataset = loaded(&workload);
    assert_eq!(dataset.train.arrays[1].bytes, [2, 99, 3]);
    assert_eq!(dataset.test.count(), 1);
    let message = files
        .resolved(&format!("{data}target = \"label\""), CLASSES, 2)
        .unwrap_err();
    assert!(
        message.contains("records have 3073 bytes with this target"),
        "{message}"
    );
}

#[test]
fn a_spec_without_a_file_reads_none() {
    let spec = images().spec(ALL, CLASSES, 3).unwrap();
    drop(spec);
    let text = format!(
        "name = \"n\"\nlayer = [{{ kind = \"dense\", units = 3 }}]\n[data]\n{ALL}\n[training]\nbatch_size = 1\n\
         epochs = 1\nshuffle = true\nseed = 1\nprecision = \"fp32\"\nloss = \"{CLASSES}\"\n\
         [optimizer]\nkind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.0\n"
    );
    let spec = Spec::parse(&text, "text").unwrap();
    let message = spec.resolve(&Overrides::default()).unwrap_err().to_string();
    assert!(message.contains("put the spec into a file"), "{message}");
    let spec = Spec::from_reader(text.as_bytes(), "standard input", Path::new("nowhere")).unwrap();
    let message = spec.resolve(&Overrides::default()).unwrap_err().to_string();
    let file = Path::new("nowhere").join("x.npy").display().to_string();
    assert!(message.contains(&file), "{message}");
}

#[test]
fn a_folder_of_images_is_named_with_what_its_images_become() {
    let files = Files::new();
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/images");
    for (class, image) in [("0", "gray.jpg"), ("0", "gray.png"), ("2", "palette.png")] {
        let folder = files.0.path().join("all").join(class);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(corpus.join(image), folder.join(image)).unwrap();
    }
    let data = "name = \"mine\"\ntrain = \"all\"\ntest_fraction = 0.34\nsplit_seed = 1\npixel_divisor = 255\n\
                color_mode = \"grayscale\"\n";
    let workload = files.resolved(data, CLASSES, 3).unwrap();
    assert_eq!(
        (workload.input.to_string(), workload.classes),
        ("10×13×1".into(), 3)
    );
    let resized = format!("{data}height = 4\nwidth = 5\n");
    // Without classes to learn, a net learns its input.
    let workload = files.resolved(&resized, VALUES, 20).unwrap();
    assert_eq!(workload.target(), Target::Input);
    for (data, expected) in [
        (
            format!("{data}height = 4\n"),
            "height is there without width",
        ),
        (
            format!("{resized}target = \"x\"\n"),
            "unknown key \"target\" in [data]",
        ),
        (
            resized.replace("= 4", "= 5000"),
            "\"height\" must be at least 1 and at most 4096",
        ),
        (
            data.replace("\"all\"", "\"none/\""),
            "paths start at the spec's folder",
        ),
        (
            data.replace("\"grayscale\"", "\"gray\""),
            "unknown color_mode \"gray\"",
        ),
    ] {
        let message = files.resolved(&data, CLASSES, 3).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
}
