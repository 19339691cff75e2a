//! The table `[initializer]` of a spec.

use laptime_workload::{Distribution, INITIALIZERS, Initializer, Overrides, Spec, starter};

fn resolved(table: &str) -> Result<Initializer, String> {
    let text = format!("{}\n{table}\n", starter("net"));
    let spec = Spec::parse(&text, "net.toml").map_err(|error| error.to_string())?;
    let workload = spec.resolve(&Overrides::default());
    let workload = workload.map_err(|error| error.to_string())?;
    Ok(workload.initializer)
}

#[test]
fn an_initializer_is_read_and_may_be_left_out() {
    assert_eq!(resolved(""), Ok(Initializer::GlorotUniform));
    for entry in INITIALIZERS {
        let keys = entry.keys.iter().map(|key| format!("{} = 0.5\n", key.name));
        let table = format!(
            "[initializer]\nkind = {:?}\n{}",
            entry.kind,
            keys.collect::<String>()
        );
        let read = resolved(&table).unwrap_or_else(|error| panic!("{error}"));
        // As text, it has the name of its entry.
        let text = format!("{read:?}").to_lowercase();
        assert!(text.starts_with(&entry.kind.replace('_', "")), "{text}");
    }
}

#[test]
fn what_is_wrong_with_an_initializer_is_told() {
    let table = [
        ("kind = \"he_norma\"", "did you mean \"he_normal\"?"),
        (
            "kind = \"kaiming_normal\"",
            "laptime calls it \"he_normal\"",
        ),
        (
            "kind = \"xavier_uniform\"",
            "laptime calls it \"glorot_uniform\"",
        ),
        ("kind = \"orthogonal\"", "laptime does not have it yet"),
        ("kind = \"normal\"", "has no \"deviation\""),
        ("kind = \"uniform\"\nlimit = 0", "greater than 0"),
        (
            "kind = \"he_normal\"\nlimit = 1",
            "it is a key of \"uniform\"",
        ),
    ];
    for (text, expected) in table {
        let message = resolved(&format!("[initializer]\n{text}")).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
}

/// Of a layer with 8 inputs and 24 outputs.
#[test]
fn distributions_have_the_variances_of_their_papers() {
    let table = [
        (Initializer::GlorotUniform, 1.0 / 16.0),
        (Initializer::GlorotNormal, 1.0 / 16.0),
        (Initializer::HeUniform, 1.0 / 4.0),
        (Initializer::HeNormal, 1.0 / 4.0),
        (Initializer::LecunUniform, 1.0 / 8.0),
        (Initializer::LecunNormal, 1.0 / 8.0),
        (Initializer::Pytorch, 1.0 / 24.0),
        (Initializer::Uniform { limit: 0.5 }, 1.0 / 12.0),
        (Initializer::Normal { deviation: 0.5 }, 0.25),
    ];
    for (initializer, expected) in table {
        let variance = match initializer.distribution(8, 24) {
            Distribution::Uniform { limit } => limit * limit / 3.0,
            Distribution::Normal { deviation } => deviation * deviation,
        };
        assert!(
            (variance - expected).abs() < 1e-12,
            "{initializer:?}: {variance}"
        );
        let has_biases = initializer.distribution_of_biases(8).is_some();
        assert_eq!(has_biases, initializer == Initializer::Pytorch);
    }
}
