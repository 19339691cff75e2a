//! Endings of file names that promise another format than the one that is written.

use std::path::Path;

use laptime_workload::Shown;

use crate::failure::Failure;

/// Endings, and the format that each stands for.
const ENDINGS: &[(&str, &[&str])] = &[
    ("safetensors", &["safetensors"]),
    ("JSON", &["json"]),
    ("JSON Lines", &["jsonl", "ndjson"]),
    ("CSV", &["csv"]),
    ("Markdown", &["md", "markdown"]),
    ("HTML", &["html", "htm"]),
    ("TOML", &["toml"]),
    ("PyTorch's", &["pt", "pth", "ckpt"]),
    ("a framework's own binary", &["bin", "pb", "tflite"]),
    ("Keras's", &["h5", "hdf5", "keras"]),
    ("ONNX", &["onnx"]),
    ("NumPy's", &["npy", "npz"]),
    ("Python's pickle", &["pkl", "pickle", "joblib"]),
    ("another table's", &["tsv", "xls", "xlsx", "ods", "parquet"]),
    ("another text's", &["yaml", "yml", "xml"]),
];

/// Refuses a file whose name ends as those of another format than `format` do. No ending, or an
/// unknown one, promises nothing.
pub fn check(option: &str, path: &Path, format: &str) -> Result<(), Failure> {
    let ending = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let promised = ENDINGS
        .iter()
        .find(|(_, all)| all.contains(&ending.as_str()));
    let Some((promised, _)) = promised.filter(|(promised, _)| *promised != format) else {
        return Ok(());
    };
    let own = ENDINGS.iter().find(|(name, _)| *name == format);
    let own = own.map_or("", |(_, endings)| endings[0]);
    Err(Failure::Usage(format!(
        "{option} {}: .{ending} is the ending of {promised} format, and this writes {format}; give \
         a name that ends in .{own}{}",
        Shown(path),
        match format {
            "safetensors" =>
                ", which PyTorch, JAX, TensorFlow and NumPy read with the package \
                              safetensors",
            _ => "",
        }
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_ending_is_refused_with_the_right_one_and_an_unknown_one_is_fine() {
        for (path, format, right) in [
            ("model.pt", "safetensors", Some(".safetensors")),
            ("a/model.PTH", "safetensors", Some(".safetensors")),
            ("model.onnx", "safetensors", Some(".safetensors")),
            ("model.json", "safetensors", Some(".safetensors")),
            ("net.toml", "JSON", Some(".json")),
            ("r.csv", "JSON", Some(".json")),
            ("r.json", "CSV", Some(".csv")),
            ("r.safetensors", "Markdown", Some(".md")),
            ("model.safetensors", "safetensors", None),
            ("r.json", "JSON", None),
            ("r.markdown", "Markdown", None),
            ("model", "safetensors", None),
            ("model.v2", "safetensors", None),
            ("r.txt", "CSV", None),
            (".json", "CSV", None),
            ("-", "JSON", None),
            ("/dev/fd/63", "JSON", None),
        ] {
            let found = check("--save", Path::new(path), format).err();
            assert_eq!(found.is_some(), right.is_some(), "{path}");
            if let (Some(found), Some(right)) = (found, right) {
                let text = found.to_string();
                assert!(text.contains(&format!("ends in {right}")), "{text}");
            }
        }
    }
}
