//! The choice of a device, from the command line to the record.

#[cfg(target_os = "linux")]
use crate::support::Done;
use crate::support::{Home, SHORT, done, json, schema::misfits};
use serde_json::Value;

/// Runs the program where no Vulkan driver can be found: there is no adapter then, unless the system
/// has others than Vulkan's.
#[cfg(target_os = "linux")]
fn without_adapters(home: &Home, arguments: &str) -> Done {
    let mut command = home.command(arguments);
    command
        .env("VK_DRIVER_FILES", "/nowhere")
        .env("VK_ICD_FILENAMES", "/nowhere");
    done(command)
}

#[cfg(target_os = "linux")]
#[test]
fn a_gpu_that_is_not_there_is_no_reason_to_train_on_something_else() {
    let home = Home::new();
    for arguments in [
        "run --data synthetic --device gpu",
        "run --data synthetic --device gpu:0",
        "verify --device gpu",
    ] {
        let done = without_adapters(&home, arguments);
        assert_eq!(done.code, Some(2), "{arguments}: {}", done.stderr);
        for words in [
            "--device gpu",
            "no graphics adapter",
            "looked for",
            "Vulkan",
        ] {
            assert!(done.stderr.contains(words), "{arguments}: {}", done.stderr);
        }
    }
    assert!(home.records().is_empty());
    let done = without_adapters(&home, "explain --device gpu");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("an assumed card"), "{}", done.stdout);
    assert!(
        done.stderr.contains("--peaks names a real one"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("VK_DRIVER_FILES"), "{}", done.stderr);
}

/// Debian 12's Vulkan loader crashes over a list where it expects an object; others say that there is no driver.
#[cfg(target_os = "linux")]
#[test]
fn a_loader_that_crashes_costs_no_more_than_adapters() {
    let home = Home::new();
    std::fs::write(home.path("driver.json"), "[1, 2]").expect("it is a temporary folder");
    let told = |arguments: &str| {
        let mut command = home.command(arguments);
        for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
            command.env(variable, home.path("driver.json"));
        }
        done(command)
    };
    let devices = told("devices");
    assert!(devices.stdout.starts_with("cpu "), "{}", devices.stdout);
    for arguments in [
        "run --data synthetic --device gpu",
        "verify --device gpu",
        "sweep --data synthetic --device gpu",
        "explain --device gpu:0",
        "devices",
    ] {
        let done = told(arguments);
        assert!(
            matches!(done.code, Some(0..=2)),
            "{arguments}: {:?}",
            done.code
        );
        let says = [done.stdout, done.stderr].concat();
        assert!(
            says.contains("adapter") || says.contains("gpu    none"),
            "{arguments}: {says}"
        );
        assert!(says.contains("VK_DRIVER_FILES"), "{arguments}: {says}");
    }
}

