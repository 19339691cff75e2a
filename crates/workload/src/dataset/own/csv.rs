//! Tables as comma-separated values (RFC 4180), with a line of names: numbers to read, and what is learnt.

use std::{collections::HashMap, io::Read, path::Path};

use csv::{ByteRecord, ReaderBuilder};

use super::{
    OwnError, Targets, array_file,
    labels::Labels,
    raw::{Kind, Raw},
};
use crate::Shown;

/// Which columns of a table are read.
pub(super) struct Wanted<'a> {
    /// The names of the inputs; all that are not learnt where none are named.
    pub(super) inputs: &'a [String],
    /// The names of what is learnt.
    pub(super) targets: &'a [String],
    pub(super) kind: Targets,
}

/// What a net learns of the rows of a table.
pub(super) enum Learnt {
    Nothing,
    Numbers(Raw),
    Classes(Labels),
}

/// Reads the table among these files, of which there can be one.
pub(super) fn read_all(
    folder: &Path,
    files: &[String],
    wanted: &Wanted,
) -> Result<(Raw, Learnt), OwnError> {
    let [file] = files else {
        let problem = "name one table: train = \"data.csv\"";
        return Err(OwnError::new(files.join(", "), problem));
    };
    let path = folder.join(file);
    if path.extension().is_none_or(|it| it != "csv") {
        let problem = "files of whole samples are tables, which end in .csv, and CIFAR's, which end in .bin; a \
                       folder of images ends in /; arrays are named by train_inputs and train_targets";
        return Err(OwnError::new(Shown(&path), problem));
    }
    read(array_file::open(&path)?, &path, wanted)
}

/// Reads a table.
pub(super) fn read(
    contents: impl Read,
    path: &Path,
    wanted: &Wanted,
) -> Result<(Raw, Learnt), OwnError> {
    let place = Shown(path).to_string();
    let error = |problem: String| OwnError::new(&place, problem);
    let told = |wrong: csv::Error| error(wrong_text(&wrong));
    let mut reader = ReaderBuilder::new().from_reader(contents);
    let names = reader.byte_headers().map_err(told)?.clone();
    let columns = columns(&names, wanted).map_err(error)?;
    let mut inputs = Vec::new();
    let mut numbers = Vec::new();
    let mut labels = Labels::new(&place);
    let mut record = ByteRecord::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record).map_err(told)? {
        for &column in &columns.inputs {
            inputs.extend(
                number(&record, column, &names)
                    .map_err(error)?
                    .to_le_bytes(),
            );
        }
        for &column in &columns.targets {
            match wanted.kind {
                Targets::Classes => labels.push(class(&record, column, &names).map_err(error)?),
                _ => numbers.extend(
                    number(&record, column, &names)
                        .map_err(error)?
                        .to_le_bytes(),
                ),
            }
        }
        rows += 1;
    }
    let raw = |bytes, columns: &[usize]| Raw {
        block_sums: None,
        place: place.clone(),
        first_byte: 0,
        kind: Kind::F32,
        shape: vec![rows, columns.len()],
        bytes,
    };
    let learnt = match wanted.kind {
        Targets::Classes => Learnt::Classes(labels),
        Targets::Values => Learnt::Numbers(raw(numbers, &columns.targets)),
        Targets::Input => Learnt::Nothing,
    };
    Ok((raw(inputs, &columns.inputs), learnt))
}

/// The names of all columns, and their values as text.
pub(super) fn columns_of(
    contents: impl Read,
    path: &Path,
) -> Result<(Vec<String>, Vec<Vec<String>>), OwnError> {
    let told = |wrong: csv::Error| OwnError::new(Shown(path), wrong_text(&wrong));
    let text = |it: &[u8]| crate::escaped(&String::from_utf8_lossy(it.trim_ascii())).into_owned();
    let mut reader = ReaderBuilder::new().from_reader(contents);
    let names: Vec<String> = reader
        .byte_headers()
        .map_err(told)?
        .iter()
        .map(text)
        .collect();
    let mut columns = vec![Vec::new(); names.len()];
    for record in reader.byte_records() {
        let record = record.map_err(told)?;
        let values = columns.iter_mut().zip(&record);
        values.for_each(|(column, value)| column.push(text(value)));
    }
    Ok((names, columns))
}

/// The places of columns.
struct Columns {
    inputs: Vec<usize>,
    targets: Vec<usize>,
}

fn columns(names: &ByteRecord, wanted: &Wanted) -> Result<Columns, String> {
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    for (place, name) in names.iter().enumerate() {
        if places.insert(name, place).is_some() {
            return Err(format!(
                "two columns have the name {}; give each its own",
                shown(name)
            ));
        }
    }
    let place = |name: &String| {
        places.get(name.as_bytes()).copied().ok_or_else(|| {
            let names: Vec<String> = names.iter().take(20).map(shown).collect();
            format!("there is no column {name:?}; it has {}", names.join(", "))
        })
    };
    let targets = wanted
        .targets
        .iter()
        .map(place)
        .collect::<Result<Vec<_>, _>>()?;
    let inputs = match wanted.inputs {
        [] => (0..names.len())
            .filter(|it| !targets.contains(it))
            .collect(),
        named => named.iter().map(place).collect::<Result<Vec<_>, _>>()?,
    };
    if let Some(both) = inputs.iter().find(|it| targets.contains(it)) {
        let name = shown(&names[*both]);
        return Err(format!(
            "the column {name} is an input and learnt; leave it out of one of both"
        ));
    }
    if inputs.is_empty() {
        return Err("no column is left for the inputs".into());
    }
    Ok(Columns { inputs, targets })
}

