//! Wrong specs and what is said about them.

use laptime_workload::{BUILTINS, Overrides, Spec, SpecError, Workload};

/// The built-in spec without its comments, with one piece of it replaced.
fn changed(from: &str, to: &str) -> String {
    let lines = BUILTINS[0]
        .text
        .lines()
        .map(|line| line.split('#').next().unwrap().trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let text = lines.join("\n") + "\n";
    assert!(text.contains(from), "{from} is not in\n{text}");
    text.replacen(from, to, 1)
}

fn resolve(text: &str) -> Result<Workload, SpecError> {
    Spec::parse(text, "net.toml")?.resolve(&Overrides::default())
}

#[track_caller]
fn assert_error(text: &str, expected: &str) {
    let message = resolve(text).expect_err(text).to_string();
    assert_eq!(
        message,
        expected.trim_matches('\n'),
        "\n--- got ---\n{message}\n---"
    );
}

/// Each row of the table: what to replace in the built-in spec, by what, the line and column of the
/// error, and a part of its message. `⏎` is a new line.
#[track_caller]
fn assert_errors(table: &str) {
    for row in table.lines().filter(|row| !row.trim().is_empty()) {
        let row = row.trim().replace('⏎', "\n");
        let cells: Vec<&str> = row.split(" | ").collect();
        let [from, to, place, expected] = cells[..] else {
            panic!("{row}");
        };
        let message = resolve(&changed(from, to)).expect_err(&row).to_string();
        let starts = format!("net.toml:{place}: ");
        assert!(message.starts_with(&starts), "{row}\n{message}");
        assert!(message.contains(expected), "{row}\n{message}");
    }
}

#[test]
fn an_error_shows_the_line_the_place_the_problem_and_the_advice() {
    assert_error(
        &changed("kind = \"dense\"", "kind = \"dens\""),
        r#"
net.toml:23:8: unknown kind "dens"
   |
23 | kind = "dens"
   |        ^^^^^^
   = did you mean "dense"? (known: flatten, dense, conv2d, conv2d_transpose, batch_norm, layer_norm, max_pool, avg_pool, global_avg_pool, upsample, dropout, add, multiply, concat, embedding, relu, leaky_relu, gelu, gelu_tanh, silu, sigmoid, tanh, softplus, hard_swish, relu6, hard_sigmoid, elu, mish, scale)
"#,
    );
    assert_error(
        &changed("batch_size = 32", "batch_size = 0"),
        r#"
net.toml:6:14: batch_size must be at least 1 and at most 60000
  |
6 | batch_size = 0
  |              ^
"#,
    );
}

#[test]
fn a_wrong_value_is_pointed_at() {
    let table = r#"
        name = "fashion-mnist" | name = "a/b" | 1:8 | cannot be "a/b"
        name = "fashion-mnist" | name = "" | 1:8 | 1 to 64 letters
        name = "fashion-mnist" | name = 7 | 1:8 | type integer
        dataset = "fashion-mnist" | dataset = "fashion_mnist" | 3:11 | did you mean "fashion-mnist"
        pixel_divisor = 255 | pixel_divisor = 0 | 4:17 | greater than 0
        pixel_divisor = 255 | pixel_divisor = 0xff | 4:17 | cannot be a value of type integer
        batch_size = 32 | batch_size = -1 | 6:14 | a whole number from 0
        batch_size = 32 | batch_size = 60001 | 6:14 | at most 60000
        batch_size = 32 | batch_size = 32.5 | 6:14 | type float
        batch_size = 32 | batch_size = 99999999999999999999999 | 6:14 | a whole number
        epochs = 10 | epochs = 0 | 7:10 | at least 1
        epochs = 10 | epochs = 9_000_000_000 | 7:10 | at most 1000000
        shuffle = true | shuffle = "yes" | 8:11 | type string
        seed = 1 | seed = -1 | 9:8 | a whole number
        precision = "fp32" | precision = "fp23" | 10:13 | did you mean "fp32"
        softmax-cross-entropy | mse | 11:8 | unknown loss "mse"
        kind = "adam" | kind = "adagrad" | 13:8 | laptime does not have it yet; known: adam, adamw, sgd, rmsprop
        learning_rate = 0.001 | learning_rate = -0.001 | 14:17 | greater than 0
        learning_rate = 0.001 | learning_rate = nan | 14:17 | greater than 0
        learning_rate = 0.001 | learning_rate = inf | 14:17 | greater than 0
        learning_rate = 0.001 | learning_rate = 1e99 | 14:17 | single precision
        learning_rate = 0.001 | learning_rate = "fast" | 14:17 | type string
        beta1 = 0.9 | beta1 = 1 | 15:9 | from 0 to less than 1
        beta1 = 0.9 | beta1 = -0.1 | 15:9 | from 0 to less than 1
        beta2 = 0.999 | beta2 = 0.99999999999 | 16:9 | from 0 to less than 1
        epsilon = 1e-7 | epsilon = 0 | 17:11 | greater than 0
        units = 128 | units = 0 | 24:9 | at least 1
        units = 128 | units = 99999999999 | 24:9 | at most 4294967296
        units = 128 | units = 4000000000 | 24:9 | parameters
        units = 10 | units = 11 | 31:9 | the last layer gives 11 values a sample, but fashion-mnist has 10 classes
    "#;
    assert_errors(table);
}

#[test]
fn missing_unknown_and_doubled_keys_are_named() {
    let table = r#"
        learning_rate | learning_rat | 14:1 | did you mean "learning_rate"
        epochs = 10⏎ | epoch = 10⏎ | 7:1 | unknown key "epoch" in [training]
        epochs = 10⏎ |  | 5:1 | [training] has no "epochs"
        units = 128⏎ |  | 21:1 | a "dense" layer has no "units"
        units = 128 | unit = 128 | 24:1 | unknown key "unit" in a "dense" layer
        kind = "relu" | kind = "relu"⏎units = 3 | 28:1 | unknown key "units" in a "relu" layer
        kind = "relu"⏎ |  | 25:1 | a [[layer]] has no "kind"
        [data] | [dat] | 2:2 | did you mean "data"
        name = "fashion-mnist" | name = "fashion-mnist | 1:22 | this is not TOML
        epochs = 10 | epochs = 10⏎epochs = 11 | 8:1 | this is not TOML: duplicate key
        epochs = 10 | epochs = | 7:9 | this is not TOML
    "#;
    assert_errors(table);
    let whole = [
        ("", "net.toml: the spec has no \"name\"; add name ="),
        ("name = \"a\"", "has no [data]"),
        ("name = \"a\"\ndata = 3", "\"data\" must be a table"),
    ];
    for (text, expected) in whole {
        let message = resolve(text).unwrap_err().to_string();
        assert!(
            message.contains(expected),
            "{message}\nexpected: {expected}"
        );
    }
    let layers = changed("", "");
    let head = &layers[..layers.find("[[layer]]").unwrap()];
    for (tail, expected) in [
        ("", "has no [[layer]]"),
        (
            "[layer]\nkind = \"relu\"",
            "\"layer\" must be a list of tables",
        ),
    ] {
        let message = resolve(&format!("{head}{tail}")).unwrap_err().to_string();
        assert!(
            message.contains(expected),
            "{message}\nexpected: {expected}"
        );
    }
    let message = resolve(&format!("layer = []\n{head}"))
        .unwrap_err()
        .to_string();
    assert!(message.contains("the spec has no layers"), "{message}");
    let message = resolve(&format!("layer = [3]\n{head}"))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("\"layer\" must be a list of tables"),
        "{message}"
    );
}

