//! How much memory a value takes.

use std::mem::size_of;

use super::{Json, members::Member};
use crate::weight::{allocation, text_weight};

/// Estimates the bytes of memory that a value takes beside its own place.
pub(super) fn weight(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 0,
        Json::Number(number) => allocation(number.allocated()),
        Json::String(text) => text_weight(text.len(), text),
        Json::Array(elements) => {
            let places = container(elements.capacity(), size_of::<Json>());
            places + elements.iter().map(weight).sum::<usize>()
        }
        Json::Object(members) => {
            let places = container(members.capacity(), size_of::<Member>());
            let parts = members
                .iter()
                .map(|(name, value)| name_weight(name) + weight(value));
            places + parts.sum::<usize>()
        }
    }
}

/// Returns what a container of so many places takes: the places, their number and the capacity.
fn container(capacity: usize, place: usize) -> usize {
    match capacity {
        0 => 0,
        capacity => allocation(2 * size_of::<usize>() + capacity * place),
    }
}

/// Names of up to 24 bytes stand in the member.
fn name_weight(name: &str) -> usize {
    let allocated = if name.len() > 24 { name.len() } else { 0 };
    text_weight(allocated, name)
}
