//! An object's text, and where each member stands in it: what a document is while nobody changes it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use super::scan::{Parts, Span};

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
    let mut parts = Parts::of(text);
    let spans = parts.by_ref().collect();
    (text.starts_with('{') && parts.is_complete()).then_some(spans)
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

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns the text of members that stand side by side, with what stands between them.
    pub(super) fn members(&self, positions: Range<usize>) -> &'a str {
        match self.spans.get(positions) {
            Some([first, .., last]) => &self.text[first.start()..last.end()],
            Some([only]) => &self.text[only.start()..only.end()],
            _ => "",
        }
    }

    /// Returns where a member stands among the others, or else where it would.
    pub(super) fn position(&self, name: &str) -> Result<usize, usize> {
        self.spans
            .binary_search_by(|span| by_name(&span.name(self.text), name))
    }

    /// Returns the text of a member's value.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        let position = self.position(name).ok()?;
        Some(self.spans[position].value(self.text))
    }
}
