//! Specs written from memory of PyTorch or Keras: all that is missing is said at once, with the values
//! that those libraries would use.

use laptime_workload::{Overrides, Spec};

fn message(text: &str) -> String {
    let spec = Spec::parse(text, "net.toml");
    let workload = spec.and_then(|spec| spec.resolve(&Overrides::default()));
    workload.expect_err(text).to_string()
}

#[track_caller]
fn assert_says(message: &str, expected: &[&str]) {
    for expected in expected {
        assert!(
            message.contains(expected),
            "{message}\nexpected: {expected}"
        );
    }
}

/// Each of these is said, and nothing else.
#[track_caller]
fn assert_says_these_alone(message: &str, expected: &[&str]) {
    assert_says(message, expected);
    let said = message.matches("net.toml:").count();
    assert_eq!(said, expected.len(), "{message}");
}

/// As little as one would write of a LeNet in either library.
const LENET: &str = r#"name = "lenet"

[data]
dataset = "fashion-mnist"

[training]
batch_size = 64
epochs = 5

[optimizer]
kind = "sgd"
lr = 0.1

[[layer]]
kind = "conv2d"
filters = 6
kernel = 5

[[layer]]
kind = "max_pool"
size = 3

[[layer]]
kind = "flatten"

[[layer]]
kind = "dense"
units = 10
"#;

#[test]
fn all_missing_keys_are_named_at_once() {
    assert_eq!(
        message(LENET),
        r#"net.toml:3:1: [data] has no "pixel_divisor"
  |
3 | [data]
  | ^^^^^^
  = add pixel_divisor = 255  # bytes become 0 to 1, as by torchvision's ToTensor
net.toml:6:1: [training] has no "shuffle", "seed", "precision", "loss"
  |
6 | [training]
  | ^^^^^^^^^^
  = add these:
      shuffle = true                  # the default in Keras
      seed = 1
      precision = "fp32"              # the default in PyTorch and Keras
      loss = "softmax-cross-entropy"
net.toml:12:1: unknown key "lr" in the optimizer "sgd"
   |
12 | lr = 0.1
   | ^^
   = laptime calls it "learning_rate" (known: kind, nesterov, weight_decay, weights_only, global_clip_norm, learning_rate, momentum)
net.toml:10:1: the optimizer "sgd" has no "momentum"
   |
10 | [optimizer]
   | ^^^^^^^^^^^
   = add momentum = 0.0  # the default in PyTorch and Keras; 0.9 is usual
net.toml:14:1: a "conv2d" layer has no "stride", "padding", "bias"
   |
14 | [[layer]]
   | ^^^^^^^^^
   = add these:
      stride = 1         # the default in PyTorch and Keras
      padding = "valid"  # none, the default in PyTorch and Keras
      bias = true        # the default in PyTorch and Keras
net.toml:19:1: a "max_pool" layer has no "stride", "padding"
   |
19 | [[layer]]
   | ^^^^^^^^^
   = add these:
      stride = 3         # the window's size, the default in PyTorch and Keras
      padding = "valid"  # none, the default in PyTorch and Keras"#
    );
}

/// The lines that a message offers to copy.
fn offered(message: &str) -> Vec<&str> {
    let lines = message.lines();
    lines
        .filter_map(|line| line.strip_prefix("      "))
        .collect()
}

#[test]
fn what_is_offered_for_an_empty_file_leaves_only_the_keys_of_kinds_to_add() {
    let nothing = message("");
    assert_says(&nothing, &["the spec has no \"name\"; add name = "]);
    let begun = format!("name = \"net\"\n{}", offered(&nothing).join("\n"));
    let message = message(&begun);
    assert_says(
        &message,
        &[
            "the optimizer \"adam\" has no \"learning_rate\", \"beta1\", \"beta2\", \"epsilon\"",
            "a \"dense\" layer has no \"units\"",
        ],
    );
    assert_eq!(message.matches("net.toml:").count(), 2, "{message}");
}

#[test]
fn keys_of_another_kind_are_said_to_be_that_ones() {
    let adam = "learning_rate = 0.1\nmomentum = 0.9\nbeta1 = 0.9";
    assert_says(
        &message(&LENET.replace("lr = 0.1", adam)),
        &[
            "unknown key \"beta1\" in the optimizer \"sgd\"",
            "it is a key of \"adam\", \"adamw\"; known: kind, nesterov, weight_decay, weights_only, global_clip_norm, learning_rate, momentum",
        ],
    );
    assert_says(
        &message(&LENET.replace("kernel = 5", "units = 5\nkernel_size = 3")),
        &[
            "unknown key \"units\" in a \"conv2d\" layer",
            "it is a key of \"dense\"; known:",
            "laptime calls it \"kernel\"",
            "has no \"stride\", \"padding\", \"bias\"",
        ],
    );
    assert_says(
        &message(&LENET.replace("size = 3", "pool_size = 3\npadding_mode = 1")),
        &[
            "laptime calls it \"size\"",
            "unknown key \"padding_mode\"",
            "laptime does not have it yet",
        ],
    );
}