/// Where a record is, in words.
fn line(record: &ByteRecord, column: usize, names: &ByteRecord) -> String {
    let at = record
        .position()
        .map_or((0, 0), |it| (it.line(), it.byte()));
    format!(
        "line {}, from byte {}, column {}",
        at.0,
        at.1,
        shown(&names[column])
    )
}

fn number(record: &ByteRecord, column: usize, names: &ByteRecord) -> Result<f32, String> {
    let text = record[column].trim_ascii();
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number.filter(|it: &f32| it.is_finite()).ok_or_else(|| {
        format!(
            "{}: {} is no finite number; fill one in, or name the columns to read with inputs = [\"…\"]",
            line(record, column, names),
            shown(text)
        )
    })
}

fn class<'r>(record: &'r ByteRecord, column: usize, names: &ByteRecord) -> Result<&'r str, String> {
    let text = record[column].trim_ascii();
    match std::str::from_utf8(text) {
        Ok(text) if !text.is_empty() => Ok(text),
        _ => Err(format!(
            "{}: {} is no class",
            line(record, column, names),
            shown(text)
        )),
    }
}

/// As a message shows what stands in a file.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let start: String = text.chars().take(60).collect();
    format!("{start:?}")
}

/// Plainer than the library's own.
fn wrong_text(wrong: &csv::Error) -> String {
    match wrong.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let at = pos.as_ref().map_or((0, 0), |it| (it.line(), it.byte()));
            format!(
                "line {}, from byte {}: it has {len} values, and the first line {expected_len}",
                at.0, at.1
            )
        }
        _ => wrong.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(
        text: &str,
        inputs: &[&str],
        targets: &[&str],
        kind: Targets,
    ) -> Result<(Raw, Learnt), String> {
        let owned = |names: &[&str]| names.iter().map(|it| it.to_string()).collect::<Vec<_>>();
        let wanted = Wanted {
            inputs: &owned(inputs),
            targets: &owned(targets),
            kind,
        };
        read(text.as_bytes(), Path::new("t.csv"), &wanted).map_err(|error| error.to_string())
    }

    fn floats(raw: &Raw) -> Vec<f32> {
        let (values, _) = raw.bytes.as_chunks();
        values.iter().map(|it| f32::from_le_bytes(*it)).collect()
    }

    #[test]
    fn columns_are_read_by_name() {
        let text = "a,\"b, c\",price\n1, 2.5 ,3\r\n-4e1,5,6\n";
        let (inputs, learnt) = read_text(text, &[], &["price"], Targets::Values).unwrap();
        assert_eq!(
            (inputs.shape.clone(), floats(&inputs)),
            (vec![2, 2], vec![1.0, 2.5, -40.0, 5.0])
        );
        let Learnt::Numbers(numbers) = learnt else {
            panic!()
        };
        assert_eq!(floats(&numbers), [3.0, 6.0]);
        let (inputs, learnt) = read_text(text, &["price", "a"], &[], Targets::Input).unwrap();
        assert_eq!(floats(&inputs), [3.0, 1.0, 6.0, -40.0]);
        assert!(matches!(learnt, Learnt::Nothing));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let table = [
            (
                "a,y\n1,2\nx,3\n",
                "t.csv: line 3, from byte 8, column \"a\": \"x\" is no finite number",
            ),
            ("a,y\n1,\n", "column \"y\": \"\" is no finite number"),
            ("a,y\nnan,1\n", "\"nan\" is no finite number"),
            ("a,y\n1e99,1\n", "\"1e99\" is no finite number"),
            (
                "a,y\n1,2,3\n",
                "line 2, from byte 4: it has 3 values, and the first line 2",
            ),
            (
                "a,b\n1,2\n",
                "there is no column \"y\"; it has \"a\", \"b\"",
            ),
            ("y,y\n1,2\n", "two columns have the name \"y\""),
            ("y\n1\n", "no column is left for the inputs"),
            ("", "there is no column \"y\""),
        ];
        for (text, expected) in table {
            let Err(message) = read_text(text, &[], &["y"], Targets::Values) else {
                panic!("{expected}");
            };
            assert!(message.contains(expected), "{message}\n{expected}");
        }
        let Err(message) = read_text("a,y\n1,2\n", &["y"], &["y"], Targets::Values) else {
            panic!()
        };
        assert!(
            message.contains("\"y\" is an input and learnt"),
            "{message}"
        );
        let Err(message) = read_text("a,y\n1,\n", &[], &["y"], Targets::Classes) else {
            panic!()
        };
        assert!(message.contains("\"\" is no class"), "{message}");
    }
}
