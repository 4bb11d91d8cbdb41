//! How much memory a value takes.

use std::mem::size_of;

use super::{Json, members::Member};
use crate::weight::{boxed_weight, compact_weight, container};

/// Estimates the bytes of memory that a value takes beside its own place.
pub(super) fn weight(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 0,
        Json::Number(number) => compact_weight(number.text()),
        Json::String(text) => boxed_weight(text),
        Json::Array(elements) => {
            let places = container(elements.capacity(), size_of::<Json>());
            places + elements.iter().map(weight).sum::<usize>()
        }
        Json::Object(members) => {
            let places = container(members.capacity(), size_of::<Member>());
            let members = members.members();
            let parts = members.map(|member| compact_weight(&member.name) + weight(&member.value));
            places + parts.sum::<usize>()
        }
    }
}
