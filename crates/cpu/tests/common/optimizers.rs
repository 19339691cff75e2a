//! What every engine's tests of optimizers train.

use laptime_workload::{RateSchedule, Workload};

pub const ADAMW: &str = "kind = \"adamw\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\n\
                     epsilon = 1e-7\nweight_decay = 0.1\n";
/// As PyTorch's users have it; with an epsilon that shows where it is added.
pub const CORRECTED: &str = "kind = \"adamw\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\n\
                         epsilon = 1e-3\nweight_decay = 0.1\ncorrected_epsilon = true\nweights_only = true\n";
pub const AMSGRAD: &str = "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.9\nepsilon = 1e-3\n\
                       corrected_epsilon = true\namsgrad = true\n";
/// With a decay, of weights alone, as PyTorch has it.
pub const AMSGRAD_DECAY: &str = "kind = \"adamw\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.9\nepsilon = 1e-3\n\
                             weight_decay = 0.1\ncorrected_epsilon = true\namsgrad = true\nweights_only = true\n";
pub const RMSPROP: &str =
    "kind = \"rmsprop\"\nlearning_rate = 0.001\nalpha = 0.99\nepsilon = 1e-3\n";
pub const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9\n";
pub const NESTEROV: &str = "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9\nnesterov = true\n";
/// With a decay in the gradient, of weights alone, as PyTorch's users have it.
pub const SGD_DECAY: &str = "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9\nweight_decay = 0.05\n\
                         weights_only = true\n";
pub const NESTEROV_DECAY: &str = "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9\nnesterov = true\n\
                              weight_decay = 0.05\n";

/// Convolutions, the last of a single position, where eight of nine taps are dead; a bias in front of a batch
/// norm, whose gradient is 0; dense layers. Neither channels nor units fill their last block of sixteen.
pub const LAYERS: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 18, kernel = 3, stride = 7, padding = "same", bias = true },
    { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu1", kind = "relu" },
    { name = "pool", kind = "avg_pool", size = 4, stride = 4, padding = "valid" },
    { name = "c2", kind = "conv2d", filters = 20, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "relu2", kind = "relu" },
    { name = "flatten", kind = "flatten" },
    { name = "fc1", kind = "dense", units = 21 },
    { name = "relu3", kind = "relu" },
    { name = "fc2", kind = "dense", units = 10 },
]"#;

/// The workload with a rate that changes from step to step.
pub fn scheduled(workload: Workload) -> Workload {
    let schedule = RateSchedule::Linear {
        warmup_steps: 2,
        decay_steps: 30,
        final_share: 0.1,
    };
    Workload {
        rate_schedule: Some(schedule),
        ..workload
    }
}
