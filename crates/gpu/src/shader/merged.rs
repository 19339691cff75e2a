//! Fewer bindings where an adapter allows fewer than a kernel reads and writes tensors: those that lie in one chunk of
//! an arena are bound as that chunk, and found in it by their offset.

use std::collections::BTreeMap;

use laptime_graph::schedule::{Arena, Schedule};

use super::Binding;
use crate::target::Target;

/// A kernel's bindings with their names, and the text that uses these.
pub(super) struct Merged {
    pub bound: Vec<(String, Binding)>,
    pub body: String,
}

impl Merged {
    /// As few chunks are bound whole as the target asks for, those of most tensors first. Where that does not suffice,
    /// too many bindings are left, for the caller to refuse.
    pub(super) fn of(
        bindings: &[Binding],
        mut body: String,
        schedule: &Schedule,
        target: Target,
    ) -> Self {
        let chunk_of = |binding: &Binding| match binding {
            Binding::Tensor(id) | Binding::Words(id) => {
                let buffer = schedule.buffer(*id)?;
                let chunk = buffer.offset_bytes / target.chunk_bytes;
                match binding {
                    Binding::Tensor(_) => Some(Binding::Chunk(buffer.arena, chunk)),
                    _ => Some(Binding::ChunkOfWords(buffer.arena, chunk)),
                }
            }
            Binding::Chunk(..) | Binding::ChunkOfWords(..) => Some(binding.clone()),
            _ => None,
        };
        let mut by_chunk: BTreeMap<(bool, bool, usize), Vec<usize>> = BTreeMap::new();
        let key = |chunk: &Binding| match chunk {
            Binding::ChunkOfWords(arena, chunk) => (true, *arena == Arena::Persistent, *chunk),
            Binding::Chunk(arena, chunk) => (false, *arena == Arena::Persistent, *chunk),
            _ => unreachable!("no other is a chunk"),
        };
        for (number, binding) in bindings.iter().enumerate() {
            if let Some(chunk) = chunk_of(binding) {
                by_chunk.entry(key(&chunk)).or_default().push(number);
            }
        }
        let mut groups: Vec<((bool, bool, usize), usize)> = by_chunk
            .iter()
            .map(|(chunk, of)| (*chunk, of.len()))
            .collect();
        groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let mut left = bindings.len();
        let mut whole = Vec::new();
        for (chunk, count) in groups {
            if left > target.bindings && count > 1 {
                left -= count - 1;
                whole.push(chunk);
            }
        }
        let mut bound: Vec<(String, Binding)> = Vec::new();
        for (number, binding) in bindings.iter().enumerate() {
            let name = binding.name(number);
            let chunk = chunk_of(binding).filter(|chunk| whole.contains(&key(chunk)));
            let Some(binding_of_chunk) = chunk else {
                bound.push((name, binding.clone()));
                continue;
            };
            let known = bound.iter().find(|(_, one)| *one == binding_of_chunk);
            // Other names than those of tensors, which have numbers of their own.
            let own = match known {
                Some((own, _)) => own.clone(),
                None => {
                    let own = format!("chunk{number}");
                    bound.push((own.clone(), binding_of_chunk));
                    own
                }
            };
            let offset = match binding {
                Binding::Tensor(id) | Binding::Words(id) => schedule
                    .buffer(*id)
                    .map_or(0, |buffer| buffer.offset_bytes % target.chunk_bytes / 4),
                _ => 0,
            };
            body = renamed(&body, &name, &own, offset);
        }
        Self { bound, body }
    }
}

/// The text with every `name[index]` as `own[offset + (index)]`.
fn renamed(body: &str, name: &str, own: &str, offset: usize) -> String {
    let mut text = String::with_capacity(body.len());
    // For each bracket that is open, whether it is one of these.
    let mut open = Vec::new();
    let mut word = String::new();
    for c in body.chars() {
        match c {
            '[' if word == name => {
                text.truncate(text.len() - name.len());
                text += &format!("{own}[{offset}u + (");
                open.push(true);
            }
            '[' => {
                text.push(c);
                open.push(false);
            }
            ']' if open.pop() == Some(true) => text += ")]",
            _ => text.push(c),
        }
        match c.is_alphanumeric() || c == '_' {
            true => word.push(c),
            false => word.clear(),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_renamed() {
        let body = "sum_of_t1(i) + t1[i] - t11[i] * at1[t1[j >> 2u]]";
        let expected = "sum_of_t1(i) + chunk0[64u + (i)] - t11[i] * at1[chunk0[64u + (j >> 2u)]]";
        assert_eq!(renamed(body, "t1", "chunk0", 64), expected);
    }
}
