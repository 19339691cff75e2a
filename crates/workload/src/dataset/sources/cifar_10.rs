//! Krizhevsky's CIFAR-10 (2009).

use crate::dataset::{Archive, Column, DataSource, Description, Dtype, OfficialFile, cifar_files};

/// The dataset.
pub(super) fn source() -> DataSource {
    DataSource {
        description: Description {
            name: "cifar-10".into(),
            columns: vec![
                Column::new("pixels", Dtype::U8, &[32, 32, 3]),
                Column::new("labels", Dtype::U8, &[]),
            ],
            classes: 10,
            train_samples: 50_000,
            test_samples: 10_000,
        },
        title: "CIFAR-10",
        licence: "A. Krizhevsky, 2009; no licence stated",
        base_url: "https://www.cs.toronto.edu/~kriz/",
        files: FILES,
        archive: Some(Archive {
            file: OfficialFile {
                name: "cifar-10-binary.tar.gz",
                bytes: 170_052_171,
                sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                dimensions: &[],
                unpacked: None,
            },
            folder: "cifar-10-batches-bin",
        }),
        torchvision_folder: None,
        unreadable: &[
            (
                "cifar-10-batches-py",
                "the Python version, as torchvision has it; laptime reads the binary version",
            ),
            (
                "cifar-10-python.tar.gz",
                "the Python version, as torchvision has it; laptime reads the binary version",
            ),
        ],
        read: cifar_files::read,
    }
}

const FILES: &[OfficialFile] = &[
    cifar_batch(
        "data_batch_1.bin",
        "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    ),
    cifar_batch(
        "data_batch_2.bin",
        "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    ),
    cifar_batch(
        "data_batch_3.bin",
        "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    ),
    cifar_batch(
        "data_batch_4.bin",
        "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    ),
    cifar_batch(
        "data_batch_5.bin",
        "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    ),
    cifar_batch(
        "test_batch.bin",
        "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    ),
];

const fn cifar_batch(name: &'static str, sha256: &'static str) -> OfficialFile {
    OfficialFile {
        name,
        bytes: 30_730_000,
        sha256,
        dimensions: &[10_000, 3_073],
        unpacked: None,
    }
}