#[test]
fn layers_that_do_not_fit_together_are_pointed_at() {
    let table = r#"
        name = "fc2" | name = "fc1" | 29:8 | layers 2 and 4 are both named "fc1"
        name = "fc2" | name = "input" | 29:8 | cannot be named "input"
        name = "fc2" | name = "fc 2" | 29:8 | a layer's name cannot be "fc 2"
        [[layer]]⏎name = "flatten"⏎kind = "flatten"⏎ |  | 20:8 | put a layer with kind = "flatten" before it
        units = 10⏎ | units = 10⏎inputs = ["rel"]⏎ | 32:11 | did you mean "relu"
        units = 10⏎ | units = 10⏎inputs = ["fc2"]⏎ | 32:11 | does not come before this one
        units = 10⏎ | units = 10⏎inputs = ["fc1", "relu"]⏎ | 30:8 | it reads one layer, but is given 2
        units = 10⏎ | units = 10⏎inputs = []⏎ | 30:8 | it reads one layer, but is given 0
        units = 10⏎ | units = 10⏎inputs = [3]⏎ | 32:11 | type integer
        units = 10⏎ | units = 10⏎inputs = "fc1"⏎ | 32:10 | type string
        units = 10⏎ | units = 10⏎inputs = ["fc1"]⏎ | 27:8 | nothing reads the output of layer "relu"
    "#;
    assert_errors(table);
}

#[test]
fn any_text_gives_a_workload_or_an_error() {
    let text = changed("", "");
    let long = "x".repeat(5000);
    let pieces = [
        "",
        "\0",
        "\"",
        "=",
        "[[",
        "é",
        "\r",
        "1e999",
        "-",
        "{a={}}",
        "\u{1b}[2J",
        long.as_str(),
    ];
    for at in (0..=text.len()).filter(|&at| text.is_char_boundary(at)) {
        for piece in pieces {
            let whole = format!("{}{piece}{}", &text[..at], &text[at..]);
            let _ = resolve(&whole);
            let _ = resolve(&whole[..at]);
        }
    }
    for opening in ["[", "{a=", "a.", "[a."] {
        let _ = resolve(&format!("x = {}", opening.repeat(100_000)));
        let _ = resolve(&opening.repeat(100_000));
    }
}

#[test]
fn a_file_that_cannot_be_a_spec_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.toml");
    let message = |path| Spec::read(path).unwrap_err().to_string();
    assert!(
        message(&path).contains("net.toml: cannot be read"),
        "{}",
        message(&path)
    );
    assert!(
        message(folder.path()).contains("cannot be read"),
        "{}",
        message(folder.path())
    );
    std::fs::write(&path, b"name = \"\xff\"").unwrap();
    assert!(
        message(&path).contains("is not UTF-8 text at byte 8"),
        "{}",
        message(&path)
    );
    std::fs::write(&path, vec![b' '; 2 << 20]).unwrap();
    assert!(
        message(&path).contains("is larger than 1 MiB"),
        "{}",
        message(&path)
    );
    std::fs::write(&path, BUILTINS[0].text).unwrap();
    assert_eq!(Spec::read(&path).unwrap().name(), "fashion-mnist");
}
