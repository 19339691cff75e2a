//! The table `[schedule]` of a spec.

use laptime_workload::{Overrides, RateSchedule, Spec, starter};

fn resolved(schedule: &str) -> Result<Option<RateSchedule>, String> {
    let text = format!("{}\n{schedule}\n", starter("net"));
    let spec = Spec::parse(&text, "net.toml").map_err(|error| error.to_string())?;
    let workload = spec.resolve(&Overrides::default());
    let workload = workload.map_err(|error| error.to_string())?;
    Ok(workload.rate_schedule)
}

#[test]
fn a_schedule_is_read_and_may_be_left_out() {
    assert_eq!(resolved(""), Ok(None));
    let table = "[schedule]\nkind = \"step\"\nwarmup_steps = 2\nevery_steps = 30\nfactor = 0.1";
    let step = RateSchedule::Step {
        warmup_steps: 2,
        every_steps: 30,
        factor: 0.1,
    };
    assert_eq!(resolved(table), Ok(Some(step)));
}

#[test]
fn what_is_wrong_with_a_schedule_is_told() {
    let cosine = |rest: &str| format!("[schedule]\nkind = \"cosine\"\n{rest}");
    let table = [
        (
            "[schedule]\nkind = \"cosin\"".into(),
            "did you mean \"cosine\"?",
        ),
        (
            "[schedule]\nkind = \"CosineAnnealingLR\"".into(),
            "laptime calls it \"cosine\"",
        ),
        (
            "[schedule]\nkind = \"OneCycleLR\"".into(),
            "laptime does not have it yet",
        ),
        (
            cosine("warmup_steps = 0\nfinal_share = 0.0"),
            "has no \"decay_steps\"",
        ),
        (
            cosine("warmup_steps = 0\ndecay_steps = 0\nfinal_share = 0.0"),
            "decay_steps",
        ),
        (
            cosine("warmup_steps = 0\ndecay_steps = 9\nfinal_share = 1.5"),
            "a number from 0 to 1",
        ),
        (
            cosine("warmup_steps = 9223372036854775807\ndecay_steps = 9\nfinal_share = 0.0"),
            "warmup_steps must be at most",
        ),
        (
            cosine("warmup_steps = 0\ndecay_steps = 9\nfinal_share = 0.0\nevery_steps = 3"),
            "it is a key of \"step\"",
        ),
        ("[scheduler]\nkind = \"cosine\"".into(), "\"schedule\""),
    ];
    for (text, says) in table {
        let message = resolved(&text).expect_err("it is wrong");
        assert!(
            message.contains(says),
            "{text}\n{message}\nexpected: {says}"
        );
    }
}
