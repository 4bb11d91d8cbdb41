//! What is reported of operations that were skipped: `[{"index":2,"reason":"not_an_array"}]`.
//!
//! Where a name was misspelt, `detail` lists the names there are:
//! `[{"index":0,"detail":"delete takes only the members type and key","reason":"unknown_member"}]`.

use runmeta_core::{Reason, Unapplied};

use crate::jsonb::{Jsonb, Node, encode_array, from_index};

/// Returns the list as JSONB.
pub fn unapplied_list(unapplied: &[Unapplied]) -> Jsonb<'static> {
    let details = details(unapplied);
    let elements = unapplied.iter().map(|skipped| {
        let detail = details.iter().find(|(of, _)| *of == skipped.reason);
        Node::of_members([
            Some(("index", Node::Sum(from_index(skipped.index).into()))),
            detail.map(|(_, detail)| ("detail", Node::text(detail))),
            Some(("reason", Node::text(skipped.reason.code()))),
        ])
    });
    // At most some 200 bytes for each of as many operations as one call may bring.
    encode_array(elements).unwrap_or_else(|_| Jsonb::empty_array())
}

/// Returns the details of those reasons that have one. They are as few as there are types, so each is written once.
fn details(unapplied: &[Unapplied]) -> Vec<(Reason, String)> {
    let mut details: Vec<(Reason, String)> = Vec::new();
    for Unapplied { reason, .. } in unapplied {
        let named = matches!(reason, Reason::UnknownType | Reason::UnknownMember(_));
        if named && !details.iter().any(|(known, _)| known == reason) {
            details.push((*reason, reason.to_string()));
        }
    }
    details
}
