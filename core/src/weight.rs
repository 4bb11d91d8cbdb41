//! How much memory an operation that waits may take, so that whoever keeps operations can bound it.
//!
//! Weights are upper estimates of what the allocator hands out on a 64-bit machine. `core/tests/weight.rs` holds them
//! against a counting allocator. What a text grows by when it is escaped counts as well: it is sent as JSON, and a bound
//! on what waits is a bound on what is written of it, too.

use std::mem::size_of;

use compact_str::CompactString;

use crate::size::escapes;
use crate::{Key, Operation, Tree};

/// What a place in a [`Shortened`](crate::Shortened) list takes beside the operation: a slot of 24 bytes in a vector that is
/// a fifth gaps, a quarter empty and being copied while it grows, 70 bytes; an entry in the index, 26 bytes.
const PLACE: usize = 96;

/// Returns what the allocator hands out for so many bytes: glibc's takes them in steps of 16 with 8 of its own, and never
/// less than 32.
pub(crate) fn allocation(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        bytes => (bytes + 8).next_multiple_of(16).max(32),
    }
}

/// Returns what a text takes that has just the bytes it needs.
pub(crate) fn boxed_weight(text: &str) -> usize {
    allocation(text.len()) + escapes(text)
}

/// Returns what a text takes of which up to 24 bytes stand in its place.
pub(crate) fn compact_weight(text: &CompactString) -> usize {
    let allocated = if text.is_heap_allocated() {
        text.capacity()
    } else {
        0
    };
    allocation(allocated) + escapes(text)
}

/// Returns what a vector takes that keeps its length and capacity beside its places.
pub(crate) fn container(capacity: usize, place: usize) -> usize {
    match capacity {
        0 => 0,
        capacity => allocation(2 * size_of::<usize>() + capacity * place),
    }
}

impl<T: Tree> Operation<T> {
    /// Estimates the bytes of memory that this operation takes in a list, never too few.
    pub fn weight(&self) -> usize {
        let key = self.key().map_or(0, Key::weight);
        let value = self.value().map_or(0, Tree::weight);
        PLACE + allocation(size_of::<Operation<T>>()) + key + value
    }
}
