//! Wrong convolutional nets and what is said about them.

use laptime_workload::{Overrides, Spec};

const REST: &str = r#"
name = "net"
data = { dataset = "cifar-10", pixel_divisor = 255 }
training = { batch_size = 32, epochs = 1, shuffle = true, seed = 1, precision = "fp32", loss = "softmax-cross-entropy" }
optimizer = { kind = "sgd", learning_rate = 0.01, momentum = 0.9 }
"#;

/// The error of a net with these layers, one a line from line 2 on.
fn message(layers: &[&str], rest: &str) -> String {
    let mut text = String::from("layer = [\n");
    for layer in layers {
        text += &format!("{layer},\n");
    }
    text += "]\n";
    text += rest;
    let spec = Spec::parse(&text, "net.toml");
    let workload = spec.and_then(|spec| spec.resolve(&Overrides::default()));
    workload.expect_err(&text).to_string()
}

#[track_caller]
fn assert_error(layers: &[&str], place: &str, expected: &str) {
    let message = message(layers, REST);
    let start = format!("net.toml:{place}: ");
    assert!(message.starts_with(&start), "{message}\nexpected: {start}");
    assert!(
        message.contains(expected),
        "{message}\nexpected: {expected}"
    );
}

#[test]
fn a_net_has_no_more_layers_than_are_ever_used() {
    let mut layers = vec![r#"{ kind = "flatten" }"#];
    layers.resize(20_000, r#"{ kind = "relu" }"#);
    layers.push(r#"{ kind = "dense", units = 10 }"#);
    assert_error(&layers, "20002:10", "the spec has 20001 layers");
    assert_error(&layers, "20002:10", "use fewer: at most 20000 are possible");
    layers.remove(1);
    // As many as are possible.
    let text = format!("layer = [\n{}]\n{REST}", layers.join(",\n"));
    let spec = Spec::parse(&text, "net.toml").expect("it parses");
    assert!(spec.resolve(&Overrides::default()).is_ok());
}

#[test]
fn a_wrong_window_is_pointed_at() {
    let table = [
        (
            "kernel = 0, stride = 1, padding = \"valid\"",
            "2:42",
            "\"kernel\" must be at least 1",
        ),
        (
            "kernel = [3, 0], stride = 1, padding = \"valid\"",
            "2:46",
            "\"kernel\" must be at least 1",
        ),
        (
            "kernel = [3], stride = 1, padding = \"valid\"",
            "2:42",
            "\"kernel\" has 1 numbers, not 2",
        ),
        (
            "kernel = \"3\", stride = 1, padding = \"valid\"",
            "2:42",
            "type string",
        ),
        (
            "kernel = 3, stride = 0, padding = \"valid\"",
            "2:54",
            "\"stride\" must be at least 1",
        ),
        (
            "kernel = 3, stride = -1, padding = \"valid\"",
            "2:54",
            "a whole number from 0",
        ),
        (
            "kernel = 3, stride = 99999, padding = \"valid\"",
            "2:54",
            "at most 65536",
        ),
        (
            "kernel = 3, stride = 1, padding = \"full\"",
            "2:67",
            "write padding = \"valid\" or \"same\"",
        ),
        (
            "kernel = 3, stride = 1, padding = 1",
            "2:67",
            "[above, below, left, right]",
        ),
        (
            "kernel = 3, stride = 1, padding = [1, 1]",
            "2:67",
            "has 2 numbers, not 4",
        ),
        (
            "kernel = 3, stride = 1, padding = [1, 1, 1, -1]",
            "2:77",
            "a whole number from 0",
        ),
        (
            "kernel = 3, stride = 1",
            "2:1",
            "a \"conv2d\" layer has no \"padding\"",
        ),
        (
            "kernel = [33, 5], stride = 1, padding = \"valid\"",
            "2:42",
            "a window of 33×5 is larger than its input of 32×32 (32×32 with padding)",
        ),
        (
            "kernel = 37, stride = 1, padding = [2, 2, 3, 2]",
            "2:42",
            "a window of 37×37 is larger than its input of 32×32 (36×37 with padding)",
        ),
    ];
    for (window, place, expected) in table {
        let layer = format!("{{ kind = \"conv2d\", filters = 4, {window}, bias = true }}");
        assert_error(&[&layer], place, expected);
    }
    let pool = r#"{ kind = "max_pool", size = 2, stride = 2, padding = [0, 2, 0, 0] }"#;
    assert_error(
        &[pool],
        "2:54",
        "windows of 2×2 with nothing but padding in them",
    );
    let pool = r#"{ kind = "avg_pool", size = 40, stride = 2, padding = "valid" }"#;
    assert_error(&[pool], "2:29", "make size smaller");
}

#[test]
fn a_wrong_value_is_pointed_at() {
    let table = [
        (
            r#"{ kind = "dropout", rate = 1 }"#,
            "2:28",
            "from 0 to less than 1",
        ),
        (
            r#"{ kind = "dropout", rate = -0.1 }"#,
            "2:28",
            "from 0 to less than 1",
        ),
        (
            r#"{ kind = "dropout", rate = nan }"#,
            "2:28",
            "from 0 to less than 1",
        ),
        (r#"{ kind = "dropout" }"#, "2:1", "has no \"rate\""),
        (
            r#"{ kind = "batch_norm", epsilon = 1e-3, momentum = 1.01 }"#,
            "2:51",
            "from 0 to 1",
        ),
        (
            r#"{ kind = "batch_norm", epsilon = 0, momentum = 0.9 }"#,
            "2:34",
            "greater than 0",
        ),
        (
            r#"{ kind = "batchnorm", epsilon = 1, momentum = 1 }"#,
            "2:10",
            "did you mean \"batch_norm\"?",
        ),
        (
            r#"{ kind = "conv2d", filters = 0, kernel = 1, stride = 1, padding = "same", bias = true }"#,
            "2:30",
            "at least 1",
        ),
        (
            r#"{ kind = "conv2d", filters = 4, kernel = 1, stride = 1, padding = "same", bias = 1 }"#,
            "2:82",
            "type integer",
        ),
        (
            r#"{ kind = "conv2d", filters = 4_000_000_000, kernel = 1, stride = 1, padding = "same", bias = true }"#,
            "2:30",
            "parameters",
        ),
        (
            r#"{ kind = "conv2d", filters = 5_000_000, kernel = 1, stride = 1, padding = "same", bias = true }"#,
            "2:30",
            "a batch of 32 makes 5120000000 values",
        ),
        (
            r#"{ kind = "add", inputs = ["input", "input"], rate = 1 }"#,
            "2:46",
            "unknown key \"rate\"",
        ),
    ];
    for (layer, place, expected) in table {
        assert_error(&[layer], place, expected);
    }
    let optimizers = [
        (
            "learning_rate = 0.01, momentum = 1",
            "from 0 to less than 1",
        ),
        ("learning_rate = 0.0, momentum = 0.9", "greater than 0"),
        ("learning_rate = 0.01", "has no \"momentum\""),
        (
            "learning_rate = 0.01, momentum = 0.9, beta1 = 0.9",
            "unknown key \"beta1\"",
        ),
    ];
    for (values, expected) in optimizers {
        let rest = REST.replace("learning_rate = 0.01, momentum = 0.9", values);
        let message = message(&[r#"{ kind = "flatten" }"#], &rest);
        assert!(message.starts_with("net.toml:8:"), "{message}");
        assert!(
            message.contains(expected),
            "{message}\nexpected: {expected}"
        );
    }
}

const FLATTEN: &str = r#"{ kind = "flatten" }"#;
const DENSE: &str = r#"{ kind = "dense", units = 10 }"#;
const CONV: &str = r#"{ kind = "conv2d", filters = 4, kernel = 3, stride = 2, padding = "same", bias = false, name = "conv" }"#;
const POOL: &str = r#"{ kind = "global_avg_pool" }"#;

#[test]
fn layers_that_do_not_fit_together_are_pointed_at() {
    let row = "reads images, but its input is one row of 3072 values a sample";
    let images = [
        CONV,
        POOL,
        r#"{ kind = "max_pool", size = 2, stride = 2, padding = "same" }"#,
        r#"{ kind = "avg_pool", size = 2, stride = 2, padding = "valid" }"#,
    ];
    for layer in images {
        assert_error(&[FLATTEN, layer, DENSE], "3:10", row);
    }
    let advice = "\"flatten\" before it, or one with kind = \"global_avg_pool\"";
    assert_error(&[CONV, DENSE], "3:10", advice);
    assert_error(
        &[CONV],
        "2:30",
        "the last layer gives 16×16×4 values a sample",
    );
    assert_error(
        &[CONV, r#"{ kind = "add", inputs = ["conv", "input"] }"#],
        "3:26",
        "reads two inputs of one shape, but these are 16×16×4 and 32×32×3",
    );
    assert_error(
        &[CONV, r#"{ kind = "add" }"#],
        "3:10",
        "reads two layers, but is given 1",
    );
    assert_error(
        &[
            CONV,
            r#"{ kind = "add", inputs = ["conv", "conv", "conv"] }"#,
        ],
        "3:26",
        "reads two layers, but is given 3",
    );
    assert_error(
        &[CONV, r#"{ kind = "add", inputs = ["conv", "cnv"] }"#],
        "3:35",
        "there is no layer \"cnv\"\n",
    );
    assert_error(
        &[CONV, r#"{ kind = "add", inputs = ["conv", "cnv"] }"#],
        "3:35",
        "did you mean \"conv\"?",
    );
    assert_error(
        &[
            CONV,
            r#"{ kind = "add", inputs = ["conv", "global_avg_pool1"] }"#,
            POOL,
        ],
        "3:35",
        "does not come before this one",
    );
    let unread = r#"{ kind = "global_avg_pool", inputs = ["input"] }"#;
    assert_error(
        &[CONV, unread, DENSE],
        "2:10",
        "nothing reads the output of layer \"conv\"",
    );
}

#[test]
fn what_does_not_join_is_told() {
    const CONV: &str = r#"{ name = "c", kind = "conv2d", filters = 8, kernel = 3, stride = 2, padding = "same", bias = true }"#;
    const MEAN: &str = r#"{ name = "m", kind = "global_avg_pool" }"#;
    let table = [
        (
            r#"{ inputs = ["c"], kind = "concat" }"#,
            "a concat layer reads two layers or more, but is given 1",
        ),
        (
            r#"{ inputs = ["c", "input"], kind = "concat" }"#,
            "but these are 16×16×8 and 32×32×3",
        ),
        (
            r#"{ inputs = ["c", "m"], kind = "concat" }"#,
            "but these are 16×16×8 and 8",
        ),
        (
            r#"{ inputs = ["c", "input"], kind = "multiply" }"#,
            "or an image and as many values as it has channels, but these are 16×16×8 and 32×32×3",
        ),
        (
            r#"{ inputs = ["m", "m", "m"], kind = "multiply" }"#,
            "a multiply layer reads two layers, but is given 3",
        ),
        (
            r#"{ groups = 3, inputs = ["c"], kind = "conv2d", filters = 9, kernel = 1, stride = 1, padding = "valid", bias = true }"#,
            "8 channels and 9 filters do not make 3 groups",
        ),
        (
            r#"{ inputs = ["m"], kind = "upsample", factor = 2 }"#,
            "an upsample layer reads images",
        ),
    ];
    for (layer, expected) in table {
        let message = message(&[CONV, MEAN, layer], REST);
        assert!(
            message.contains(expected),
            "{message}\nexpected: {expected}"
        );
    }
}
