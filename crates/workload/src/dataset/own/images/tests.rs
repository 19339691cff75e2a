use std::fs;

use tempfile::TempDir;

use super::{
    decode::{Picture, decode},
    *,
};

fn corpus(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/images");
    fs::read(folder.join(name)).unwrap()
}

/// A folder with these images of the corpus, each in its class.
fn folder(images: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, (class, image)) in images.iter().enumerate() {
        let of_class = folder.path().join(class);
        fs::create_dir_all(&of_class).unwrap();
        let ending = image.rsplit('.').next().unwrap();
        fs::write(of_class.join(format!("{number}.{ending}")), corpus(image)).unwrap();
    }
    folder
}

const SMALL: ImageForm = ImageForm {
    size: Some([4, 6]),
    color_mode: Some(ColorMode::Rgb),
};

fn decoded_of(name: &str) -> Result<Picture, String> {
    decode(&corpus(name), Path::new(name)).map_err(|error| error.to_string())
}

/// What all images of the corpus were made of.
fn value(y: usize, x: usize, channel: usize) -> u8 {
    let values = [20 * y + 5 * x, 15 * x + 10, 255 - 12 * y - 6 * x];
    values[channel].min(255) as u8
}

fn gray_value(y: usize, x: usize) -> u8 {
    (15 * y + 5 * x) as u8
}

#[test]
fn every_format_has_the_pixels_that_it_was_made_of() {
    const COLOR: usize = 3;
    let farthest = |name: &str, channels: usize| {
        let picture = decoded_of(name).unwrap();
        assert_eq!((picture.height, picture.width), (10, 13), "{name}");
        assert_eq!(picture.color_mode.channels(), channels, "{name}");
        let far = picture.pixels.iter().enumerate().map(|(index, pixel)| {
            let (y, x) = (index / channels / 13, index / channels % 13);
            let expected = match channels {
                COLOR => value(y, x, index % channels),
                _ => gray_value(y, x),
            };
            pixel.abs_diff(expected)
        });
        far.max().unwrap()
    };
    assert_eq!(farthest("color.png", COLOR), 0);
    assert_eq!(farthest("opaque.png", COLOR), 0);
    assert_eq!(farthest("gray.png", 1), 0);
    assert_eq!(farthest("text.png", 1), 0);
    // What JPEG loses: of colours, every second one.
    assert!(farthest("gray.jpg", 1) < 6);
    assert!(farthest("color.jpg", COLOR) < 40);
    assert!(farthest("progressive.jpg", COLOR) < 40);
    let bits = decoded_of("bits.png").unwrap().pixels;
    let is_right = |(index, pixel): (usize, &u8)| {
        (*pixel == 255) == (gray_value(index / 13, index % 13) > 70) && [0, 255].contains(pixel)
    };
    assert!(bits.iter().enumerate().all(is_right), "{bits:?}");
}

#[test]
fn a_file_that_is_no_image_of_bytes_is_told() {
    let message = |name: &str| decoded_of(name).unwrap_err();
    assert!(
        message("cmyk.jpg").contains("colours as CMYK"),
        "{}",
        message("cmyk.jpg")
    );
    assert!(message("sixteen.png").contains("16 bits"));
    assert!(message("transparent.png").starts_with("transparent.png: it is transparent"));
    let of = |bytes: &[u8]| decode(bytes, Path::new("x")).unwrap_err().to_string();
    assert!(of(b"GIF89a").contains("neither a JPEG nor a PNG"));
    assert!(of(b"").contains("neither a JPEG nor a PNG"));
    for name in [
        "color.jpg",
        "progressive.jpg",
        "gray.jpg",
        "color.png",
        "palette.png",
    ] {
        let file = corpus(name);
        for end in 0..file.len() - 20 {
            assert!(
                decode(&file[..end], Path::new("x")).is_err(),
                "{name} up to {end}"
            );
        }
    }
}

#[test]
fn a_header_that_claims_more_than_there_is_gets_no_memory() {
    let mut file = corpus("gray.jpg");
    let frame = file.windows(2).position(|it| it == [0xff, 0xc0]).unwrap();
    file[frame + 5..frame + 9].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
    let message = decode(&file, Path::new("x")).unwrap_err().to_string();
    assert!(message.contains("claims 16383×16383 pixels"), "{message}");
    // A PNG's header has a checksum, which is made right here.
    let mut file = corpus("gray.png");
    file[16..24].copy_from_slice(&[0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff]);
    let sum = crc(&file[12..29]).to_be_bytes();
    file[29..33].copy_from_slice(&sum);
    let message = decode(&file, Path::new("x")).unwrap_err().to_string();
    assert!(
        message.contains("fewer pixels than its header claims"),
        "{message}"
    );
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |mut sum, byte| {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 * (sum & 1));
        }
        sum
    })
}

#[test]
fn classes_are_folders_and_images_become_alike() {
    let folder = folder(&[
        ("dog", "color.jpg"),
        ("cat", "gray.png"),
        ("dog", "palette.png"),
    ]);
    fs::create_dir(folder.path().join(".git")).unwrap();
    fs::write(folder.path().join("cat/.DS_Store"), "x").unwrap();
    let (raw, labels, _) = read(folder.path(), SMALL).unwrap();
    assert_eq!((raw.kind, &raw.shape[..]), (Kind::U8, &[3, 4, 6, 3][..]));
    let ([classes, _], names) = Labels::numbered(&labels, None).unwrap();
    assert_eq!(
        (classes, names),
        (vec![0, 1, 1], vec!["cat".into(), "dog".into()])
    );
    let gray = decoded_of("gray.png").unwrap();
    let expected = resize::resized(gray.into_mode(ColorMode::Rgb), 4, 6);
    assert_eq!(raw.bytes[..4 * 6 * 3], expected.pixels);

    let grayscale = ImageForm {
        color_mode: Some(ColorMode::Grayscale),
        size: None,
    };
    let (raw, ..) = read(folder.path(), grayscale).unwrap();
    assert_eq!(raw.shape, [3, 10, 13, 1]);
    let from_color = decoded_of("color.jpg")
        .unwrap()
        .into_mode(ColorMode::Grayscale);
    assert_eq!(raw.bytes[130..260], from_color.pixels);
}

