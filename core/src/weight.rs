//! How much memory an operation that waits may take, so that whoever keeps operations can bound it.
//!
//! Weights are upper estimates: what the allocator hands out on a 64-bit machine, rounded up. The
//! client's memory test holds them against a counting allocator. A text counts as its JSON, as which it is sent: that is up
//! to six times as long, and a bound on what waits is a bound on what is written of it, too.

use std::mem::size_of;

use serde_json::Value;

use crate::size::{escapes, string_size};
use crate::{Operation, Tree};

/// What the place of an operation in a [`Shortened`](crate::Shortened) list takes beside key and value: up to four
/// places in a vector that has doubled and has gaps, and an entry in the index by first step.
const fn place<T>() -> usize {
    4 * size_of::<Option<Operation<T>>>() + 128
}

/// What the allocator adds to each allocation, at most.
const ALLOCATION: usize = 32;

/// Returns what the allocator hands out for so many bytes: glibc's takes them in steps of 16 with 8 of its own, and never
/// less than 32.
pub(crate) fn allocation(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        bytes => (bytes + 8).next_multiple_of(16).max(32),
    }
}

/// Returns what a text takes that has so many bytes allocated.
pub(crate) fn text_weight(allocated: usize, text: &str) -> usize {
    allocation(allocated) + escapes(text)
}

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
        place::<T>() + key + value
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLACES: usize = size_of::<Value>();

    /// What an allocator may hand out for a value, added up by hand.
    #[test]
    fn weight_of_a_value_is_that_of_its_allocations() {
        let leaf = 11 * (24 + PLACES) + 64 + 32;
        for (value, weight) in [
            (json!(null), 0),
            (json!(true), 0),
            (json!(-12.5), 5 + 32),
            (json!(""), 2 + 32),
            (json!("a\n"), 5 + 32),
            (json!({}), 0),
            (json!({"a": 1}), leaf + (3 + 32) + (1 + 32)),
            (
                json!({"a": 1, "b": "x", "c": 0, "d": 0, "e": 0}),
                leaf + 5 * (3 + 32) + 4 * (1 + 32) + (3 + 32),
            ),
            (
                json!({"a": 0, "b": 0, "c": 0, "d": 0, "e": 0, "f": 0}),
                2 * leaf + 6 * (3 + 32) + 6 * (1 + 32),
            ),
        ] {
            assert_eq!(value_weight(&value), weight, "{value}");
        }
        // Places that are empty yet are there.
        let mut elements = Vec::with_capacity(7);
        elements.extend([json!("ab"), json!([])]);
        let capacity = elements.capacity();
        let weight = value_weight(&Value::Array(elements));
        assert_eq!(weight, capacity * PLACES + 32 + (4 + 32) + 32);
    }

    #[test]
    fn weight_of_an_operation_counts_its_place_its_key_twice_and_its_value() {
        let weight = |operation: Value| Operation::parse(&operation).unwrap().weight();
        let place = 4 * size_of::<Option<Operation<Value>>>() + 128;
        let delete = |key: &str| weight(json!({"type": "delete", "key": key}));
        assert_eq!(delete("abc"), place + 2 * (5 + 32) + (48 + 32));
        assert_eq!(delete("$.a.b"), place + 2 * (7 + 32) + 2 * (48 + 32));
        let set = json!({"type": "set", "key": "abc", "value": "xy"});
        assert_eq!(weight(set), delete("abc") + (4 + 32));
        assert_eq!(weight(json!({"type": "update", "value": {}})), place);
    }
}
