//! The datasets that laptime knows, one file each: a new one is a file that describes its columns and its files,
//! with a function that reads them, and a line in [`SOURCES`].

mod cifar_10;
mod cifar_100;
mod fashion_mnist;

use std::sync::LazyLock;

use super::DataSource;

/// In the order that lists show them.
pub(crate) static SOURCES: LazyLock<Vec<DataSource>> = LazyLock::new(|| {
    vec![
        fashion_mnist::source(),
        cifar_10::source(),
        cifar_100::source(),
    ]
});
