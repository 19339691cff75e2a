//! The page that describes specs: its examples are read as specs, and it names everything there is.

use std::{collections::HashSet, fs, path::Path};

use laptime_workload::{
    INITIALIZERS, Loss, OPTIMIZERS, Overrides, PADDINGS, Precision, RATE_SCHEDULES, Spec, layers,
};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec.md");
    fs::read_to_string(path).unwrap()
}

/// The blocks of TOML in the page.
fn blocks(page: &str) -> Vec<&str> {
    let blocks = page.split("```toml\n").skip(1);
    blocks
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect()
}

#[test]
fn every_example_of_the_page_is_read() {
    let page = page();
    let blocks = blocks(&page);
    assert!(blocks.len() >= 5);
    let whole = blocks[0];
    let spec = Spec::parse(whole, "spec.md").unwrap();
    spec.resolve(&Overrides::default()).unwrap();
    // A part of a spec takes the place of the same part of the whole.
    let parts: Vec<&str> = whole.split("\n\n").collect();
    for block in &blocks[1..] {
        let kept = parts.iter().filter(|part| {
            let header = part.lines().next().unwrap_or_default();
            !block.contains(header)
        });
        let kept: Vec<&str> = kept.copied().collect();
        let text = format!("{}\n\n{block}", kept.join("\n\n"));
        Spec::parse(&text, "spec.md").unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
}

#[test]
fn the_page_has_everything_that_a_spec_can_have() {
    let page = page();
    let layers =
        layers().flat_map(|layer| [(layer.kind, layer.keys), (layer.kind, layer.optional)]);
    let optimizers = OPTIMIZERS
        .iter()
        .flat_map(|entry| [(entry.kind, entry.keys), (entry.kind, entry.optional)]);
    let mut words = HashSet::new();
    let schedules = RATE_SCHEDULES.iter().map(|entry| (entry.kind, entry.keys));
    let initializers = INITIALIZERS.iter().map(|entry| (entry.kind, entry.keys));
    for (kind, keys) in layers
        .chain(optimizers)
        .chain(schedules)
        .chain(initializers)
    {
        words.insert(kind.to_owned());
        words.extend(keys.iter().map(|key| key.name.to_owned()));
    }
    words.insert("global_clip_norm".to_owned());
    words.insert("micro_batch_size".to_owned());
    words.insert("crop_padding".to_owned());
    words.insert("flip".to_owned());
    words.insert("drop_last".to_owned());
    words.extend(Loss::ALL.map(|loss| format!("\"{loss}\"")));
    words.extend(Precision::ALL.map(|precision| format!("\"{precision}\"")));
    words.extend(PADDINGS.iter().map(|(padding, _)| (*padding).to_owned()));
    for word in words {
        assert!(page.contains(&format!("`{word}`")), "{word}");
    }
}
