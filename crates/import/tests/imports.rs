//! Models as PyTorch and Keras export them (`tests/models.py`): the spec that each becomes, as a golden file, and
//! that the oracle gives the logits of the framework with the imported weights.

use std::{collections::HashMap, env, fs, path::PathBuf};

use laptime_graph::{Mode, State, build};
use laptime_import::{Imported, Options, import};
use laptime_reference::Reference;
use laptime_workload::{Overrides, Spec, Workload, dataset::Samples};
use serde_json::Value;

const SAMPLES: usize = 2;

/// LAPTIME_MODELS is a folder of models that are too large to be kept.
fn folder() -> PathBuf {
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    env::var_os("LAPTIME_MODELS").map_or_else(own, PathBuf::from)
}

fn names() -> Vec<String> {
    let entries = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_model = |path: &PathBuf| {
        let ending = path.extension();
        ending.is_some_and(|ending| ending == "onnx" || ending == "keras")
    };
    let mut names: Vec<String> = entries
        .filter(is_model)
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn imported(name: &str) -> Result<Imported, String> {
    let is_there = |ending: &&str| folder().join(format!("{name}.{ending}")).exists();
    let ending = ["onnx", "keras"].into_iter().find(is_there).unwrap();
    let bytes = fs::read(folder().join(format!("{name}.{ending}"))).unwrap();
    let options = Options {
        name: name.into(),
        file_name: format!("{name}.{ending}"),
        weights: true,
        ..Options::default()
    };
    let beside = |file: &str, offset: u64, bytes: u64| {
        let (from, bytes) = (offset as usize, bytes as usize);
        let all = fs::read(folder().join(file)).map_err(|error| error.to_string())?;
        all.get(from..from + bytes)
            .map(<[u8]>::to_vec)
            .ok_or("too short".into())
    };
    import(bytes, &beside, &options).map_err(|error| error.to_string())
}

/// Looks at all models, and then tells all that is wrong.
fn of_each(look: fn(&str) -> Result<(), String>) {
    let wrong = names().into_iter().filter_map(|name| {
        let error = look(&name).err()?;
        Some(format!("{name}: {error}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_model_becomes_the_spec_of_its_golden_file() {
    of_each(|name| {
        let found = imported(name)?;
        let remarks = found
            .remarks
            .iter()
            .map(|remark| format!("# note: {remark}\n"));
        let found = format!("{}\n{}", found.spec, remarks.collect::<String>());
        let path = folder().join(format!("{name}.toml"));
        if env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&path, &found).unwrap();
        }
        match fs::read_to_string(&path).unwrap_or_default() == found {
            true => Ok(()),
            false => Err(format!(
                "another spec; UPDATE_EXPECTED=1 writes it anew:\n{found}"
            )),
        }
    });
}

#[test]
fn the_oracle_gives_the_frameworks_logits() {
    of_each(|name| {
        let imported = imported(name)?;
        if imported.lacks_dataset {
            return Ok(());
        }
        let spec = Spec::parse(&imported.spec, name).map_err(|error| error.to_string())?;
        let workload = spec
            .resolve(&Overrides::default())
            .map_err(|error| error.to_string())?;
        let expected = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let found = logits(&workload, &imported);
        let end = expected["end"].as_str().unwrap();
        let of_sample = found.len() / SAMPLES;
        let order = imported.output_order();
        for (sample, logits) in found.chunks(of_sample).enumerate() {
            let values = expected["values"][sample].as_array().unwrap();
            let values: Vec<f64> = values.iter().map(|value| value.as_f64().unwrap()).collect();
            let found = ended(logits, end);
            assert_eq!(found.len(), values.len(), "{name}");
            for (at, found) in found.iter().enumerate() {
                let expected = values[order.as_ref().map_or(at, |order| order[at])];
                if (found - expected).abs() > 1e-5 * (1.0 + expected.abs()) {
                    return Err(format!(
                        "sample {sample}, value {at}: {found}, not {expected}"
                    ));
                }
            }
            let largest = values
                .iter()
                .fold(0.0, |most: f64, one| most.max(one.abs()));
            assert!(largest > 1e-3, "{name}: {values:?} show nothing");
        }
        Ok(())
    });
}

/// What a model's end does with the logits, which laptime leaves to the loss.
fn ended(logits: &[f64], end: &str) -> Vec<f64> {
    let sum = logits.iter().map(|one| one.exp()).sum::<f64>();
    match end {
        "log_softmax" => logits.iter().map(|one| one - sum.ln()).collect(),
        "softmax" => logits.iter().map(|one| one.exp() / sum).collect(),
        _ => logits.to_vec(),
    }
}

/// The logits of the samples that `models.py` has, by the oracle.
fn logits(workload: &Workload, imported: &Imported) -> Vec<f64> {
    let program = build(workload, Mode::Evaluation, SAMPLES);
    let mut state = State::initial(&program, 1);
    let mut weights: HashMap<&str, _> = imported
        .weights
        .iter()
        .map(|one| (one.name.as_str(), one))
        .collect();
    for tensor in &mut state.tensors {
        let given = weights
            .remove(tensor.name.as_str())
            .unwrap_or_else(|| panic!("no {}", tensor.name));
        assert_eq!(given.shape, tensor.shape, "{}", tensor.name);
        tensor.values = given.values.iter().map(|one| f64::from(*one)).collect();
    }
    assert!(weights.is_empty(), "{:?}", weights.keys());
    let mut samples = Samples::zeros(&workload.columns(), SAMPLES);
    let input = &workload.columns()[workload.input_column()];
    let bytes = &mut samples.array_mut(&input.name).bytes;
    for (number, byte) in bytes.iter_mut().enumerate() {
        *byte = ((number * 37 + number * number / 5) % 256) as u8;
    }
    let mut reference = Reference::of_program(&program);
    reference.set_state(&state);
    reference.step(&samples);
    reference.value(program.logits).unwrap()
}
