//! Archives that are broken, or have what laptime lacks. What whole ones become, `tests/imports.rs` looks at.

use serde_json::{Value, json};

use super::{hdf5::File, read, zip};

const ARCHIVE: &[u8] = include_bytes!("../../tests/models/archive-rows.keras");

/// An archive with a member for each name.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, contents) in members {
        let mut sum = flate2::Crc::new();
        sum.update(contents);
        let place = bytes.len() as u32;
        let size = (contents.len() as u32).to_le_bytes();
        let mut fields = [0; 26];
        fields[10..14].copy_from_slice(&sum.sum().to_le_bytes());
        fields[14..18].copy_from_slice(&size);
        fields[18..22].copy_from_slice(&size);
        fields[22..24].copy_from_slice(&(name.len() as u16).to_le_bytes());
        bytes.extend(b"PK\x03\x04");
        bytes.extend(fields);
        bytes.extend(name.as_bytes());
        bytes.extend(*contents);
        directory.extend(b"PK\x01\x02\0\0");
        directory.extend(fields);
        directory.extend([0; 10]);
        directory.extend(place.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let place = bytes.len() as u32;
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([members.len() as u8, 0].repeat(2));
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(place.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// What is said of a model with these layers behind an image of 8×8×3.
fn refused(layers: &[Value]) -> String {
    let input = json!({"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [null, 8, 8, 3]}});
    let layers: Vec<&Value> = [&input].into_iter().chain(layers).collect();
    let model = json!({"class_name": "Sequential", "config": {"layers": layers}});
    said(&model)
}

fn said(model: &Value) -> String {
    let text = model.to_string();
    let error = read(&archive(&[("config.json", text.as_bytes())]), false).err();
    error.map_or_else(String::new, |it| it.to_string())
}

fn layer(class: &str, mut config: Value) -> Value {
    config["name"] = class.to_lowercase().into();
    json!({"class_name": class, "config": config})
}

#[test]
fn all_that_laptime_lacks_is_told_with_the_layers_name() {
    let pool =
        json!({"pool_size": 2, "strides": 2, "padding": "valid", "data_format": "channels_first"});
    let table: [(Value, &str); 9] = [
        (
            layer("LSTM", json!({})),
            "LSTM \"lstm\": laptime has no such layer",
        ),
        (layer("MaxPooling2D", pool), "channels first"),
        (layer("Dense", json!({"units": 3})), "it reads an image"),
        (
            layer("Flatten", json!({"data_format": "channels_first"})),
            "channels first",
        ),
        (
            layer("Activation", json!({"activation": "selu"})),
            "laptime lacks",
        ),
        (
            layer(
                "Rescaling",
                json!({"scale": [0.1, 0.2, 0.3], "offset": 0.0}),
            ),
            "not a number",
        ),
        (layer("BatchNormalization", json!({"axis": 1})), "last axis"),
        (
            layer(
                "Conv2D",
                json!({"filters": 1e9, "kernel_size": 3, "strides": 0}),
            ),
            "0",
        ),
        (layer("ReLU", json!({"max_value": 3.0})), "another form"),
    ];
    for (layer, expected) in &table {
        let said = refused(std::slice::from_ref(layer));
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let all: Vec<Value> = [&table[0].0, &table[2].0].map(Value::clone).into();
    assert!(refused(&all).starts_with("LSTM"), "{}", refused(&all));
    assert!(refused(&[]).contains("no layers"), "{}", refused(&[]));
    let softmax = layer("Softmax", json!({}));
    let flatten = layer("Flatten", json!({}));
    let said_of = refused(&[flatten, softmax.clone(), softmax]);
    assert!(
        said_of.contains("leave the softmax to the end"),
        "{said_of}"
    );
}

#[test]
fn other_models_and_archives_are_refused_with_what_to_do() {
    let class = json!({"class_name": "MyModel", "config": {}});
    assert!(said(&class).contains("\"MyModel\", whose layers are in Python"));
    let shared = json!({"class_name": "Functional", "config": {"layers": [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [null, 5]}},
        {"class_name": "Dense", "config": {"name": "d", "units": 5}, "inbound_nodes": [{}, {}]},
    ]}});
    assert!(
        said(&shared).contains("it is used 2 times"),
        "{}",
        said(&shared)
    );
    for (archive, expected) in [
        (archive(&[("data.pkl", b"")]), "without config.json"),
        (archive(&[("config.json", b"{")]), "no JSON"),
        (ARCHIVE[..ARCHIVE.len() - 30].to_vec(), "zip archive that"),
    ] {
        let said = read(&archive, false).err().map(|it| it.to_string());
        let said = said.unwrap_or_default();
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

/// Each byte of an archive changed, and each beginning of it: an error or a model, and nothing else.
#[test]
fn no_damage_panics() {
    let is_readable = |bytes: &[u8]| read(bytes, true).is_ok();
    assert!(is_readable(ARCHIVE));
    for end in (0..ARCHIVE.len()).step_by(97) {
        assert!(!is_readable(&ARCHIVE[..end]), "{end}");
    }
    let config = zip::member(ARCHIVE, "config.json").unwrap();
    let weights = zip::member(ARCHIVE, "model.weights.h5").unwrap();
    let with = |config: &[u8], weights: &[u8]| {
        archive(&[("config.json", config), ("model.weights.h5", weights)])
    };
    assert!(is_readable(&with(config, weights)));
    let mut refused = 0;
    for place in (0..config.len()).step_by(3) {
        let mut damaged = config.to_vec();
        damaged[place] = b'9';
        refused += usize::from(!is_readable(&with(&damaged, weights)));
    }
    assert!(refused > 100, "{refused}");
}

/// The same of the weights alone, so that no checksum stands in front: every number in them at its largest, 0, and
/// another.
#[test]
fn no_damage_of_weights_panics_or_goes_on_for_ever() {
    let weights = zip::member(ARCHIVE, "model.weights.h5").unwrap();
    let looked_at = |bytes: &[u8]| {
        let (file, root) = File::open(bytes)?;
        let mut objects = vec![root];
        let mut values = 0;
        for _ in 0..200 {
            let Some(object) = objects.pop() else {
                break;
            };
            if let Some(dataset) = file.dataset(object) {
                values += dataset.values().len();
            } else {
                let members = file.members(object)?;
                objects.extend(members.into_iter().map(|it| it.1));
            }
        }
        Some(values)
    };
    let all = looked_at(weights);
    assert!(all > Some(7_000), "{all:?}");
    let mut changed = 0;
    for place in 0..weights.len() {
        for byte in [0, 1, 255] {
            if weights[place] == byte {
                continue;
            }
            let mut damaged = weights.to_vec();
            damaged[place] = byte;
            changed += usize::from(looked_at(&damaged) != all);
        }
    }
    assert!(changed > 1_000, "{changed}");
}
