//! What a model's file does not say: on what it is trained, and how.

use laptime_workload::{Loss, dataset::DataSource};

use crate::{graph::Read, problem::Problem};

/// What the command line says of the training; `None` leaves it to a default, which the spec shows as such.
#[derive(Debug, Clone, Default)]
pub struct Training {
    /// The dataset's name.
    pub dataset: Option<String>,
    /// The loss.
    pub loss: Option<Loss>,
    /// Samples a step.
    pub batch_size: Option<u64>,
    /// Passes over the samples.
    pub epochs: Option<u64>,
    /// What pixels are divided by.
    pub pixel_divisor: Option<f64>,
}

/// A training with nothing left open but, perhaps, its dataset.
pub(crate) struct Chosen {
    /// `None` where no dataset of laptime's fits.
    pub dataset: Option<String>,
    pub loss: Loss,
    pub pixel_divisor: f64,
    pub why_divisor: &'static str,
}

/// Decides what follows from the model's shapes.
pub(crate) fn choose(training: &Training, read: &Read) -> Result<Chosen, Problem> {
    let values: usize = read.input.iter().product();
    let fits = |source: &&DataSource| {
        let input = source.description.input();
        match read.is_row {
            true => input.values() == values,
            false => input.shape == read.input,
        }
    };
    let is_copy = read.outputs == values;
    let mut sources = DataSource::all().iter().filter(fits);
    let loss_of = |source: Option<&DataSource>| match source {
        Some(source) if source.description.classes == read.outputs => Loss::SoftmaxCrossEntropy,
        _ if is_copy || read.outputs == 1 => Loss::MeanSquaredError,
        _ => Loss::SoftmaxCrossEntropy,
    };
    let is_right = |source: &&DataSource| match training.loss.unwrap_or(loss_of(Some(source))) {
        Loss::SoftmaxCrossEntropy => source.description.classes == read.outputs,
        Loss::MeanSquaredError => is_copy,
    };
    let found = sources.find(is_right);
    let loss = training.loss.unwrap_or(loss_of(found));
    check_order(read, loss, is_copy)?;
    Ok(Chosen {
        dataset: training
            .dataset
            .clone()
            .or(found.map(|found| found.name().to_owned())),
        loss,
        why_divisor: match read.divisor {
            Some(_) => "as the model itself does",
            None if found.is_none() && training.dataset.is_none() => {
                "bytes become 0 to 1; leave it out for other inputs"
            }
            None => "bytes become 0 to 1",
        },
        pixel_divisor: training.pixel_divisor.or(read.divisor).unwrap_or(255.0),
    })
}

/// The last layer's values come in the order that the loss compares them in.
fn check_order(read: &Read, loss: Loss, is_copy: bool) -> Result<(), Problem> {
    let wanted = match loss {
        Loss::MeanSquaredError if is_copy => read.input_order.as_ref(),
        _ => None,
    };
    if read.output_order.as_ref() == wanted {
        return Ok(());
    }
    let what = "the values at the end are those of an image, channels first, in a row: laptime has them channels last";
    Err(Problem::new(
        what,
        "end the model with a Linear layer, or give the image itself for mean-squared-error",
    ))
}
