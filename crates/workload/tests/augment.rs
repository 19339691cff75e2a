//! `[augment]`

use laptime_workload::{Augment, Overrides, Spec, Workload, starter};

fn resolved(more: &str) -> Result<Workload, String> {
    let text = format!("{}\n{more}", starter("net"));
    let spec = Spec::parse(&text, "net.toml").map_err(|error| error.to_string())?;
    let workload = spec.resolve(&Overrides::default());
    workload.map_err(|error| error.to_string())
}

#[test]
fn crops_and_flips_are_read_and_may_be_left_out() {
    let some = |crop_padding, flip| Some(Augment { crop_padding, flip });
    for (text, expected) in [
        ("", None),
        ("[augment]\n", None),
        ("[augment]\ncrop_padding = 4\nflip = true", some(4, true)),
        ("[augment]\nflip = true", some(0, true)),
        ("[augment]\ncrop_padding = 2", some(2, false)),
    ] {
        assert_eq!(resolved(text).map(|it| it.augment), Ok(expected), "{text}");
    }
}

#[test]
fn what_cannot_be_augmented_is_told() {
    for (text, says) in [
        (
            "[augment]\ncrop_padding = 28",
            "must be less than the height and the width, which are 28 and 28",
        ),
        ("[augment]\ncrop_padding = -1", "\"crop_padding\" must be"),
        ("[augment]\nflip = 1", "write flip = true"),
        ("[augment]\nrotate = 5", "unknown key \"rotate\""),
    ] {
        let message = resolved(text).expect_err(text);
        assert!(message.contains(says), "{message}\nexpected: {says}");
    }
    let autoencoder = starter("net")
        .replace("softmax-cross-entropy", "mean-squared-error")
        .replace("units = 10", "units = 784");
    let spec = Spec::parse(
        &format!("{autoencoder}\n[augment]\nflip = true"),
        "net.toml",
    )
    .unwrap();
    let message = spec.resolve(&Overrides::default()).unwrap_err().to_string();
    assert!(message.contains("this net learns its input"), "{message}");
}
