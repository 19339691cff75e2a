//! `[data]` of a spec: a dataset that laptime knows, or files of the user's.

use std::{
    ffi::OsString,
    ops::Range,
    sync::{Arc, OnceLock},
};

use crate::{
    choices::{check_name, one_of},
    dataset::{
        ColorMode, Data, DataSource, Dtype, ImageForm, OwnData, OwnError, OwnFiles, Part, Targets,
        Test, TextForm, Unit,
    },
    fields::{Fields, NumberRange, POSITIVE, Value},
    foreign,
    key::Key,
    loss::Loss,
    spec_error::{Problem, SourceText, SpecError},
};

/// `[data]`
#[derive(Debug, Clone)]
pub(crate) struct DataTable {
    source: Source,
    pixel_divisor: Option<f32>,
    /// Where messages point: the name of the data.
    span: Range<usize>,
}

#[derive(Debug, Clone)]
enum Source {
    Known(&'static DataSource),
    /// Boxed because it is much larger.
    Own(Box<Own>),
}

#[derive(Debug, Clone)]
struct Own {
    files: OwnFiles,
    /// Whether it is known where their paths start.
    is_placed: bool,
    /// Read once, for all that is resolved of this spec.
    read: Arc<OnceLock<Result<OwnData, OwnError>>>,
}

/// The keys of `[data]` with a dataset that laptime knows.
const KNOWN_KEYS: &[Key] = &[
    Key::new("dataset", "\"fashion-mnist\""),
    Key::new("pixel_divisor", "255").why("bytes become 0 to 1, as by torchvision's ToTensor"),
];

/// Its keys with files.
const OWN_KEYS: &[Key] = &[
    Key::new("name", "\"my-data\""),
    Key::new("train_inputs", "\"data.npz:x_train\""),
];

/// Its keys with files of whole samples.
const TABLE_KEYS: &[Key] = &[
    Key::new("name", "\"my-data\""),
    Key::new("train", "\"data.csv\""),
];

/// Its keys with a text.
const TEXT_KEYS: &[Key] = &[
    Key::new("name", "\"my-data\""),
    Key::new("train", "\"data.txt\""),
    Key::new("unit", "\"character\""),
    Key::new("context", "16"),
    Key::new("stride", "1"),
];

/// What a text may have too.
const OPTIONAL_OF_TEXTS: &[&str] = &["test", "test_fraction"];

/// What files of arrays may have too.
const OPTIONAL: &[&str] = &[
    "train_targets",
    "test_inputs",
    "test_targets",
    "test_fraction",
    "split_seed",
    "standardize",
    "pixel_divisor",
];

/// What files of whole samples may have too.
const OPTIONAL_OF_TABLES: &[&str] = &[
    "target",
    "inputs",
    "test",
    "test_fraction",
    "split_seed",
    "standardize",
    "pixel_divisor",
];

/// What folders of images may have too.
const OPTIONAL_OF_IMAGES: &[&str] = &[
    "test",
    "test_fraction",
    "split_seed",
    "standardize",
    "pixel_divisor",
    "height",
    "width",
    "color_mode",
];

/// The most symbols of a sample of a text, and from one to the next.
const MOST_CONTEXT: u64 = 1 << 20;

/// What `laptime import` writes where no dataset that laptime knows fits a model.
pub const FILL_IN: &str = "FILL-IN";

/// The largest height and width that images are resized to.
const MOST_PIXELS: u64 = 4096;

/// Neither part may be empty.
const PROPER_FRACTION: NumberRange = NumberRange {
    description: "a number greater than 0 and less than 1",
    allows: |number| number > 0.0 && number < 1.0,
};

/// Reads the table. What targets are follows from the loss.
pub(crate) fn read_data(top: &Fields, loss: Loss) -> Result<DataTable, SpecError> {
    let fields = top.table("data", KNOWN_KEYS)?;
    let is_own = fields.get("dataset").is_none()
        && ["name", "train_inputs", "train"]
            .iter()
            .any(|key| fields.get(key).is_some());
    if is_own {
        return read_own(fields, loss);
    }
    fields.check_keys(
        &[],
        &[("data of your own", OWN_KEYS), ("a table", TABLE_KEYS)],
    );
    let known: Vec<_> = DataSource::all()
        .iter()
        .map(|one| (one.name(), one))
        .collect();
    let dataset = match not_filled_in(&fields) {
        Some(wrong) => fields.noted(Err(wrong), known[0].1),
        None => one_of(&fields, "dataset", &known, &foreign::DATASETS),
    };
    let table = DataTable {
        source: Source::Known(dataset),
        pixel_divisor: Some(fields.number("pixel_divisor", &POSITIVE) as f32),
        span: fields.get("dataset").map_or(0..0, |it| it.span()),
    };
    fields.finish(table)
}

/// What to put where an import has left this to the user.
fn not_filled_in(fields: &Fields) -> Option<SpecError> {
    let value = fields.get("dataset")?;
    (value.get_ref().as_str() == Some(FILL_IN)).then(|| {
        let what = "the data is not filled in: no dataset that laptime knows fits this model";
        let advice = "name your files in place of this line, as name = \"mydata\", train_inputs = \"data.npz:x_train\", \
                      train_targets = \"data.npz:y_train\", test_inputs = \"data.npz:x_test\", test_targets = \
                      \"data.npz:y_test\"; leave pixel_divisor out unless the inputs are bytes; `laptime data show data.npz` \
                      lists the arrays of a file";
        fields.error(value.span(), what, advice)
    })
}

fn read_own(fields: Fields, loss: Loss) -> Result<DataTable, SpecError> {
    let is_table = fields.get("train").is_some();
    let is_text = fields
        .get("train")
        .is_some_and(|train| names_text(&fields, train));
    let is_images = !is_text && fields.get("train").is_some_and(names_images);
    let known = ("a dataset that laptime knows", KNOWN_KEYS);
    let fields = if is_text {
        let fields = fields.called("[data]", TEXT_KEYS);
        fields.check_keys(OPTIONAL_OF_TEXTS, &[known, ("a table", TABLE_KEYS)]);
        fields
    } else if is_table {
        let fields = fields.called("[data]", TABLE_KEYS);
        let optional = match is_images {
            true => OPTIONAL_OF_IMAGES,
            false => OPTIONAL_OF_TABLES,
        };
        fields.check_keys(optional, &[known, ("arrays", OWN_KEYS)]);
        fields
    } else {
        let fields = fields.called("[data]", OWN_KEYS);
        fields.check_keys(OPTIONAL, &[known, ("a table", TABLE_KEYS)]);
        fields
    };
    let name = fields.string("name").and_then(|name| {
        check_name(&fields, "the name of data", &name)?;
        if DataSource::find(name.get_ref()).is_some() {
            let what = format!(
                "{:?} is the name of a dataset that laptime knows",
                name.get_ref()
            );
            return Err(fields.error(name.span(), what, "give your files another name"));
        }
        Ok(name.into_inner())
    });
    let (train, test_files) = if is_text {
        text_parts(&fields)
    } else if is_images {
        image_parts(&fields)
    } else if is_table {
        table_parts(&fields)
    } else {
        array_parts(&fields)
    };
    let targets = match (loss, train.has_targets()) {
        (Loss::SoftmaxCrossEntropy, _) => Targets::Classes,
        (Loss::MeanSquaredError, true) if is_images => Targets::Input,
        (Loss::MeanSquaredError, true) => Targets::Values,
        (Loss::MeanSquaredError, false) => Targets::Input,
    };
    let files = OwnFiles {
        folder: OsString::new(),
        name: fields.noted(name, String::new()),
        test: fields.noted(test(&fields, &train, test_files), NO_TEST),
        targets,
        standardize: fields.optional_boolean("standardize", false),
        train,
    };
    if targets == Targets::Classes && !files.train.has_targets() {
        let (key, example) = match is_table {
            true => ("target", "\"class\""),
            false => ("train_targets", "\"data.npz:y_train\""),
        };
        let what = format!("the loss needs classes, and there is no {key}");
        let advice = format!(
            "add {key} = {example}, or learn the inputs themselves with loss = \"mean-squared-error\""
        );
        fields.noted(Err(fields.error(fields.span(), what, advice)), ());
    }
    if is_text && targets != Targets::Classes {
        let what = "of a text the next symbol is learnt, which is a class";
        let advice = "write loss = \"softmax-cross-entropy\"";
        fields.noted(Err(fields.error(fields.span(), what, advice)), ());
    }
    let divisor = fields.optional_number("pixel_divisor", "255", &POSITIVE);
    let table = DataTable {
        pixel_divisor: divisor.map(|it| it as f32),
        span: ["train_inputs", "train"]
            .iter()
            .find_map(|key| fields.get(key))
            .map_or(0..0, |it| it.span()),
        source: Source::Own(Box::new(Own {
            files,
            is_placed: false,
            read: Arc::default(),
        })),
    };
    fields.finish(table)
}

/// Samples in arrays: to train on, and where they are in files of their own to test on.
fn array_parts(fields: &Fields) -> (Part, Option<Part>) {
    let path = |key| {
        let read = fields.optional_string(key, "\"data.npz:x\"");
        fields.noted(read, None).map(|path| path.into_inner())
    };
    let inputs = fields.string("train_inputs").map(|it| it.into_inner());
    let train = Part::Arrays {
        inputs: fields.noted(inputs, String::new()),
        targets: path("train_targets"),
    };
    let test = path("test_inputs").map(|inputs| Part::Arrays {
        inputs,
        targets: path("test_targets"),
    });
    (train, test)
}

/// Whether this names a text: it ends in `.txt`, or it is told how to read one.
fn names_text(fields: &Fields, train: Value) -> bool {
    let path = train.get_ref().as_str().unwrap_or("");
    let is_told = ["unit", "context", "stride"]
        .iter()
        .any(|key| fields.get(key).is_some());
    is_told || path.to_ascii_lowercase().ends_with(".txt")
}

/// Samples in a text: to train on, and where they are in a text of their own to test on.
fn text_parts(fields: &Fields) -> (Part, Option<Part>) {
    let units = [("character", Unit::Character), ("byte", Unit::Byte)];
    let form = TextForm {
        unit: one_of(fields, "unit", &units, &foreign::NONE),
        context: fields.size("context", MOST_CONTEXT),
        stride: fields.size("stride", MOST_CONTEXT),
    };
    let part = |key| {
        let file = fields.string(key).map(|it| it.into_inner());
        let file = fields.noted(file, String::new());
        Part::Text { file, form }
    };
    let test = fields.get("test").map(|_| part("test"));
    (part("train"), test)
}

/// Whether this names a folder of images: it ends in `/`, or its last part has no ending.
fn names_images(train: Value) -> bool {
    train.get_ref().as_str().is_some_and(|path| {
        let last = path.rsplit(['/', '\\']).next().unwrap_or("");
        !last.contains('.') || last == "." || last == ".."
    })
}

/// The same of folders of images.
fn image_parts(fields: &Fields) -> (Part, Option<Part>) {
    let extent = |key| {
        let value = fields.get(key)?;
        fields.noted(
            fields.as_size(key, value, "64", 1..=MOST_PIXELS).map(Some),
            None,
        )
    };
    let size = match (extent("height"), extent("width")) {
        (Some(height), Some(width)) => Some([height, width]),
        (None, None) => None,
        (one, _) => {
            let (there, absent) = match one {
                Some(_) => ("height", "width"),
                None => ("width", "height"),
            };
            if fields.get(absent).is_none() {
                let span = fields.get(there).map_or(fields.span(), |it| it.span());
                let what = format!("{there} is there without {absent}");
                let error = fields.error(
                    span,
                    what,
                    "give both, or none to keep the size of the files",
                );
                fields.noted(Err(error), ());
            }
            None
        }
    };
    let modes = [("rgb", ColorMode::Rgb), ("grayscale", ColorMode::Grayscale)];
    let color_mode = fields.get("color_mode");
    let color_mode = color_mode.map(|_| one_of(fields, "color_mode", &modes, &foreign::NONE));
    let form = ImageForm { size, color_mode };
    let part = |key| {
        let folder = fields.string(key).map(|it| it.into_inner());
        let folder = fields.noted(folder, String::new());
        Part::Images { folder, form }
    };
    let test = fields.get("test").map(|_| part("test"));
    (part("train"), test)
}

/// The same of whole samples.
fn table_parts(fields: &Fields) -> (Part, Option<Part>) {
    let names = |key| {
        let one = fields.get(key).and_then(|value| value.get_ref().as_str());
        match one {
            Some(name) => vec![name.to_owned()],
            None => {
                let read = fields.noted(fields.optional_strings(key, "[\"a\", \"b\"]"), None);
                let names = read.map_or(Vec::new(), |names| names.into_inner());
                names.into_iter().map(|name| name.into_inner()).collect()
            }
        }
    };
    let part = |files: Vec<String>| match files.first().is_some_and(|it| it.ends_with(".bin")) {
        true => Part::Cifar {
            files,
            label: names("target").into_iter().next(),
        },
        false => Part::Table {
            files,
            inputs: names("inputs"),
            targets: names("target"),
        },
    };
    let train = part(names("train"));
    let test = fields.get("test").map(|_| part(names("test")));
    (train, test)
}

/// A stand-in.
const NO_TEST: Test = Test::Fraction {
    fraction: 0.0,
    seed: 0,
};

/// Which samples are tested on: those of other files, or a share.
fn test(fields: &Fields, train: &Part, files: Option<Part>) -> Result<Test, SpecError> {
    let wrong = |key: &str, what: &str, advice: &str| {
        let span = fields.get(key).map_or(fields.span(), |it| it.span());
        Err(fields.error(span, what, advice))
    };
    let fraction = fields.optional_number("test_fraction", "0.2", &PROPER_FRACTION);
    let seed = fields.get("split_seed");
    let seed = seed
        .map(|it| fields.as_whole("split_seed", it, "1"))
        .transpose()?;
    match (files, fraction, seed) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => wrong(
            "test_inputs",
            "there are files to test on, and also a share of the others",
            "leave out the files, or test_fraction and split_seed",
        ),
        (Some(files), None, None) if files.has_targets() != train.has_targets() => wrong(
            "test_inputs",
            "one of train_targets and test_targets is there without the other",
            "give both or none",
        ),
        (Some(files), None, None) => Ok(Test::Files(files)),
        (None, Some(fraction), Some(seed)) => {
            let seed = seed.into_inner();
            Ok(Test::Fraction { fraction, seed })
        }
        (None, Some(fraction), None) if matches!(train, Part::Text { .. }) => {
            Ok(Test::End { fraction })
        }
        (None, ..) => {
            let files = match train {
                Part::Text { .. } => {
                    let advice =
                        "add test = \"test.txt\", or test_fraction = 0.1 for the end of the text";
                    return wrong(
                        "test_fraction",
                        "[data] does not say what is tested on",
                        advice,
                    );
                }
                Part::Arrays { .. } => "test_inputs and test_targets",
                Part::Table { .. } | Part::Cifar { .. } => "test = \"test.csv\"",
                Part::Images { .. } => "test = \"test/\"",
            };
            let advice = format!("add {files}, or test_fraction = 0.2 and split_seed = 1");
            wrong(
                "test_fraction",
                "[data] does not say what is tested on",
                &advice,
            )
        }
    }
}

