//! `laptime import`: a workload made of a model that was written elsewhere.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Component, Path, PathBuf},
};

use laptime_import::{Imported, Options, Training, Weights, import as import_model};
use laptime_workload::{Builtin, Shown, dataset::DataSource};
use safetensors::{Dtype, tensor::TensorView};

use super::init::typed;
use crate::{
    args::ImportArgs,
    exports::{Destination, Inputs, open_one},
    failure::Failure,
    output,
};

/// Reads the model, writes the spec and the weights, and says what to type next.
pub fn import(args: ImportArgs) -> Result<(), Failure> {
    let output = args.output.unwrap_or_else(|| output_of(&args.model));
    let of_name = if output == Path::new("-") {
        &args.model
    } else {
        &output
    };
    let name = name_of(of_name)?;
    if let Some(dataset) = &args.dataset {
        dataset.parse::<&DataSource>()?;
    }
    if !args.force && output.symlink_metadata().is_ok() {
        let path = Shown(&output);
        return Err(Failure::Usage(format!(
            "{path}: this file exists; give another with --output, or replace it with --force"
        )));
    }
    let mut inputs = Inputs::of(Some(&args.model), None, None);
    let spec_file = open_one("--output", "TOML", output.clone(), &inputs)?;
    inputs.add("the file of --output", output.clone());
    let weights_file = args.weights.map(|path| {
        let file = open_one("--weights", "safetensors", path.clone(), &inputs)?;
        Ok::<_, Failure>((path, file))
    });
    let weights_file = weights_file.transpose()?;
    let options = Options {
        name,
        file_name: args
            .model
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into(),
        weights: weights_file.is_some(),
        training: Training {
            dataset: args.dataset,
            loss: args.loss,
            batch_size: args.batch_size,
            epochs: args.epochs,
            pixel_divisor: None,
        },
    };
    let folder = args.model.parent().unwrap_or(Path::new("")).to_owned();
    let beside = |name: &str, offset, bytes| read_beside(&folder, name, offset, bytes);
    let imported = import_model(read(&args.model)?, &beside, &options).map_err(|error| {
        let lines = error.to_string();
        let lines = lines
            .lines()
            .map(|line| format!("{}: {line}", Shown(&args.model)));
        Failure::Usage(lines.collect::<Vec<_>>().join("\n"))
    })?;
    let mut weights = None;
    if let Some((path, file)) = weights_file {
        write_weights(&imported.weights, file)?;
        weights = Some(path);
    }
    let text = told(&imported, &args.model, &output, weights.as_deref());
    let is_stdout = spec_file.is_stdout();
    spec_file.write(imported.spec.as_bytes())?;
    match is_stdout {
        true => Ok(()),
        false => output::print(&text),
    }
}

/// What was made, what should be known of it, and what comes next.
fn told(imported: &Imported, model: &Path, output: &Path, weights: Option<&Path>) -> String {
    let Imported {
        layers, parameters, ..
    } = imported;
    let mut text = format!(
        "{}: {layers} layers with {parameters} parameters, of {}\n",
        Shown(output),
        Shown(model)
    );
    if let Some(weights) = weights {
        text += &format!("{}: its weights\n", Shown(weights));
    }
    for remark in &imported.remarks {
        text += &format!("note: {remark}\n");
    }
    let typed = typed(&output.to_string_lossy());
    match imported.lacks_dataset {
        true => {
            text += &format!(
                "No built-in dataset fits the model's input and output: name your files in {}, under [data]. Then:\n",
                Shown(output)
            );
        }
        false => text += "Next:\n",
    }
    text + &format!("\n  laptime verify {typed}\n  laptime run {typed}\n")
}

/// The model's name as a workload's file, in the current folder.
fn output_of(model: &Path) -> PathBuf {
    let mut name = model.file_stem().unwrap_or_default().to_owned();
    name.push(".toml");
    name.into()
}

/// The name of the workload in this file.
fn name_of(output: &Path) -> Result<String, Failure> {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name: String = stem
        .chars()
        .map(|c| if is_allowed(c) { c } else { '-' })
        .take(64)
        .collect();
    if Builtin::find(&name).is_ok() {
        return Err(Failure::Usage(format!(
            "{name} is a built-in workload; give another name with --output"
        )));
    }
    Ok(if name.is_empty() {
        "model".into()
    } else {
        name
    })
}

/// A message of Protocol Buffers cannot be larger.
const MOST_BYTES: u64 = 1 << 31;

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let file = File::open(path);
    let read = file.and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| {
        let advice = "give the path of an ONNX model, or of a .keras file";
        Failure::Usage(format!(
            "{}: cannot be read: {error}; {advice}",
            Shown(path)
        ))
    })?;
    if bytes.len() as u64 > MOST_BYTES {
        let path = Shown(path);
        return Err(Failure::Usage(format!(
            "{path}: is larger than 2 GiB, which no model's file is"
        )));
    }
    Ok(bytes)
}

/// Bytes of a file beside the model. Nothing is allocated that the file does not have.
fn read_beside(folder: &Path, name: &str, offset: u64, bytes: u64) -> Result<Vec<u8>, String> {
    let is_below = Path::new(name)
        .components()
        .all(|one| matches!(one, Component::Normal(_) | Component::CurDir));
    if name.is_empty() || !is_below {
        return Err(format!(
            "its numbers are in {name:?}, which is not beside the model; export the model again"
        ));
    }
    let path = folder.join(name);
    let shown = Shown(&path).to_string();
    let unread = |error: std::io::Error| {
        format!("its numbers are in {shown}, which cannot be read: {error}; put it there")
    };
    let metadata = path.metadata().map_err(unread)?;
    let is_there = offset
        .checked_add(bytes)
        .is_some_and(|end| end <= metadata.len());
    if !metadata.is_file() || !is_there {
        return Err(format!(
            "its numbers are in {shown}, which does not have them; export the model again"
        ));
    }
    let mut file = File::open(&path).map_err(unread)?;
    file.seek(SeekFrom::Start(offset)).map_err(unread)?;
    let mut read = Vec::new();
    file.take(bytes).read_to_end(&mut read).map_err(unread)?;
    Ok(read)
}

fn write_weights(weights: &[Weights], file: Destination) -> Result<(), Failure> {
    let bytes_of =
        |one: &Weights| -> Vec<u8> { one.values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let tensors: Vec<(&Weights, Vec<u8>)> =
        weights.iter().map(|one| (one, bytes_of(one))).collect();
    let wrong = |error| Failure::Failed(format!("--weights: {error}"));
    let views = tensors.iter().map(|(one, bytes)| {
        let view = TensorView::new(Dtype::F32, one.shape.clone(), bytes)?;
        Ok((one.name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(views, Some(about)).map_err(wrong)?;
    file.write(&bytes)
}
