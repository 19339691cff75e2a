//! The official files of each dataset: where they are, what they must be.

use crate::workload::{DatasetName, SampleShape};

/// A dataset as its authors publish it.
#[derive(Debug)]
pub struct Official {
    /// Its name in prose.
    pub title: &'static str,
    /// Who made it and under which licence.
    pub licence: &'static str,
    /// The folder on the web that has the files.
    pub base_url: &'static str,
    /// The shape of one sample.
    pub shape: SampleShape,
    /// How many classes the labels name.
    pub classes: usize,
    /// How many samples there are to train on.
    pub train_samples: usize,
    /// How many samples there are to test on.
    pub test_samples: usize,
    /// How its files hold the samples.
    pub format: Format,
    /// Its files.
    pub files: &'static [OfficialFile],
    /// The archive that has the files, where they are not published one by one.
    pub archive: Option<Archive>,
    /// The folder in which torchvision keeps them, where laptime can read what it has there.
    pub(crate) torchvision_folder: Option<&'static str>,
    /// What others have of the dataset that laptime cannot read: a name, and what it is.
    pub(crate) unreadable: &'static [(&'static str, &'static str)],
}

/// How files hold samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The MNIST family's, in gzip or unpacked: a file each for training pixels, training labels, test pixels
    /// and test labels.
    Idx,
    /// The binary version of CIFAR-10: records of a label and its planes of pixels, training
    /// samples in all files but the last, test samples in that.
    Cifar,
}

/// An archive (tar in gzip) of official files.
#[derive(Debug)]
pub struct Archive {
    /// The archive itself.
    pub file: OfficialFile,
    /// The folder that the files are in, in the archive.
    pub folder: &'static str,
}

impl Official {
    /// What is downloaded: the archive, or the files one by one.
    pub fn downloads(&self) -> &[OfficialFile] {
        match &self.archive {
            Some(archive) => std::slice::from_ref(&archive.file),
            None => self.files,
        }
    }

    /// Where on the web `file` can be had: by itself or in its archive.
    pub(crate) fn url(&self, file: &OfficialFile) -> String {
        let file = self.archive.as_ref().map_or(file, |archive| &archive.file);
        format!("{}{}", self.base_url, file.name)
    }
}

/// One official file.
#[derive(Debug)]
pub struct OfficialFile {
    /// Its name, on the web and on disk.
    pub name: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 sum in lower-case hexadecimal digits.
    pub sha256: &'static str,
    /// The dimensions of its decompressed contents: what an IDX header must state; records and
    /// bytes a record; empty for an archive.
    pub dimensions: &'static [usize],
    /// What `gunzip` makes of it, which is as good.
    pub unpacked: Option<&'static OfficialFile>,
}

impl DatasetName {
    /// What is officially known of it.
    pub fn official(self) -> &'static Official {
        match self {
            Self::FashionMnist => &FASHION_MNIST,
            Self::Cifar10 => &CIFAR_10,
        }
    }
}

static FASHION_MNIST: Official = Official {
    title: "Fashion-MNIST",
    licence: "Zalando Research, 2017; MIT",
    base_url: "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    shape: SampleShape {
        height: 28,
        width: 28,
        channels: 1,
    },
    classes: 10,
    train_samples: 60_000,
    test_samples: 10_000,
    format: Format::Idx,
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
};

static CIFAR_10: Official = Official {
    title: "CIFAR-10",
    licence: "A. Krizhevsky, 2009; no licence stated",
    base_url: "https://www.cs.toronto.edu/~kriz/",
    shape: SampleShape {
        height: 32,
        width: 32,
        channels: 3,
    },
    classes: 10,
    train_samples: 50_000,
    test_samples: 10_000,
    format: Format::Cifar,
    files: &[
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
    ],
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
};

const fn cifar_batch(name: &'static str, sha256: &'static str) -> OfficialFile {
    OfficialFile {
        name,
        bytes: 30_730_000,
        sha256,
        dimensions: &[10_000, 3_073],
        unpacked: None,
    }
}
