//! Krizhevsky's CIFAR-100 (2009), with its fine labels.

use crate::dataset::{Archive, Column, DataSource, Description, Dtype, OfficialFile, cifar_files};

/// The dataset. Its sums were never made here from a download: the archive's is the one that MLDatasets.jl and others
/// check (its MD5, 03b5dce01913d631647c71ecec9e9cb8, is on the author's page), those of the files in it are the ones
/// that torchvision-ruby checks (`lib/torchvision/datasets/cifar100.rb`).
pub(super) fn source() -> DataSource {
    DataSource {
        description: Description {
            name: "cifar-100".into(),
            columns: vec![
                Column::new("pixels", Dtype::U8, &[32, 32, 3]),
                Column::new("labels", Dtype::U8, &[]),
            ],
            classes: 100,
            train_samples: 50_000,
            test_samples: 10_000,
        },
        title: "CIFAR-100",
        licence: "A. Krizhevsky, 2009; no licence stated",
        base_url: "https://www.cs.toronto.edu/~kriz/",
        files: &[
            OfficialFile {
                name: "train.bin",
                bytes: 153_700_000,
                sha256: "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
                dimensions: &[50_000, 3_074],
                unpacked: None,
            },
            OfficialFile {
                name: "test.bin",
                bytes: 30_740_000,
                sha256: "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
                dimensions: &[10_000, 3_074],
                unpacked: None,
            },
        ],
        archive: Some(Archive {
            file: OfficialFile {
                name: "cifar-100-binary.tar.gz",
                bytes: 168_513_733,
                sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                dimensions: &[],
                unpacked: None,
            },
            folder: "cifar-100-binary",
        }),
        torchvision_folder: None,
        unreadable: &[
            (
                "cifar-100-python",
                "the Python version, as torchvision has it; laptime reads the binary version",
            ),
            (
                "cifar-100-python.tar.gz",
                "the Python version, as torchvision has it; laptime reads the binary version",
            ),
        ],
        read: cifar_files::read,
    }
}