impl DataTable {
    /// Says where paths start.
    pub(crate) fn start_paths_at(&mut self, folder: OsString) {
        if let Source::Own(own) = &mut self.source {
            own.files.folder = folder;
            own.is_placed = true;
        }
    }

    /// The data, read where it is in files, and what its inputs are divided by.
    pub(crate) fn resolved(&self, source: &SourceText) -> Result<(Data, f32), SpecError> {
        let wrong = |what: String, advice: &str| {
            let problem = Problem::new(what, advice);
            source.error(self.span.clone(), problem)
        };
        let own = match &self.source {
            Source::Known(known) => {
                return Ok((Data::Known(known), self.pixel_divisor.unwrap_or(1.0)));
            }
            Source::Own(own) => own,
        };
        if !own.is_placed {
            let what = "files of data are read for a spec in a file alone".into();
            return Err(wrong(what, "put the spec into a file"));
        }
        let read = own.read.get_or_init(|| own.files.read());
        let data = read
            .as_ref()
            .map_err(|error| wrong(error.to_string(), ""))?;
        let input = data.description.input();
        let is_bytes = input.dtype == Dtype::U8 && input.symbols.is_none();
        match (is_bytes, self.pixel_divisor) {
            (true, None) => Err(wrong(
                "the inputs are bytes, and nothing says how they are scaled".into(),
                "add pixel_divisor = 255 for values from 0 to 1, or standardize = true",
            )),
            (false, Some(_)) => Err(wrong(
                "pixel_divisor is for inputs of bytes; these are in single precision, and taken as they are".into(),
                "leave pixel_divisor out",
            )),
            (_, divisor) => Ok((Data::Own(Box::new(data.clone())), divisor.unwrap_or(1.0))),
        }
    }
}
