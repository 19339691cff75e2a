//! `drop_last` in `[training]`.

use laptime_workload::{Overrides, Spec, Workload, epoch_order, starter};

fn resolved(text: &str) -> Result<Workload, String> {
    let whole = starter("net").replace("[training]\n", &format!("[training]\n{text}\n"));
    let spec = Spec::parse(&whole, "net.toml").map_err(|error| error.to_string())?;
    let overrides = Overrides {
        batch_size: Some(32),
        ..Overrides::default()
    };
    let workload = spec.resolve(&overrides);
    workload.map_err(|error| error.to_string())
}

#[test]
fn a_batch_that_is_not_full_is_left_out_of_the_order() {
    for text in ["", "drop_last = false"] {
        let workload = resolved(text).unwrap();
        assert_eq!(workload.epoch_samples(100), 100);
        assert_eq!(workload.epoch_order(0, 100).len(), 100);
    }
    let workload = resolved("drop_last = true").unwrap();
    assert!(workload.shuffle);
    for (samples, expected) in [(100, 96), (96, 96), (32, 32), (95, 64)] {
        assert_eq!(workload.epoch_samples(samples), expected);
    }
    for epoch in [0, 1] {
        let order = epoch_order(workload.seed, epoch, 100, true);
        assert_eq!(workload.epoch_order(epoch, 100), order[..96]);
    }
    let message = resolved("drop_last = 1").unwrap_err();
    assert!(message.contains("write drop_last = true"), "{message}");
    let message = resolved("drop_remainder = true").unwrap_err();
    assert!(
        message.contains("laptime calls it \"drop_last\""),
        "{message}"
    );
}
