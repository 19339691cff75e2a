//! What Keras writes of HDF5, and nothing else: a superblock of version 0, groups with symbol tables, and datasets of
//! single precision that lie in one piece. Everything is looked up in the file where it lies; nothing is allocated by
//! what a file claims, and a step back to where one was costs of a budget, so that no circle goes on.
//! (The HDF Group: "HDF5 File Format Specification", version 3.0)
//!
//! Crates read far more: `hdf5-pure` 0.47 has 105,000 lines with its writers, `hdf5-metno` needs the library in C.

use std::cell::Cell;

/// Messages, nodes and entries that are looked at in all: a model has some thousands.
const MOST_STEPS: u32 = 1 << 20;
/// No dataset of laptime's has more axes.
const MOST_RANK: u64 = 4;

/// The bytes at a place, where they are there.
fn bytes_at(bytes: &[u8], at: u64, count: u64) -> Option<&[u8]> {
    let from = usize::try_from(at).ok()?;
    let to = from.checked_add(usize::try_from(count).ok()?)?;
    bytes.get(from..to)
}

/// A little-endian number of so many bytes, at most eight.
fn number_at(bytes: &[u8], at: u64, count: u64) -> Option<u64> {
    let mut number = [0; 8];
    number[..count as usize].copy_from_slice(bytes_at(bytes, at, count)?);
    Some(u64::from_le_bytes(number))
}

/// A file.
pub(super) struct File<'a> {
    bytes: &'a [u8],
    steps: Cell<u32>,
}

/// Where an object's header is.
#[derive(Clone, Copy)]
pub(super) struct Object(u64);

/// A dataset's shape and values.
pub(super) struct Dataset<'a> {
    pub shape: Vec<usize>,
    values: &'a [u8],
}

impl Dataset<'_> {
    /// The values in their order.
    pub fn values(&self) -> Vec<f32> {
        let (values, _) = self.values.as_chunks();
        values.iter().map(|it| f32::from_le_bytes(*it)).collect()
    }
}

// What a message of an object is.
const DATASPACE: u64 = 1;
const DATATYPE: u64 = 3;
const LAYOUT: u64 = 8;
const FILTERS: u64 = 11;
const CONTINUATION: u64 = 16;
const SYMBOL_TABLE: u64 = 17;

impl<'a> File<'a> {
    /// The file and its outermost group; `None` where it is not such a file.
    pub fn open(bytes: &'a [u8]) -> Option<(Self, Object)> {
        let is_right = bytes.starts_with(b"\x89HDF\r\n\x1a\n\0") && bytes.get(13..15)? == [8, 8];
        let file = Self {
            bytes,
            steps: Cell::new(MOST_STEPS),
        };
        let is_whole = file.number(24, 8)? == 0 && file.number(40, 8)? <= bytes.len() as u64;
        let root = Object(file.number(64, 8)?);
        (is_right && is_whole).then_some((file, root))
    }

    fn number(&self, at: u64, bytes: u64) -> Option<u64> {
        number_at(self.bytes, at, bytes)
    }

    fn step(&self) -> Option<()> {
        self.steps.set(self.steps.get().checked_sub(1)?);
        Some(())
    }

    /// The messages of an object's header: what each is, and its bytes.
    fn messages(&self, Object(header): Object) -> Option<Vec<(u64, &'a [u8])>> {
        if self.number(header, 1)? != 1 {
            return None;
        }
        let mut found = Vec::new();
        let mut blocks = vec![(header.checked_add(16)?, self.number(header + 8, 4)?)];
        while let Some((mut at, bytes)) = blocks.pop() {
            let end = at.checked_add(bytes)?;
            bytes_at(self.bytes, at, bytes)?;
            while at + 8 <= end {
                self.step()?;
                let (kind, size) = (self.number(at, 2)?, self.number(at + 2, 2)?);
                let is_shared = self.number(at + 4, 1)? & 2 != 0;
                let data = bytes_at(self.bytes, at + 8, size)?;
                at += 8 + size;
                match kind {
                    CONTINUATION => blocks.push((number_at(data, 0, 8)?, number_at(data, 8, 8)?)),
                    DATASPACE | DATATYPE | LAYOUT if is_shared => return None,
                    kind => found.push((kind, data)),
                }
            }
        }
        Some(found)
    }

