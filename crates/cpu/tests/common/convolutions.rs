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

/// Transposed convolutions: of the pixels, behind others, with strides above and below the kernel, asymmetric padding,
/// padding of the output, dilation; a batch norm, ReLU or nothing behind; one that a sum reads beside another layer.
pub const TRANSPOSED: &str = r#"layer = [
    { name = "t0", kind = "conv2d_transpose", filters = 3, kernel = 2, stride = 1, padding = [1, 0, 1, 1], bias = true },
    { name = "c1", kind = "conv2d", filters = 18, kernel = 5, stride = 4, padding = "same", bias = true },
    { name = "r1", kind = "relu" },
    { name = "t2", kind = "conv2d_transpose", filters = 20, kernel = 3, stride = 2, padding = [1, 1, 1, 1], output_padding = 1, bias = true },
    { name = "r2", kind = "relu" },
    { name = "c3", kind = "conv2d", filters = 17, kernel = 3, stride = 2, padding = "same", bias = false },
    { name = "n3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "t3", kind = "conv2d_transpose", filters = 17, kernel = [2, 3], stride = [1, 1], padding = [1, 0, 2, 2], dilation = [1, 2], bias = false },
    { name = "n4", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "sum", kind = "add", inputs = ["n4", "n3"] },
    { name = "r4", kind = "relu" },
    { name = "t5", kind = "conv2d_transpose", filters = 5, kernel = 2, stride = 3, padding = "same", bias = true },
    { name = "t6", kind = "conv2d_transpose", filters = 16, kernel = 1, stride = 1, padding = "valid", bias = false },
    { name = "mean", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;
