//! What fuzzers try for hours, here for seconds: every file of the corpus and thousands of mutations of
//! them, the same on every machine, through the functions that the fuzz targets call.

#[path = "../../../fuzz/entries.rs"]
mod entries;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use laptime_workload::random::{Purpose, Stream};

/// Notes the largest single request for memory.
struct Noting;

static LARGEST_BYTES: AtomicUsize = AtomicUsize::new(0);

/// No file of the corpus has more than some kilobytes, so nobody needs more than this for one.
const MOST_BYTES: usize = 4 << 20;

// SAFETY: every call goes on to the system's allocator as it is.
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST_BYTES.fetch_max(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST_BYTES.fetch_max(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        LARGEST_BYTES.fetch_max(bytes, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, bytes) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GLOBAL: Noting = Noting;

#[test]
fn idx_files() {
    try_all("idx", entries::idx, 4000);
}

#[test]
fn gzip_files() {
    try_all("gzip", entries::gzip, 4000);
}

#[test]
fn arrays() {
    try_all("arrays", entries::arrays, 4000);
}

#[test]
fn images() {
    try_all("images", entries::images, 8000);
}

#[test]
fn tables() {
    try_all("table", entries::table, 4000);
}

#[test]
fn texts() {
    try_all("text", entries::text, 4000);
}

#[test]
fn specs() {
    try_all("spec", entries::spec, 3000);
}

#[test]
fn onnx_models() {
    try_all("onnx", entries::onnx, 4000);
}

#[test]
fn hdf5_files() {
    try_all("hdf5", entries::hdf5, 4000);
}

#[test]
fn safetensors_files() {
    try_all("safetensors", entries::safetensors, 3000);
}

#[test]
fn checkpoints() {
    try_all("checkpoint", entries::checkpoint, 3000);
}

#[test]
fn records() {
    try_all("record", entries::record, 3000);
}

/// Tries the corpus of a target, each file as it is and then changed, again and again.
fn try_all(target: &str, entry: fn(&[u8]) -> bool, mutations: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut corpus: Vec<(String, Vec<u8>)> = fs::read_dir(folder.join(target))
        .expect("the corpus is there")
        .map(|file| {
            let path = file.expect("it can be listed").path();
            let bytes = fs::read(&path).expect("it can be read");
            (path.display().to_string(), bytes)
        })
        .collect();
    corpus.sort();
    let accepted = corpus
        .iter()
        .filter(|(name, bytes)| try_one(entry, bytes, name))
        .count();
    assert!(accepted > 0, "no file of {target} is a good one any more");
    let mut random = Random(Stream::new(1, Purpose::Order, 0));
    for number in 0..mutations {
        let (name, bytes) = &corpus[number % corpus.len()];
        let (_, other) = &corpus[random.below(corpus.len())];
        let mut bytes = bytes.clone();
        for _ in 0..=random.below(4) {
            mutate(&mut bytes, other, &mut random);
        }
        try_one(entry, &bytes, &format!("mutation {number} of {name}"));
    }
}

fn try_one(entry: fn(&[u8]) -> bool, bytes: &[u8], name: &str) -> bool {
    let tried = catch_unwind(AssertUnwindSafe(|| entry(bytes)));
    let Ok(is_accepted) = tried else {
        let text = String::from_utf8_lossy(bytes);
        panic!("{name} panics: {bytes:02x?}\n{text}");
    };
    let largest_bytes = LARGEST_BYTES.load(Relaxed);
    assert!(
        largest_bytes <= MOST_BYTES,
        "{name}, or another input, asked for {largest_bytes} bytes at once"
    );
    is_accepted
}

/// Numbers that readers stumble over, in text.
const WORDS: [&[u8]; 10] = [
    b"0",
    b"-1",
    b"1e999",
    b"1e-320",
    b"18446744073709551615",
    b"4294967296",
    b"nan",
    b"null",
    b"[]",
    b"\"",
];

/// Changes one thing.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = (at + random.below(16)).min(bytes.len());
    match random.below(8) {
        0 => bytes.truncate(at),
        1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        2 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        3 => drop(bytes.drain(at..end)),
        4 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        5 => {
            let from = random.below(other.len() + 1);
            let to = (from + random.below(64)).min(other.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        6 => replace_number(bytes, at, WORDS[random.below(WORDS.len())]),
        _ => {
            let word = WORDS[random.below(WORDS.len())];
            bytes.splice(at..at, word.iter().copied());
        }
    }
}

/// Puts a word in the place of the next number in a text.
fn replace_number(bytes: &mut Vec<u8>, at: usize, word: &[u8]) {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = at + start;
    let length = bytes[start..]
        .iter()
        .take_while(|byte| is_part(byte))
        .count();
    bytes.splice(start..start + length, word.iter().copied());
}

struct Random(Stream);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0.next_below(end as u32) as usize
    }
}
