//! Zalando Research's Fashion-MNIST (2017).

use crate::dataset::{Column, DataSource, Description, Dtype, OfficialFile, idx_files};

/// The dataset.
pub(super) fn source() -> DataSource {
    DataSource {
        description: Description {
            name: "fashion-mnist".into(),
            columns: vec![
                Column::new("pixels", Dtype::U8, &[28, 28, 1]),
                Column::new("labels", Dtype::U8, &[]),
            ],
            classes: 10,
            train_samples: 60_000,
            test_samples: 10_000,
        },
        title: "Fashion-MNIST",
        licence: "Zalando Research, 2017; MIT",
        base_url: "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        files: &[
            OfficialFile {
                name: "train-images-idx3-ubyte.gz",
                bytes: 26_421_880,
                sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                dimensions: &[60_000, 28, 28],
                unpacked: Some(&OfficialFile {
                    name: "train-images-idx3-ubyte",
                    bytes: 47_040_016,
                    sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                    dimensions: &[60_000, 28, 28],
                    unpacked: None,
                }),
            },
            OfficialFile {
                name: "train-labels-idx1-ubyte.gz",
                bytes: 29_515,
                sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                dimensions: &[60_000],
                unpacked: Some(&OfficialFile {
                    name: "train-labels-idx1-ubyte",
                    bytes: 60_008,
                    sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                    dimensions: &[60_000],
                    unpacked: None,
                }),
            },
            OfficialFile {
                name: "t10k-images-idx3-ubyte.gz",
                bytes: 4_422_102,
                sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                dimensions: &[10_000, 28, 28],
                unpacked: Some(&OfficialFile {
                    name: "t10k-images-idx3-ubyte",
                    bytes: 7_840_016,
                    sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                    dimensions: &[10_000, 28, 28],
                    unpacked: None,
                }),
            },
            OfficialFile {
                name: "t10k-labels-idx1-ubyte.gz",
                bytes: 5_148,
                sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                dimensions: &[10_000],
                unpacked: Some(&OfficialFile {
                    name: "t10k-labels-idx1-ubyte",
                    bytes: 10_008,
                    sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                    dimensions: &[10_000],
                    unpacked: None,
                }),
            },
        ],
        archive: None,
        torchvision_folder: Some("FashionMNIST/raw"),
        unreadable: &[
            (
                "fashion-mnist_train.csv",
                "Kaggle's CSV; laptime reads IDX files",
            ),
            (
                "fashion-mnist_test.csv",
                "Kaggle's CSV; laptime reads IDX files",
            ),
        ],
        read: idx_files::read,
    }
}
