//! What an import is made of.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use laptime_workload::Loss;

use super::whole;

#[derive(Debug, ClapArgs)]
pub struct ImportArgs {
    /// The model: ONNX, as torch.onnx.export or Keras's model.export(format="onnx") writes it, or .keras, as Keras 3's
    /// model.save does
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The workload file to write [default: the model's name with .toml, in this folder]
    #[arg(long, short, value_name = "FILE.toml", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Write the model's weights too, as safetensors
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub weights: Option<PathBuf>,
    /// Overwrite an existing workload file
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// The dataset [default: by the shape of the model's input]
    #[arg(long, value_name = "NAME", help_heading = "Training")]
    pub dataset: Option<String>,
    /// The loss [default: by the shape of the model's output]
    #[arg(long, value_name = "LOSS", value_parser = loss, help_heading = "Training")]
    pub loss: Option<Loss>,
    /// Samples per training step [default: 32]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole::any::<u64>,
        help_heading = "Training"
    )]
    pub batch_size: Option<u64>,
    /// Number of epochs to train [default: 10]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole::any::<u64>,
        help_heading = "Training"
    )]
    pub epochs: Option<u64>,
}

fn loss(name: &str) -> Result<Loss, String> {
    let found = Loss::ALL.into_iter().find(|loss| loss.as_str() == name);
    found.ok_or_else(|| {
        let names = Loss::ALL.map(Loss::as_str);
        format!("write one of {}", names.join(", "))
    })
}
