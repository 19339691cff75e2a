//! `micro_batch_size` in `[training]`.

use laptime_workload::{Overrides, Spec, Workload, starter};

fn resolved(text: &str, batch_size: Option<u64>) -> Result<Workload, String> {
    let whole = starter("net");
    let (before, rest) = whole.split_once("batch_size = ").expect("it has a batch");
    let (_, behind) = rest.split_once('\n').expect("a line");
    let whole = format!("{before}batch_size = 32\n{text}\n{behind}");
    let spec = Spec::parse(&whole, "net.toml").map_err(|error| error.to_string())?;
    let overrides = Overrides {
        batch_size,
        ..Overrides::default()
    };
    let workload = spec.resolve(&overrides);
    workload.map_err(|error| error.to_string())
}

#[test]
fn a_size_is_read_and_may_be_left_out() {
    for (text, batch_size, expected) in [
        ("", None, None),
        ("micro_batch_size = 8", None, Some(8)),
        ("micro_batch_size = 5", None, Some(5)),
        ("micro_batch_size = 32", None, None),
        ("micro_batch_size = 32", Some(128), Some(32)),
    ] {
        let workload = resolved(text, batch_size).unwrap();
        assert_eq!(workload.micro_batch_size, expected, "{text}");
        let at_once = expected.unwrap_or(workload.batch_size);
        assert_eq!(workload.rows_at_once(), at_once);
    }
}

#[test]
fn what_is_wrong_with_a_size_is_told() {
    for (text, batch_size, says) in [
        ("micro_batch_size = 0", None, "at least 1"),
        (
            "micro_batch_size = 33",
            None,
            "at most batch_size, which is 32",
        ),
        (
            "micro_batch_size = 32",
            Some(16),
            "at most batch_size, which is 16",
        ),
        ("micro_batch_size = \"8\"", None, "type string"),
        (
            "micro_batchsize = 8",
            None,
            "did you mean \"micro_batch_size\"?",
        ),
        ("gradient_accumulation_steps = 4", None, "their quotient"),
    ] {
        let message = resolved(text, batch_size).expect_err(text);
        assert!(message.contains(says), "{message}\nexpected: {says}");
    }
}