    /// The members of a group with their names; `None` where it is no such group.
    pub fn members(&self, group: Object) -> Option<Vec<(&'a [u8], Object)>> {
        let messages = self.messages(group)?;
        let (_, table) = messages.iter().find(|it| it.0 == SYMBOL_TABLE)?;
        let (tree, heap) = (number_at(table, 0, 8)?, number_at(table, 8, 8)?);
        if bytes_at(self.bytes, heap, 5)? != b"HEAP\0" {
            return None;
        }
        let names = bytes_at(
            self.bytes,
            self.number(heap + 24, 8)?,
            self.number(heap + 8, 8)?,
        )?;
        let mut found = Vec::new();
        let mut nodes = vec![(tree, None)];
        while let Some((node, level)) = nodes.pop() {
            self.step()?;
            match bytes_at(self.bytes, node, 4)? {
                b"TREE" => {
                    let own = self.number(node + 5, 1)?;
                    // Levels count down to 0, so that a tree ends.
                    let is_right = level.is_none_or(|above| own < above);
                    if !is_right || self.number(node + 4, 1)? != 0 {
                        return None;
                    }
                    for child in 0..self.number(node + 6, 2)? {
                        self.step()?;
                        nodes.push((self.number(node + 32 + 16 * child, 8)?, Some(own)));
                    }
                }
                b"SNOD" if level == Some(0) => {
                    for entry in 0..self.number(node + 6, 2)? {
                        self.step()?;
                        let at = node + 8 + 40 * entry;
                        let name = names.get(usize::try_from(self.number(at, 8)?).ok()?..)?;
                        let end = name.iter().position(|it| *it == 0)?;
                        found.push((&name[..end], Object(self.number(at + 8, 8)?)));
                    }
                }
                _ => return None,
            }
        }
        Some(found)
    }

    /// A dataset of single precision in one piece; `None` where it is another.
    pub fn dataset(&self, object: Object) -> Option<Dataset<'a>> {
        let messages = self.messages(object)?;
        let message = |kind| messages.iter().find(|it| it.0 == kind).map(|it| it.1);
        if message(FILTERS).is_some() || !is_single(message(DATATYPE)?)? {
            return None;
        }
        let shape = shape(message(DATASPACE)?)?;
        let layout = message(LAYOUT)?;
        // Version 3, contiguous.
        if layout.get(..2)? != [3, 1] {
            return None;
        }
        let (at, bytes) = (number_at(layout, 2, 8)?, number_at(layout, 10, 8)?);
        let count = shape
            .iter()
            .try_fold(4_u64, |all, it| all.checked_mul(*it as u64));
        (count == Some(bytes)).then_some(Dataset {
            shape,
            values: bytes_at(self.bytes, at, bytes)?,
        })
    }
}

/// Whether numbers are IEEE's single precision, the smallest byte first.
fn is_single(datatype: &[u8]) -> Option<bool> {
    let is_float = datatype.first()? & 15 == 1 && datatype.get(1)? & 0x41 == 0;
    let size = number_at(datatype, 4, 4)?;
    let fields = datatype.get(8..16)?;
    let bias = number_at(datatype, 16, 4)?;
    Some(is_float && size == 4 && fields == [0, 0, 32, 0, 23, 8, 0, 23] && bias == 127)
}

fn shape(dataspace: &[u8]) -> Option<Vec<usize>> {
    let first = match dataspace.first()? {
        1 => 8,
        2 => 4,
        _ => return None,
    };
    let rank = number_at(dataspace, 1, 1)?;
    if rank > MOST_RANK {
        return None;
    }
    let dims =
        (0..rank).map(|axis| usize::try_from(number_at(dataspace, first + 8 * axis, 8)?).ok());
    dims.collect()
}
