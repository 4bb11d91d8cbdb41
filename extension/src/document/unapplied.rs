//! What is told of operations that were skipped: `[{"index":2,"reason":"not_an_array"}]`.

use runmeta_core::Unapplied;

use crate::jsonb::{Jsonb, Node, View, encode, from_index};

/// Returns the list as JSONB.
pub fn unapplied_list(unapplied: &[Unapplied]) -> Jsonb<'static> {
    let elements = unapplied.iter().map(|skipped| {
        let reason = skipped.reason.code().as_bytes();
        Node::Object(vec![
            (b"index".into(), Node::Sum(from_index(skipped.index).into())),
            (b"reason".into(), Node::View(View::String(reason))),
        ])
    });
    let list = Node::Array(elements.collect());
    // Some ten bytes for each of at most as many operations as a JSONB value held.
    encode(&list, 0).unwrap_or_else(|_| Jsonb::empty_array())
}