#[test]
fn auto_takes_no_emulated_adapter() {
    let home = Home::new();
    let done = home.laptime(&format!("{SHORT} --export-json r.json"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(json(&home.path("r.json"))["device"]["software"], false);
}

/// A Vulkan driver that is loaded stays in memory, tens of megabytes of it. The loader tells of
/// itself where it is asked to.
#[cfg(target_os = "linux")]
#[test]
fn a_process_that_trains_on_the_processor_loads_no_driver() {
    let home = Home::new();
    let told = |arguments: &str| {
        let mut command = home.command(arguments);
        command.env("VK_LOADER_DEBUG", "all");
        let done = done(command);
        assert_eq!(done.code, Some(0), "{arguments}: {}", done.stderr);
        done.stderr.contains("Vulkan Loader") || done.stderr.contains("libvulkan")
    };
    if !told("devices") {
        eprintln!("skipped: no Vulkan loader");
        return;
    }
    for device in ["cpu", "auto"] {
        assert!(!told(&format!("{SHORT} --device {device}")), "{device}");
    }
}

#[test]
fn bf16_is_explained_for_a_gpu_as_a_format_of_memory() {
    let home = Home::new();
    for (precision, is_packed) in [("fp32", false), ("bf16", true)] {
        let mut command = home.command(&format!(
            "explain cifar10-resnet50 --device gpu --precision {precision}"
        ));
        command.args(["--peaks", "13.4T,616G,68"]);
        let done = done(command);
        assert_eq!(done.code, Some(0), "{precision}: {}", done.stderr);
        let says = done.stdout.contains("rows of 64 in bf16, in pairs");
        assert_eq!(says, is_packed, "{precision}: {}", done.stdout);
        // Rounding is done by kernels that are there anyway.
        assert!(
            done.stdout.contains("a training step: 275 dispatches"),
            "{precision}"
        );
    }
}

#[test]
fn an_adapter_trains_and_the_record_proves_it() {
    let home = Home::new();
    let devices = home.laptime("devices");
    assert_eq!(devices.code, Some(0), "{}", devices.stderr);
    assert!(devices.stdout.contains("GFLOP/s"), "{}", devices.stdout);
    if !devices.stdout.contains("gpu:0") {
        eprintln!("skipped: no adapter; Debian's mesa-vulkan-drivers has an emulated one");
        return;
    }
    std::fs::write(home.path("small.toml"), SMALL).expect("it is a temporary folder");
    let done = home
        .laptime("run small.toml --data synthetic --max-steps 4 --device gpu --export-json r.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = json(&home.path("r.json"));
    assert_eq!(record["device"]["kind"], "gpu");
    assert_eq!(record["gate"]["verdict"], "verified");
    assert!(record["device"]["driver"].is_string(), "{record}");
    assert!(record["device"]["dispatches_per_step"].is_u64(), "{record}");
    assert_eq!(record["device_trial"], Value::Null);
    if devices.stdout.contains("timestamps") {
        assert!(record["device"]["device_step_s"].is_f64(), "{record}");
    }
    let schema: Value = serde_json::from_str(&home.laptime("schema").stdout).expect("it is JSON");
    assert_eq!(misfits(&schema, &schema, &record, ""), [""; 0]);
    let is_software = devices.stdout.contains("software: emulated");
    assert_eq!(record["device"]["software"], is_software);
    assert_eq!(
        done.stderr.contains("is not a graphics card"),
        is_software,
        "{}",
        done.stderr
    );
    assert_eq!(
        record["warnings"].as_array().map(Vec::len),
        // One is that the data are synthetic.
        Some(1 + usize::from(is_software))
    );

    let missing = home.laptime("run --data synthetic --device gpu:77");
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
    assert!(
        missing.stderr.contains("--device gpu:77"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_training_in_parts_is_the_training_in_one_go_on_an_adapter_too() {
    let home = Home::new();
    let net = home.path("small.toml");
    std::fs::write(net, SMALL).expect("it is a temporary folder");
    let run = |arguments: &str| {
        let small = "run small.toml --data synthetic --device gpu";
        home.laptime(&format!("{small} {arguments}"))
    };
    let one = run("--max-steps 9 --export-json one.json --save one.safetensors");
    if one.stderr.contains("no graphics adapter") {
        eprintln!("skipped: no adapter; Debian's mesa-vulkan-drivers has an emulated one");
        return;
    }
    assert_eq!(one.code, Some(0), "{}", one.stderr);
    for steps in [4, 9] {
        let kept = "--checkpoint kept --resume --export-json parts.json --save parts.safetensors";
        let done = run(&format!("{kept} --max-steps {steps}"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let says = format!("checkpoint saved at step {steps}");
        assert!(done.stderr.contains(&says), "{}", done.stderr);
    }
    let [one, parts] = ["one", "parts"].map(|name| {
        let saved = std::fs::read(home.path(&format!("{name}.safetensors")));
        let run = json(&home.path(&format!("{name}.json")))["runs"][0].clone();
        let epoch = ["metrics", "samples"].map(|of| run["epochs"][0][of].clone());
        (saved.expect("it was saved"), epoch, run["test"].clone())
    });
    assert_eq!(parts.1, one.1);
    assert_eq!(parts.2, one.2);
    assert!(parts.0 == one.0);
}

/// Little enough for an emulator to test on 10,000 samples at once.
const SMALL: &str = r#"
name = "small"
layer = [
    { name = "flatten", kind = "flatten" },
    { name = "fc", kind = "dense", units = 10 },
]
[data]
dataset = "fashion-mnist"
pixel_divisor = 255
[training]
batch_size = 128
epochs = 1
shuffle = true
seed = 1
precision = "fp32"
loss = "softmax-cross-entropy"
[optimizer]
kind = "adam"
learning_rate = 1e-3
beta1 = 0.9
beta2 = 0.999
epsilon = 1e-7
"#;
