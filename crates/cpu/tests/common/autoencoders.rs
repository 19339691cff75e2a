//! Nets that give their input back, as a spec writes their layers.

/// Dense layers; the last batch of values fills no block of sixteen where pixels do not.
pub const DENSE: &str = r#"layer = [
    { name = "flatten", kind = "flatten" },
    { name = "fc1", kind = "dense", units = 21 },
    { name = "relu", kind = "relu" },
    { name = "fc2", kind = "dense", units = 784 },
    { name = "sigmoid", kind = "sigmoid" },
]"#;

/// A convolution, and an image that is made flat at the end.
pub const IMAGES: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 5, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "relu", kind = "relu" },
    { name = "c2", kind = "conv2d", filters = 1, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "flatten", kind = "flatten" },
]"#;
