//! Data of one's own, from the files to a verified record.

use std::{fs, path::Path};

use crate::support::{Home, json, metric};

/// A table of two numbers and what they come to, and a net that learns it.
fn regression(home: &Home) {
    let mut table = String::from("a,b,sum\n");
    for row in 0..200 {
        let (a, b) = (row % 17, row % 5);
        table += &format!("{a},{b},{}\n", f64::from(2 * a - 3 * b) / 10.0);
    }
    fs::create_dir(home.path("nets")).expect("a folder");
    fs::write(home.path("nets/sums.csv"), table).expect("a file");
    let spec = "name = \"adder\"\n[data]\nname = \"sums\"\ntrain = \"sums.csv\"\ntarget = \"sum\"\n\
                test_fraction = 0.2\nsplit_seed = 1\nstandardize = true\n\
                [training]\nbatch_size = 32\nepochs = 40\nshuffle = true\nseed = 1\nprecision = \"fp32\"\n\
                loss = \"mean-squared-error\"\n[optimizer]\nkind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9\n\
                [[layer]]\nkind = \"dense\"\nunits = 1\n";
    fs::write(home.path("nets/adder.toml"), spec).expect("a file");
}

#[test]
fn a_regression_on_a_table_is_verified_and_learns() {
    let home = Home::new();
    regression(&home);
    let done = home.laptime("run nets/adder.toml --runs 2 --no-analysis --export-json r.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    assert_eq!(record["gate"]["verdict"], "verified");
    assert_eq!(record["dataset"]["source"], "own");
    assert_eq!(record["dataset"]["name"], "sums");
    assert_eq!(record["dataset"]["train_samples"], 160);
    assert_eq!(record["dataset"]["sample_unit"], "row");
    // The second run is another process, which reads the files for itself.
    for run in record["runs"].as_array().expect("a list") {
        let loss = metric(&run["test"], "loss").as_f64().expect("a number");
        assert!(loss < 1e-3, "a sum can be learnt: {loss}");
    }
    let text = fs::read_to_string(home.path("r.json")).expect("it was read");
    assert!(!text.contains("sums.csv"), "no path gets into a record");
}

#[test]
fn what_is_in_a_file_is_shown() {
    let home = Home::new();
    regression(&home);
    let shown = |what: &str| {
        let done = home.laptime(&format!("data show {what}"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done.stdout
    };
    let table = shown("nets/sums.csv");
    assert!(
        table.contains("  b    number  200  0 to 4       0 1 2 3 4 0 …\n"),
        "{table}"
    );
    let samples = shown("nets/adder.toml");
    assert!(
        samples.starts_with("sums: 160 training and 40 test samples\n  SHA-256 "),
        "{samples}"
    );
    assert!(
        samples.contains("train inputs   f32  160 of 2"),
        "{samples}"
    );
    let done = home.laptime("data show nets/none.npz");
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(done.stderr.contains("nets/none.npz"), "{}", done.stderr);
}

#[test]
fn a_folder_of_images_is_trained_on_and_its_classes_are_shown() {
    let home = Home::new();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/images");
    for part in ["train", "test"] {
        for (class, image) in [("cat", "gray.jpg"), ("dog", "color.png")] {
            let folder = home.path(&format!("pets/{part}/{class}"));
            fs::create_dir_all(&folder).expect("a folder");
            for number in 0..4 {
                fs::copy(corpus.join(image), folder.join(format!("{number}-{image}")))
                    .expect("it is copied");
            }
        }
    }
    let spec = "name = \"pets-net\"\nlayer = [{ kind = \"flatten\" }, { kind = \"dense\", units = 2 }]\n\
                [data]\nname = \"pets\"\ntrain = \"pets/train\"\ntest = \"pets/test/\"\nheight = 8\nwidth = 6\n\
                color_mode = \"rgb\"\npixel_divisor = 255\n\
                [training]\nbatch_size = 4\nepochs = 30\nshuffle = true\nseed = 1\nprecision = \"fp32\"\n\
                loss = \"softmax-cross-entropy\"\n[optimizer]\nkind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9\n";
    fs::write(home.path("pets.toml"), spec).expect("a file");
    let done = home.laptime("run pets.toml --runs 2 --no-analysis --export-json r.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    assert_eq!(record["gate"]["verdict"], "verified");
    assert_eq!(record["dataset"]["train_samples"], 8);
    for run in record["runs"].as_array().expect("a list") {
        assert_eq!(metric(&run["test"], "accuracy"), 1.0);
    }
    let shown = home.laptime("data show pets/train").stdout;
    assert!(
        shown.contains("cat  images  4  10×13×1  0-gray.jpg\n")
            && shown.contains("dog  images  4  10×13×3  0-color.png\n"),
        "{shown}"
    );
    let shown = home.laptime("data show pets.toml").stdout;
    assert!(
        shown.starts_with("pets: 8 training and 8 test samples, 2 classes\n  classes cat, dog\n"),
        "{shown}"
    );
    assert!(shown.contains("train inputs   u8  8 of 8×6×3"), "{shown}");
    fs::remove_dir_all(home.path("pets/test/dog")).expect("it was there");
    let done = home.laptime("run pets.toml");
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(
        done.stderr.contains("the class \"dog\" of") && done.stderr.contains("has no folder here"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_last_batch_that_is_dropped_leaves_a_whole_record() {
    let home = Home::new();
    regression(&home);
    let spec = fs::read_to_string(home.path("nets/adder.toml")).expect("it was written");
    let spec = spec.replace(
        "batch_size = 32\nepochs = 40",
        "batch_size = 48\ndrop_last = true\nepochs = 3",
    );
    fs::write(home.path("nets/adder.toml"), spec).expect("a file");
    let done = home.laptime("run nets/adder.toml --runs 2 --no-analysis --export-json r.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    assert_eq!(record["gate"]["verdict"], "verified");
    assert_eq!(record["partial"], false);
    assert_eq!(record["workload"]["drop_last"], true);
    assert_eq!(record["dataset"]["train_samples"], 160);
    for run in record["runs"].as_array().expect("a list") {
        for epoch in run["epochs"].as_array().expect("a list") {
            assert_eq!(epoch["samples"], 144);
        }
    }
    // Stopped within the second epoch, and resumed.
    let keep = "run nets/adder.toml --no-analysis --checkpoint c.safetensors";
    let done = home.laptime(&format!("{keep} --max-steps 5"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let done = home.laptime(&format!("{keep} --resume --export-json s.json"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let resumed = json(&home.path("s.json"));
    let loss = |record: &serde_json::Value| metric(&record["runs"][0]["test"], "loss").clone();
    assert_eq!(loss(&resumed), loss(&record));
    let done = home.laptime("records check r.json");
    assert!(
        !done.stderr.contains("partial"),
        "{} {}",
        done.stdout,
        done.stderr
    );
    let done = home.laptime("orders nets/adder.toml -o o.txt");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let orders = fs::read_to_string(home.path("o.txt")).expect("it is written");
    for line in orders.lines() {
        assert_eq!(line.split(' ').count(), 144);
    }
}

/// A text in which the next character follows from the last three, and the net of Bengio et al. (2003).
#[test]
fn a_text_is_trained_on_and_its_characters_are_shown() {
    let home = Home::new();
    fs::create_dir(home.path("nets")).expect("a folder");
    let verse = "round and round the rugged rock the ragged rascal ran\n";
    fs::write(home.path("nets/verse.txt"), verse.repeat(40)).expect("a file");
    let spec = "name = \"bengio\"\n[data]\nname = \"verse\"\ntrain = \"verse.txt\"\nunit = \"character\"\n\
                context = 8\nstride = 1\ntest_fraction = 0.1\n\
                [training]\nbatch_size = 32\nepochs = 8\nshuffle = true\nseed = 1\nprecision = \"fp32\"\n\
                loss = \"softmax-cross-entropy\"\n[optimizer]\nkind = \"adam\"\nlearning_rate = 0.01\n\
                beta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n\
                [[layer]]\nkind = \"embedding\"\ndimension = 6\ndeviation = 1.0\n[[layer]]\nkind = \"flatten\"\n\
                [[layer]]\nkind = \"dense\"\nunits = 32\n[[layer]]\nkind = \"tanh\"\n\
                [[layer]]\nkind = \"dense\"\nunits = 16\n";
    fs::write(home.path("nets/net.toml"), spec).expect("a file");
    let done = home.laptime(
        "run nets/net.toml --runs 2 --no-analysis --export-json r.json --save n.safetensors",
    );
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    assert_eq!(record["gate"]["verdict"], "verified");
    assert_eq!(record["dataset"]["train_samples"], 1944 - 8);
    assert_eq!(record["dataset"]["sample_unit"], "window");
    for run in record["runs"].as_array().expect("a list") {
        let accuracy = metric(&run["test"], "accuracy").as_f64();
        assert!(
            accuracy.is_some_and(|it| it > 0.95),
            "it can be learnt: {accuracy:?}"
        );
    }
    let text = fs::read_to_string(home.path("r.json")).expect("it was read");
    assert!(!text.contains("verse.txt"), "no path gets into a record");
    // What was trained can be gone on with, and is checked.
    let done = home.laptime("run nets/net.toml --init n.safetensors --max-steps 3 --runs 1");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let shown = |what: &str| {
        let done = home.laptime(&format!("data show {what}"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done.stdout
    };
    let file = shown("nets/verse.txt");
    assert!(
        file.contains("characters  text  2160  16 different: ' ' (360), "),
        "{file}"
    );
    let samples = shown("nets/net.toml");
    assert!(
        samples.contains("verse: 1936 training and 208 test samples, 16 classes\n  classes "),
        "{samples}"
    );
    assert!(
        samples.contains("train inputs   u8  1936 of 8  0 to 15"),
        "{samples}"
    );
}
