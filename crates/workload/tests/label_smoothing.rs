//! `label_smoothing` in `[training]`.

use laptime_workload::{Overrides, Spec, Workload, starter};

fn resolved(smoothing: &str) -> Result<Workload, String> {
    let loss = "loss = \"softmax-cross-entropy\"";
    let text = starter("net");
    assert!(text.contains(loss));
    let text = text.replace(loss, &format!("{loss}\n{smoothing}\n"));
    let spec = Spec::parse(&text, "net.toml").map_err(|error| error.to_string())?;
    let workload = spec.resolve(&Overrides::default());
    workload.map_err(|error| error.to_string())
}

#[test]
fn smoothing_is_read_and_may_be_left_out() {
    for (text, expected) in [
        ("", 0.0),
        ("label_smoothing = 0", 0.0),
        ("label_smoothing = 0.1", 0.1),
    ] {
        assert_eq!(resolved(text).map(|it| it.label_smoothing), Ok(expected));
    }
}

#[test]
fn what_is_wrong_with_smoothing_is_told() {
    for (text, says) in [
        ("label_smoothing = 1.5", "a number from 0 to 1"),
        ("label_smoothing = -0.1", "write label_smoothing = 0.1"),
        ("label_smoothing = \"some\"", "type string"),
        ("label_smoothin = 0.1", "did you mean \"label_smoothing\"?"),
        ("smoothing = 0.1", "laptime calls it \"label_smoothing\""),
    ] {
        let message = resolved(text).expect_err(text);
        assert!(message.contains(says), "{message}\nexpected: {says}");
    }
}