#[test]
fn the_keys_of_a_kind_under_another_name_are_looked_at_too() {
    let layer = "kind = \"Linear\"\nout_features";
    assert_says(
        &message(&LENET.replace("kind = \"dense\"\nunits", layer)),
        &[
            "laptime calls it \"dense\"",
            "unknown key \"out_features\" in a \"dense\" layer",
            "laptime calls it \"units\"",
        ],
    );
}

#[test]
fn a_slip_is_not_said_to_be_missing_too() {
    let slips = [
        ("name =", "nam =", "did you mean \"name\"?"),
        ("[optimizer]", "[optimiser]", "did you mean \"optimizer\"?"),
        ("[[layer]]", "[[layers]]", "did you mean \"layer\"?"),
        ("epochs =", "epoch =", "did you mean \"epochs\"?"),
        (
            "kind = \"dense\"",
            "type = \"dense\"",
            "a [[layer]] has no \"kind\"",
        ),
    ];
    for (right, slip, expected) in slips {
        let message = message(&LENET.replace(right, slip));
        assert_says(&message, &[expected]);
        let missing = message.matches("net.toml: the spec has no").count();
        assert_eq!(missing, 0, "{message}");
        assert!(!message.contains("no \"epochs\""), "{message}");
    }
}

#[test]
fn of_very_many_errors_the_first_are_shown() {
    let layers = "[[layer]]\nkind = \"dense\"\n".repeat(30_000);
    let message = message(&layers);
    assert_eq!(message.matches("has no \"units\"").count(), 16);
    assert_says(&message, &["there may be more; these are the first 20"]);
    let keys: String = (0..30_000).map(|n| format!("k{n} = 1\n")).collect();
    assert_says(&self::message(&keys), &["these are the first 20"]);
}

#[test]
fn all_wrong_values_are_told_at_once() {
    let text = LENET
        .replace(
            "dataset = \"fashion-mnist\"",
            "dataset = \"mnist\"\npixel_divisor = 0",
        )
        .replace("batch_size = 64", "batch_size = \"64\"")
        .replace("epochs = 5", "epochs = 5.5")
        .replace("lr = 0.1", "learning_rate = -1\nmomentum = 1")
        .replace(
            "filters = 6\nkernel = 5",
            "filters = 0\nkernel = -5\nname = \"a b\"",
        )
        .replace("units = 10", "units = 0");
    let message = message(&text);
    let expected = [
        "unknown dataset \"mnist\"",
        "\"pixel_divisor\" must be a number greater than 0",
        "[training] has no \"shuffle\"",
        "\"batch_size\" cannot be a value of type string",
        "\"epochs\" cannot be a value of type float",
        "\"learning_rate\" must be",
        "\"momentum\" must be",
        "a \"conv2d\" layer has no \"stride\"",
        "\"filters\" must be at least 1",
        "\"kernel\" must be a whole number",
        "a layer's name cannot be \"a b\"",
        "a \"max_pool\" layer has no",
        "\"units\" must be at least 1",
    ];
    assert_says_these_alone(&message, &expected);
}

#[test]
fn what_an_import_left_open_is_told_with_what_to_put_there() {
    let text = LENET.replace("\"fashion-mnist\"", "\"FILL-IN\"");
    let message = message(&text);
    let expected = [
        "dataset = \"FILL-IN\"",
        "the data is not filled in: no dataset that laptime knows fits this model",
        "name your files in place of this line, as name = \"mydata\", train_inputs = \"data.npz:x_train\"",
        "`laptime data show data.npz`",
    ];
    assert_says(&message, &expected);
    assert!(!message.contains("unknown dataset"), "{message}");
}

/// A net whose layers do not fit: each fault once, and none that only follows from another.
#[test]
fn all_layers_that_do_not_fit_are_told_at_once() {
    let text = r#"
name = "net"
data = { dataset = "fashion-mnist", pixel_divisor = 255 }
training = { batch_size = 0, epochs = 1, shuffle = true, seed = 1, precision = "fp32", loss = "softmax-cross-entropy" }
optimizer = { kind = "sgd", learning_rate = 0.01, momentum = 0.9 }
layer = [
    { kind = "conv2d", filters = 6, kernel = 31, stride = 1, padding = "valid", bias = true },
    { kind = "relu" },
    { kind = "dense", units = 120, name = "fc" },
    { kind = "max_pool", size = 2, stride = 2, padding = "valid" },
    { kind = "dense", units = 84, name = "fc", inputs = ["conv", "pool"] },
    { kind = "dense", units = 100 },
]
"#;
    let message = message(text);
    let expected = [
        "batch_size must be at least 1",
        "layers 3 and 5 are both named \"fc\"",
        "a window of 31×31 is larger than its input",
        "a max_pool layer reads images, but its input is one row of 120",
        "there is no layer \"conv\"",
        "there is no layer \"pool\"",
        "the last layer gives 100 values a sample",
    ];
    assert_says_these_alone(&message, &expected);
}
