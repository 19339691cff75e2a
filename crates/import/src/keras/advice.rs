//! What to do where an archive has what is not read from it.

/// Exporters write a model out in operations that laptime may well have.
pub(super) const EXPORT: &str =
    "export the model as ONNX: model.export(\"model.onnx\", format=\"onnx\")";
