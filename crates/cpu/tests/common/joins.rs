//! What every engine's tests of joined layers train.

/// The input joined with what is made of it; many layers at once, one of them twice; squeeze-and-excitation; groups
/// of one channel, of some and of all; a product of two layers; rows joined. Channels do not fill their last block.
pub const LAYERS: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 5, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "with_input", kind = "concat", inputs = ["input", "c1"] },
    { name = "c2", kind = "conv2d", filters = 18, kernel = 3, stride = 3, padding = "same", bias = false },
    { name = "n2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "a2", kind = "relu6" },
    { name = "g1", kind = "conv2d", filters = 27, kernel = 3, stride = 2, padding = "same", bias = true, groups = 9 },
    { name = "r1", kind = "relu" },
    { name = "g2", kind = "conv2d", filters = 20, kernel = [2, 3], stride = [1, 2], padding = [1, 0, 2, 1], bias = false, groups = 1 },
    { name = "g3", kind = "conv2d", filters = 30, kernel = 3, stride = 1, padding = "same", bias = false, groups = 2 },
    { name = "n3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "r3", kind = "relu" },
    { name = "g4", kind = "conv2d", filters = 30, kernel = 1, stride = 1, padding = "valid", bias = true, groups = 15 },
    { name = "squeeze", kind = "global_avg_pool" },
    { name = "fc1", kind = "dense", units = 3, bias = false },
    { name = "swish", kind = "silu" },
    { name = "fc2", kind = "dense", units = 30 },
    { name = "factors", kind = "sigmoid" },
    { name = "excited", kind = "multiply", inputs = ["factors", "g4"] },
    { name = "other", kind = "multiply", inputs = ["excited", "r3"] },
    { name = "joined", kind = "concat", inputs = ["excited", "r3", "other", "excited", "g4", "g2"] },
    { name = "larger", kind = "upsample", factor = [2, 3] },
    { name = "last", kind = "conv2d", filters = 19, kernel = 3, stride = 2, padding = "valid", bias = true },
    { name = "mean", kind = "global_avg_pool" },
    { name = "rows", kind = "concat", inputs = ["mean", "fc1", "swish"] },
    { name = "fc3", kind = "dense", units = 10, bias = false },
]"#;
