//! How much memory an operation that waits may take, so that whoever keeps operations can bound it.
//!
//! Weights are upper estimates: what the allocator hands out on a 64-bit machine, rounded up. The
//! client's memory test holds them against a counting allocator. A text counts as its JSON, as which it is sent: that is up
//! to six times as long, and a bound on what waits is a bound on what is written of it, too.

use std::mem::size_of;

use serde_json::Value;

use crate::size::string_size;
use crate::{Operation, Tree};

/// What the place of an operation in a [`Shortened`](crate::Shortened) list takes beside key and value: up to four
/// places in a vector that has doubled and has gaps, and an entry in the index by first step.
const PLACE: usize = 4 * size_of::<Option<Operation<Value>>>() + 128;

/// What the allocator adds to each allocation, at most.
const ALLOCATION: usize = 32;

/// A leaf of `serde_json`'s map is made for eleven members at once, and is at least half full once there are two.
const MAP_LEAF: usize = 11 * (size_of::<String>() + size_of::<Value>()) + 64;
const MEMBERS_PER_LEAF: usize = 5;

/// Estimates the bytes of memory that a value takes beside its own place.
///
/// The value nests at most [`MAXIMUM_DEPTH`](crate::MAXIMUM_DEPTH) levels.
pub(crate) fn value_weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(number) => number.as_str().len() + ALLOCATION,
        Value::String(text) => string_size(text) + ALLOCATION,
        Value::Array(elements) => {
            let places = elements.capacity() * size_of::<Value>();
            places + ALLOCATION + elements.iter().map(value_weight).sum::<usize>()
        }
        Value::Object(members) => {
            let leaves = members.len().div_ceil(MEMBERS_PER_LEAF) * (MAP_LEAF + ALLOCATION);
            let parts = members
                .iter()
                .map(|(name, value)| string_size(name) + ALLOCATION + value_weight(value));
            leaves + parts.sum::<usize>()
        }
    }
}

impl<T: Tree> Operation<T> {
    /// Estimates the bytes of memory that this operation takes in a list, never too few.
    pub fn weight(&self) -> usize {
        let key = self.key().map_or(0, |key| {
            // The text, its copy in the steps or the index, and the steps themselves.
            2 * (string_size(key.as_str()) + ALLOCATION) + key.len() * (48 + ALLOCATION)
        });
        let value = self.value().map_or(0, Tree::weight);
        PLACE + key + value
    }
}
