//! What every engine's tests of further kinds of convolutions train.

/// Dilated convolutions: of the pixels, of groups, of each channel, with strides, asymmetric padding, a batch norm or
/// nothing behind; taps that never meet the image, between some that do.
pub const DILATED: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 18, kernel = 3, stride = 2, padding = [2, 1, 3, 2], dilation = [2, 3], bias = true },
    { name = "r1", kind = "relu" },
    { name = "c2", kind = "conv2d", filters = 20, kernel = [3, 2], stride = 1, padding = "same", dilation = 2, bias = false },
    { name = "n2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "r2", kind = "relu" },
    { name = "p2", kind = "max_pool", size = 2, stride = 2, padding = "valid" },
    { name = "d3", kind = "conv2d", filters = 20, kernel = 3, stride = 1, padding = "same", dilation = [1, 3], bias = true, groups = 20 },
    { name = "g4", kind = "conv2d", filters = 30, kernel = [2, 3], stride = [2, 1], padding = [1, 2, 2, 1], dilation = [3, 1], bias = false, groups = 5 },
    { name = "c5", kind = "conv2d", filters = 7, kernel = 5, stride = 2, padding = "same", dilation = 2, bias = true },
    { name = "mean", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;
