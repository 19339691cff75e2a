use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn header(name: &str, kind: u8, size_field: &[u8]) -> Vec<u8> {
    let mut block = vec![0; BLOCK_BYTES];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..124 + size_field.len()].copy_from_slice(size_field);
    block[156] = kind;
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

/// A header as `ustar` has it, where `prefix` stands before the name.
fn with_prefix(mut entry: Vec<u8>, magic: &[u8], prefix: &str) -> Vec<u8> {
    entry[257..257 + magic.len()].copy_from_slice(magic);
    entry[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
    entry[148..156].fill(b' ');
    let sum: u64 = entry[..BLOCK_BYTES].iter().map(|&b| u64::from(b)).sum();
    entry[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    entry
}

fn entry(name: &str, kind: u8, contents: &[u8]) -> Vec<u8> {
    let size = format!("{:011o}\0", contents.len());
    let mut entry = header(name, kind, size.as_bytes());
    entry.extend(contents);
    entry.resize(entry.len().next_multiple_of(BLOCK_BYTES), 0);
    entry
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut archive = entries.concat();
    archive.resize(archive.len() + 2 * BLOCK_BYTES, 0);
    archive
}

const FIRST: [u8; 700] = [1; 700];
const SECOND: [u8; 512] = [2; 512];

fn first() -> Vec<u8> {
    entry("folder/first.bin", b'0', &FIRST)
}

fn second() -> Vec<u8> {
    entry("folder/second.bin", 0, &SECOND)
}

/// What was taken out of the archive.
type Taken = Vec<(usize, Vec<u8>)>;

/// Takes `first.bin` and `second.bin` out; the number 99 in one of them is wrong.
fn read_gzip(gzip: &[u8]) -> Result<(Taken, Vec<Option<ContentsError>>), ContentsError> {
    let file = |name, bytes| OfficialFile {
        name,
        bytes,
        sha256: "",
        dimensions: &[],
        unpacked: None,
    };
    let mut taken = Vec::new();
    let files = [file("first.bin", 700), file("second.bin", 512)];
    let wrong = read(gzip, "folder", &files, |index, contents| {
        let mut bytes = Vec::new();
        contents.read_to_end(&mut bytes)?;
        let byte = bytes.iter().position(|&byte| byte == 99);
        let problem = String::from("it has 99");
        taken.push((index, bytes));
        Ok(byte.map(|byte| Wrong { byte, problem }))
    })?;
    Ok((taken, wrong))
}

#[track_caller]
fn assert_refused(entries: &[Vec<u8>], expected: &str) {
    let message = read_gzip(&gzip(&archive(entries))).unwrap_err().to_string();
    assert!(
        message.contains(expected),
        "{message}\nexpected: {expected}"
    );
}

#[test]
fn the_expected_files_are_taken_in_any_order_and_nothing_else() {
    let entries = [
        entry("folder/", b'5', &[]),
        second(),
        entry("folder/readme.html", b'0', &[7; 1500]),
        entry("../folder/first.bin", b'0', &[7; 700]),
        entry("/folder/first.bin", b'0', &[7; 700]),
        entry("folder/../first.bin", b'0', &[7; 700]),
        entry("folderfirst.bin", b'0', &[7; 700]),
        entry("elsewhere", b'2', &[]),
        first(),
    ];
    let (taken, wrong) = read_gzip(&gzip(&archive(&entries))).unwrap();
    assert_eq!(taken, [(1, SECOND.to_vec()), (0, FIRST.to_vec())]);
    assert_eq!(wrong, [None, None]);
}

#[test]
fn a_path_may_begin_in_the_prefix() {
    let posix = b"ustar\x0000";
    let elsewhere = with_prefix(entry("folder/first.bin", b'0', &[7; 700]), posix, "evil");
    let parted = with_prefix(entry("first.bin", b'0', &FIRST), posix, "folder");
    // What GNU has in that place, a time for example, is no path.
    let gnu = with_prefix(second(), b"ustar  \0", "14712345670");
    let (taken, _) = read_gzip(&gzip(&archive(&[elsewhere.clone(), parted, gnu]))).unwrap();
    assert_eq!(taken, [(0, FIRST.to_vec()), (1, SECOND.to_vec())]);
    assert_refused(&[elsewhere, second()], "ends without folder/first.bin");
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_place_in_the_archive() {
    let mut contents = SECOND;
    contents[5] = 99;
    let entries = [entry("folder/second.bin", b'0', &contents), first()];
    let (_, wrong) = read_gzip(&gzip(&archive(&entries))).unwrap();
    let [None, Some(wrong)] = &wrong[..] else {
        panic!("{wrong:?}");
    };
    let expected = "at byte 517 of its decompressed contents: second.bin: it has 99";
    assert_eq!(wrong.to_string(), expected);
}

#[test]
fn hostile_archives_are_refused() {
    assert_refused(&[first()], "the archive ends without folder/second.bin");
    assert_refused(
        &[first(), first(), second()],
        "at byte 1536 of its decompressed contents: first.bin stands here a second time",
    );
    assert_refused(
        &[first(), entry("folder/second.bin", b'2', &[])],
        "second.bin is not a plain file",
    );
    assert_refused(
        &[first(), entry("folder/second.bin", b'0', &[2; 513])],
        "second.bin has 513 bytes, not 512",
    );
    let huge = b"77777777777\0";
    assert_refused(
        &[header("folder/first.bin", b'0', huge)],
        "first.bin has 8589934591 bytes, not 700",
    );
    assert_refused(&[header("other", b'0', huge)], "are too large");
    let other = entry("other", b'0', &[0; MOST_OTHER_BYTES / 2]);
    assert_refused(&[other.clone(), other, first(), second()], "are too large");
    // GNU's way to write sizes that octal digits cannot hold.
    let binary = b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff";
    let unreadable = "size cannot be read";
    assert_refused(&[header("other", b'0', binary)], unreadable);
    assert_refused(&[header("other", b'0', b"-0000000001\0")], unreadable);
    let mut changed = first();
    changed[0] ^= 1;
    assert_refused(&[changed], "this is not the header of a tar entry");
    assert_refused(&[vec![0; 512], first()], "the archive ends without");
    let after = vec![0; BLOCK_BYTES * 2];
    assert_refused(&[first(), second(), after, first()], "more follows the end");
    let zeros = vec![0; 2 * MOST_OTHER_BYTES];
    assert_refused(&[first(), second(), zeros], "more follows the end");
}

#[test]
fn many_small_entries_end_too() {
    let others = vec![entry("other", b'0', &[]); MOST_OTHER_BYTES / BLOCK_BYTES + 1];
    assert_refused(&others, "are too large");
}

#[test]
fn an_archive_cut_or_changed_anywhere_is_refused() {
    let sound = gzip(&archive(&[first(), second()]));
    assert!(read_gzip(&sound).is_ok());
    for end in 0..sound.len() {
        let message = read_gzip(&sound[..end]).unwrap_err().to_string();
        assert!(message.contains("the file ends too early"), "{message}");
    }
    // Bytes 4 to 9 are the time, the compression level and the system: they change nothing.
    for byte in (0..4).chain(10..sound.len()) {
        let mut changed = sound.clone();
        changed[byte] ^= 0x55;
        // Some changes decompress to the same: a run of equal bytes can be said in many ways.
        if let Ok(read) = read_gzip(&changed) {
            assert_eq!(read, read_gzip(&sound).unwrap(), "byte {byte}");
        }
    }
    let message = read_gzip(&[&sound[..], b"abc"].concat())
        .unwrap_err()
        .to_string();
    let expected = format!(
        "at byte {}: this is not sound gzip data: what follows",
        sound.len()
    );
    assert!(message.starts_with(&expected), "{message}");
}
