//! An object's text, and where each member stands in it: what a document is while nobody changes it.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::scan::{Items, Span};

/// The members stand in the text in the order of [`by_name`], each name once.
#[derive(Clone, Debug)]
pub(super) struct Index<'a> {
    text: &'a str,
    spans: Cow<'a, [Span]>,
}

/// Orders names as JSONB does, shorter ones first, so that what Postgres wrote is in order already.
pub(super) fn by_name(left: &str, right: &str) -> Ordering {
    (left.len().cmp(&right.len())).then_with(|| left.as_bytes().cmp(right.as_bytes()))
}

/// Returns the spans of an object's members, or `None` if the text is no object.
pub(super) fn spans(text: &str) -> Option<Vec<Span>> {
    let mut items = Items::of(text);
    let spans = items.by_ref().collect();
    (text.starts_with('{') && items.is_complete()).then_some(spans)
}

/// Returns true if the members stand in order.
pub(super) fn is_in_order(text: &str, spans: &[Span]) -> bool {
    spans.is_sorted_by(|left, right| by_name(&left.name(text), &right.name(text)).is_lt())
}

impl<'a> Index<'a> {
    /// Takes members that stand in order.
    pub(super) fn new(text: &'a str, spans: Cow<'a, [Span]>) -> Index<'a> {
        Index { text, spans }
    }

    /// Returns an object without members.
    pub(super) fn empty() -> Index<'a> {
        Index::new("{}", Cow::Borrowed(&[]))
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Returns where a member stands among the others, or else where it would.
    pub(super) fn position(&self, name: &str) -> Result<usize, usize> {
        self.spans
            .binary_search_by(|span| by_name(&span.name(self.text), name))
    }

    /// Returns the text of the value of the member at this position.
    pub(super) fn value_at(&self, position: usize) -> Option<&'a str> {
        Some(self.spans.get(position)?.value(self.text))
    }

    /// Returns the text of a member's value.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.value_at(self.position(name).ok()?)
    }
}
