//! The datasets that laptime knows, one file each.

mod cifar_10;
mod fashion_mnist;

use std::sync::LazyLock;

use super::DataSource;

/// In the order that lists show them.
pub(crate) static SOURCES: LazyLock<Vec<DataSource>> =
    LazyLock::new(|| vec![fashion_mnist::source(), cifar_10::source()]);
