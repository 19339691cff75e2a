//! `laptime workloads`: what is built in, and what a workload of one's own can have.

use laptime_workload::{
    BUILTINS, Builtin, INITIALIZERS, Key, Loss, OPTIMIZERS, PADDINGS, Precision, RATE_SCHEDULES,
    layers,
};

use crate::{args::WorkloadsArgs, failure::Failure, output};

/// Prints the built-in workloads, the spec of one, or the vocabulary of specs.
pub fn workloads(args: &WorkloadsArgs) -> Result<(), Failure> {
    if let Some(name) = &args.show {
        return output::print(Builtin::find(name)?.text);
    }
    if args.layers {
        return output::print_wrapped(&vocabulary());
    }
    let rows = BUILTINS
        .iter()
        .map(|workload| (workload.name.to_owned(), workload.summary));
    output::print_wrapped(&table("", rows.collect()))
}

/// Everything that a spec can choose from, with the keys that each choice needs.
fn vocabulary() -> String {
    let layers = layers().map(|entry| {
        let keys = with_optional_keys(entry.kind, entry.keys, entry.optional);
        (keys, entry.summary)
    });
    let optimizers = OPTIMIZERS.iter().map(|entry| {
        let keys = with_optional_keys(entry.kind, entry.keys, entry.optional);
        (keys, entry.summary)
    });
    let schedules = RATE_SCHEDULES
        .iter()
        .map(|entry| (with_keys(entry.kind, entry.keys), entry.summary));
    let initializers = INITIALIZERS
        .iter()
        .map(|entry| (with_keys(entry.kind, entry.keys), entry.summary));
    let losses = Loss::ALL.map(|loss| (loss.to_string(), loss.summary()));
    let precisions = Precision::ALL.map(|it| (it.to_string(), it.summary()));
    let paddings = PADDINGS.iter();
    let paddings = paddings.map(|(padding, summary)| ((*padding).to_owned(), *summary));
    let sections = [
        (
            "[[layer]] kind, with its keys, those in brackets optional; every layer can also have name and inputs",
            layers.collect(),
        ),
        (
            "[optimizer] kind, with its keys; those in brackets may be left out; global_clip_norm can stand beside them",
            optimizers.collect(),
        ),
        (
            "[schedule] kind of the learning rate, with its keys; may be left out",
            schedules.collect(),
        ),
        (
            "[initializer] kind of the weights of dense, conv2d and conv2d_transpose, with its keys; may be left out",
            initializers.collect(),
        ),
        (
            "[training] loss; label_smoothing can stand beside it, micro_batch_size and drop_last beside batch_size",
            losses.to_vec(),
        ),
        ("[training] precision", precisions.to_vec()),
        (
            "[augment] of images in training; may be left out",
            vec![
                (
                    "crop_padding".into(),
                    "random crops, from the image with so many zeros on each side",
                ),
                ("flip".into(), "half of the images mirrored, by chance"),
            ],
        ),
        (
            "padding of conv2d, conv2d_transpose, max_pool and avg_pool",
            paddings.collect(),
        ),
    ];
    let tables = sections.map(|(title, rows)| format!("{title}\n{}", table("  ", rows)));
    tables.join("\n")
}

fn with_keys(kind: &str, keys: &[Key]) -> String {
    let keys = keys.iter().map(|key| key.name);
    [kind].into_iter().chain(keys).collect::<Vec<_>>().join(" ")
}

fn with_optional_keys(kind: &str, keys: &[Key], optional: &[Key]) -> String {
    let optional = optional.iter().map(|key| format!(" [{}]", key.name));
    with_keys(kind, keys) + &optional.collect::<String>()
}

fn table(indent: &str, rows: Vec<(String, &str)>) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    let lines = rows.iter();
    let lines = lines.map(|(name, summary)| format!("{indent}{name:<width$}  {summary}\n"));
    lines.collect()
}
