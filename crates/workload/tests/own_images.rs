//! Folders of images: what identifies them.

use std::{fs, path::Path};

use laptime_workload::{Overrides, Spec, dataset::Data};

/// Images are identified by their files, not by what a processor decodes them to.
#[test]
fn folders_of_images_have_the_sum_of_their_files() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/images");
    let image = |name: &str| fs::read(corpus.join(name)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (class, name) in [
        ("cat", "gray.png"),
        ("cat", "color.jpg"),
        ("dog", "color.png"),
    ] {
        fs::create_dir_all(folder.path().join("pets").join(class)).unwrap();
        fs::write(
            folder.path().join(format!("pets/{class}/{name}")),
            image(name),
        )
        .unwrap();
    }
    let sum = |height: usize, more: &str| {
        let data = format!(
            "name = \"pets\"\ntrain = \"pets\"\n{more}\nheight = {height}\nwidth = 5\ncolor_mode = \"rgb\""
        );
        let text = format!(
            "name = \"net\"\nlayer = [{{ kind = \"flatten\" }}, {{ kind = \"dense\", units = 2 }}]\n\
             [data]\n{data}\n[training]\nbatch_size = 2\nepochs = 1\nshuffle = true\nseed = 1\n\
             precision = \"fp32\"\nloss = \"softmax-cross-entropy\"\n\
             [optimizer]\nkind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.0\n"
        );
        let path = folder.path().join("net.toml");
        fs::write(&path, text).unwrap();
        let spec = Spec::read(&path).unwrap();
        let workload = spec.resolve(&Overrides::default()).unwrap();
        let again = serde_json::to_string(&workload).unwrap();
        let Data::Own(own) = workload.dataset else {
            unreachable!("it is mine");
        };
        assert_eq!(own.load().unwrap().sha256, own.sha256);
        assert!(again.contains(&own.sha256));
        own.sha256
    };
    let whole = "test = \"pets\"\npixel_divisor = 255";
    let split = "test_fraction = 0.34\nsplit_seed = 1\npixel_divisor = 255";
    let first = sum(4, whole);
    assert_eq!(sum(4, whole), first);
    assert_ne!(sum(3, whole), first);
    assert_ne!(sum(4, "test = \"pets\"\nstandardize = true"), first);
    let first_split = sum(4, split);
    assert_ne!(first_split, first);
    // The same pixels in another file: a text stands before its last chunk, which has 12 bytes.
    let mut commented = image("color.png");
    let end = commented.len() - 12;
    let text = [&[0, 0, 0, 2][..], b"tEXta\0", &[0x3d, 0xc5, 0xbe, 0x8a]].concat();
    commented.splice(end..end, text);
    fs::write(folder.path().join("pets/dog/color.png"), commented).unwrap();
    assert_ne!(sum(4, whole), first);
    assert_ne!(sum(4, split), first_split);
}
