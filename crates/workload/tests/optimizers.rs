//! The table `[optimizer]` of a spec.

use laptime_workload::{
    Adam, AdamW, AmsGrad, OPTIMIZERS, Optimizer, Overrides, RmsProp, Sgd, Spec, Workload, starter,
};

/// The starter's spec with this table in the place of its own.
fn resolved(optimizer: &str) -> Result<Workload, String> {
    let text = starter("net");
    let (head, rest) = text.split_once("[optimizer]\n").unwrap();
    let (_, layers) = rest.split_once("\n\n").unwrap();
    let text = format!("{head}[optimizer]\n{optimizer}\n\n{layers}");
    let spec = Spec::parse(&text, "net.toml").map_err(|error| error.to_string())?;
    let workload = spec.resolve(&Overrides::default());
    workload.map_err(|error| error.to_string())
}

const ADAMW: &str = "kind = \"adamw\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\n\
                     epsilon = 1e-7\nweight_decay = 0.01";
const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9";
const RMSPROP: &str = "kind = \"rmsprop\"\nlearning_rate = 0.01\nalpha = 0.99\nepsilon = 1e-8";

#[test]
fn every_optimizer_is_read() {
    let adam = Adam {
        learning_rate: 0.001,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
        corrected_epsilon: false,
    };
    let adamw = AdamW {
        adam,
        weight_decay: 0.01,
        weights_only: false,
    };
    let sgd = Sgd {
        learning_rate: 0.1,
        momentum: 0.9,
        nesterov: false,
        weight_decay: None,
        weights_only: false,
    };
    let decaying = Sgd {
        weight_decay: Some(5e-4),
        ..sgd
    };
    let table = [
        (
            ADAMW
                .replace("adamw", "adam")
                .replace("\nweight_decay = 0.01", ""),
            Optimizer::Adam(adam),
        ),
        (ADAMW.into(), Optimizer::AdamW(adamw)),
        (
            format!("{ADAMW}\ncorrected_epsilon = true\nweights_only = true"),
            Optimizer::AdamW(AdamW {
                adam: Adam {
                    corrected_epsilon: true,
                    ..adam
                },
                weights_only: true,
                ..adamw
            }),
        ),
        (
            format!("{ADAMW}\namsgrad = true\nweights_only = true"),
            Optimizer::AmsGrad(AmsGrad {
                adam,
                weight_decay: Some(0.01),
                weights_only: true,
            }),
        ),
        (
            ADAMW
                .replace("adamw", "adam")
                .replace("weight_decay = 0.01", "amsgrad = true"),
            Optimizer::AmsGrad(AmsGrad {
                adam,
                weight_decay: None,
                weights_only: false,
            }),
        ),
        (SGD.into(), Optimizer::Sgd(sgd)),
        (format!("{SGD}\nnesterov = false"), Optimizer::Sgd(sgd)),
        (
            format!("{SGD}\nweight_decay = 5e-4"),
            Optimizer::Sgd(decaying),
        ),
        (
            format!("{SGD}\nweight_decay = 5e-4\nweights_only = true"),
            Optimizer::Sgd(Sgd {
                weights_only: true,
                ..decaying
            }),
        ),
        // The same training, and so the same digest.
        (
            format!("{SGD}\nweight_decay = 0\nweights_only = true"),
            Optimizer::Sgd(sgd),
        ),
        (
            format!("{SGD}\nnesterov = true"),
            Optimizer::Sgd(Sgd {
                nesterov: true,
                ..sgd
            }),
        ),
        (
            RMSPROP.into(),
            Optimizer::RmsProp(RmsProp {
                learning_rate: 0.01,
                alpha: 0.99,
                epsilon: 1e-8,
            }),
        ),
    ];
    for (text, expected) in table {
        assert_eq!(resolved(&text).unwrap().optimizer, expected);
    }
    assert_eq!(OPTIMIZERS.len(), 4);
}

#[test]
fn what_is_wrong_with_an_optimizer_is_told() {
    let table = [
        (
            ADAMW.replace("\nweight_decay = 0.01", ""),
            "has no \"weight_decay\"",
        ),
        (
            ADAMW.replace("0.01", "-0.01"),
            "\"weight_decay\" must be 0, or a number greater than 0",
        ),
        (
            ADAMW.replace("adamw", "adam"),
            "it is a key of \"adamw\", \"sgd\"; known: kind, corrected_epsilon, amsgrad, global_clip_norm, learning_rate, beta1, beta2, epsilon",
        ),
        (ADAMW.replace("adamw", "AdamW"), "did you mean \"adamw\"?"),
        (
            format!("{ADAMW}\nnesterov = true"),
            "it is a key of \"sgd\"; known:",
        ),
        (
            format!("{SGD}\nnesterov = 1"),
            "\"nesterov\" cannot be a value of type integer",
        ),
        (format!("{SGD}\nnesterov = 1"), "write nesterov = true"),
        (
            format!("{SGD}\nnestrov = true"),
            "did you mean \"nesterov\"?",
        ),
        (
            format!("{RMSPROP}\nweight_decay = 0.1"),
            "it is a key of \"adamw\", \"sgd\"; known:",
        ),
        (
            format!("{SGD}\nweight_decay = -0.1"),
            "\"weight_decay\" must be 0, or a number greater than 0",
        ),
        (
            format!("{SGD}\nwd = 5e-4"),
            "laptime calls it \"weight_decay\"",
        ),
        (
            format!("{SGD}\nl2 = 5e-4"),
            "is weight_decay = 2c and weights_only = true",
        ),
        (
            format!("{SGD}\nweights_only = true"),
            "write weight_decay = 5e-4, too, or leave weights_only out",
        ),
        (
            RMSPROP.replace("alpha", "rho"),
            "laptime calls it \"alpha\"",
        ),
        (
            RMSPROP.replace("alpha = 0.99", "alpha = 1.0"),
            "from 0 to less than 1",
        ),
        (
            format!("{RMSPROP}\nmomentum = 0.9"),
            "it is a key of \"sgd\"; known:",
        ),
        (RMSPROP.replace("1e-8", "0"), "greater than 0"),
    ];
    for (text, says) in table {
        let message = resolved(&text).expect_err("it is wrong");
        assert!(
            message.contains(says),
            "{text}\n{message}\nexpected: {says}"
        );
    }
}

#[test]
fn the_norm_to_clip_by_stands_beside_every_optimizer() {
    for optimizer in [ADAMW, SGD, RMSPROP] {
        assert_eq!(resolved(optimizer).unwrap().global_clip_norm, None);
        let workload = resolved(&format!("{optimizer}\nglobal_clip_norm = 1")).unwrap();
        assert_eq!(workload.global_clip_norm, Some(1.0));
    }
    for (line, says) in [
        ("global_clip_norm = 0", "greater than 0"),
        ("global_clip_norm = \"1\"", "write global_clip_norm = 1.0"),
        (
            "global_clipnorm = 1.0",
            "laptime calls it \"global_clip_norm\"",
        ),
        ("max_norm = 1.0", "laptime calls it \"global_clip_norm\""),
        (
            "clipnorm = 1.0",
            "by the norm of all gradients together: global_clip_norm",
        ),
        (
            "clip_norm = 1.0",
            "by the norm of all gradients together: global_clip_norm",
        ),
    ] {
        let message = resolved(&format!("{SGD}\n{line}")).expect_err(line);
        assert!(message.contains(says), "{message}\nexpected: {says}");
    }
}
