//! `loss = "mean-squared-error"` in a spec.

use laptime_workload::{Loss, Overrides, Spec, Workload};

fn resolved(loss: &str, last: &str) -> Result<Workload, String> {
    let text = format!(
        "name = \"net\"\nlayer = [{{ kind = \"flatten\" }}, {{ kind = \"dense\", units = 9 }}, {last}]\n\
         [data]\ndataset = \"fashion-mnist\"\npixel_divisor = 255\n\
         [training]\nbatch_size = 8\nepochs = 1\nshuffle = true\nseed = 1\nprecision = \"fp32\"\n{loss}\n\
         [optimizer]\nkind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.0\n"
    );
    let spec = Spec::parse(&text, "net.toml").map_err(|error| error.to_string())?;
    let workload = spec.resolve(&Overrides::default());
    workload.map_err(|error| error.to_string())
}

const MSE: &str = "loss = \"mean-squared-error\"";

#[test]
fn an_autoencoder_has_a_loss_alone() {
    let workload = resolved(MSE, "{ kind = \"dense\", units = 784 }").expect("it is one");
    assert_eq!(workload.loss, Loss::MeanSquaredError);
    let metrics = workload.loss.metrics().iter();
    let metrics: Vec<_> = metrics.map(|it| (it.name, it.unit)).collect();
    assert_eq!(metrics, [("loss", "squared")]);
}

#[test]
fn what_is_wrong_with_an_autoencoder_is_told() {
    let wide = "{ kind = \"dense\", units = 784 }";
    let image = "{ kind = \"conv2d\", filters = 1, kernel = 3, stride = 1, padding = \"same\", bias = true, \
                 inputs = [\"input\"] }";
    let smoothed = format!("{MSE}\nlabel_smoothing = 0.1");
    for (loss, last, says) in [
        (
            MSE,
            "{ kind = \"dense\", units = 10 }",
            "gives 10 values a sample, but fashion-mnist has 784 input values",
        ),
        (MSE, "{ kind = \"dense\", units = 10 }", "units = 784"),
        (MSE, image, "end with a flatten layer"),
        (&smoothed, wide, "has no labels to smooth"),
        (
            "loss = \"mse\"",
            wide,
            "laptime calls it \"mean-squared-error\"",
        ),
        (
            "loss = \"mean-squared-eror\"",
            wide,
            "did you mean \"mean-squared-error\"?",
        ),
    ] {
        let message = resolved(loss, last).expect_err(says);
        assert!(message.contains(says), "{message}\nexpected: {says}");
    }
}