#[test]
fn red_green_and_blue_count_as_they_are_seen() {
    let picture = Picture {
        height: 1,
        width: 4,
        color_mode: ColorMode::Rgb,
        pixels: vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9],
    };
    assert_eq!(
        picture.into_mode(ColorMode::Grayscale).pixels,
        [76, 150, 29, 9]
    );
}

#[test]
fn what_does_not_belong_is_refused_with_its_name() {
    let told = |folder: &TempDir, form| {
        let error = read(folder.path(), form).unwrap_err().to_string();
        let error = error.replace(&folder.path().display().to_string(), "F");
        // Windows has its own separator.
        error.replace('\\', "/")
    };
    let two = || folder(&[("cat", "gray.png"), ("dog", "color.png")]);
    let message = told(&two(), ImageForm::default());
    assert!(
        message.starts_with(
            "F/dog/1.png: this image is rgb, and the first one is grayscale; add color_mode"
        ),
        "{message}"
    );
    // A row fewer than there are data for.
    let bytes = corpus("gray.png");
    let other_size = folder(&[("cat", "gray.png"), ("dog", "gray.png")]);
    let mut low = bytes.clone();
    low[20..24].copy_from_slice(&9u32.to_be_bytes());
    let sum = crc(&low[12..29]).to_be_bytes();
    low[29..33].copy_from_slice(&sum);
    fs::write(other_size.path().join("dog/1.png"), low).unwrap();
    let message = told(&other_size, ImageForm::default());
    let expected = "F/dog/1.png: this image has 9×13 pixels (height×width), and the first one 10×13; add height";
    assert!(message.starts_with(expected), "{message}");
    for (name, expected) in [
        (
            "cat/notes.txt",
            "F/cat/notes.txt: a class's folder has files that end in",
        ),
        (
            "README",
            "F/README: a folder of images has a sub-folder for each class",
        ),
    ] {
        let folder = two();
        fs::write(folder.path().join(name), "x").unwrap();
        assert!(
            told(&folder, SMALL).starts_with(expected),
            "{}",
            told(&folder, SMALL)
        );
    }
    let empty = two();
    fs::create_dir(empty.path().join("eel")).unwrap();
    assert!(told(&empty, SMALL).starts_with("F/eel: this class has no images"));
    let damaged = two();
    fs::write(damaged.path().join("cat/1.png"), &bytes[..50]).unwrap();
    fs::write(damaged.path().join("dog/1.png"), "").unwrap();
    assert!(told(&damaged, SMALL).starts_with("F/cat/1.png: it ends too early"));
    let absent = Path::new("no/such/folder");
    let message = read(absent, SMALL).unwrap_err().to_string();
    assert!(
        message.contains("paths start at the spec's folder"),
        "{message}"
    );
    let nothing = tempfile::tempdir().unwrap();
    assert!(told(&nothing, SMALL).contains("there is no sub-folder with images"));
}

#[test]
fn what_the_cache_has_is_believed_only_where_its_sum_is_right() {
    let folder = folder(&[("cat", "gray.png"), ("dog", "color.png")]);
    let cache = tempfile::tempdir().unwrap();
    let read = |form| {
        let listing = list(folder.path()).unwrap();
        let (raw, ..) = read_listed(&listing, form, Some(cache.path())).unwrap();
        (raw.shape, raw.bytes)
    };
    let files = || {
        let entries = cache.path().read_dir().unwrap();
        let mut paths: Vec<_> = entries.map(|it| it.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let first = read(SMALL);
    let [kept] = &files()[..] else {
        panic!("one file is kept: {:?}", files());
    };
    assert_eq!(read(SMALL), first);
    // It is really read: another file with a right sum is taken for it.
    let other = Pixels {
        shape: [2, 1, 2, 1],
        bytes: vec![1, 2, 3, 4],
    };
    let listing = list(folder.path()).unwrap();
    let digests = sums(&listing).unwrap();
    cache::Place::new(cache.path(), &listing, SMALL).keep(&digests, &mut other.clone());
    assert_eq!(read(SMALL), (other.shape.to_vec(), other.bytes));
    // A damaged one is not, and made anew.
    let good = fs::read(kept).unwrap();
    for at in [0, good.len() - 40, good.len() - 1] {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        fs::write(kept, damaged).unwrap();
        assert_eq!(read(SMALL), first);
        assert_eq!(read(SMALL), first);
    }
    fs::write(kept, "").unwrap();
    assert_eq!(read(SMALL), first);
    // Another form, and other contents of the same length, are kept apart.
    let form = ImageForm {
        size: Some([4, 5]),
        ..SMALL
    };
    assert_eq!(read(form).0, [2, 4, 5, 3]);
    assert_eq!(files().len(), 2);
    let image = folder.path().join("cat/0.png");
    fs::copy(folder.path().join("dog/1.png"), &image).unwrap();
    assert_ne!(read(SMALL), first);
    assert_eq!(files().len(), 3);
}
