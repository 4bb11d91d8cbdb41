//! What is told of operations that were skipped: `[{"index":2,"reason":"not_an_array"}]`.

use runmeta_core::Unapplied;

use crate::jsonb::{Jsonb, Node, encode_array, from_index};

/// Returns the list as JSONB.
pub fn unapplied_list(unapplied: &[Unapplied]) -> Jsonb<'static> {
    let elements = unapplied.iter().map(|skipped| {
        Node::of_members([
            Some(("index", Node::Sum(from_index(skipped.index).into()))),
            Some(("reason", Node::text(skipped.reason.code()))),
        ])
    });
    // Some ten bytes for each of at most as many operations as a JSONB value held.
    encode_array(elements).unwrap_or_else(|_| Jsonb::empty_array())
}
