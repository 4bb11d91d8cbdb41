//! An object that operations change.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use runmeta_core::{Members, write_string};

use super::index::{Index, by_name, is_in_order, spans};
use super::node::Node;
use super::scan::Span;

/// The members of a text, and what became of some of them.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    index: Index<'a>,
    /// Members that differ from those of the index, or may.
    changed: HashMap<Cow<'a, str>, Member<'a>>,
}

#[derive(Clone, Debug)]
struct Member<'a> {
    /// Where it stands in the index, or else where it would.
    position: Result<usize, usize>,
    /// `None` if there is no such member any more.
    value: Option<Node<'a>>,
}

/// By how many bytes a list of operations commonly makes a document longer. A guess.
const CHANGE: usize = 64;

impl<'a> Object<'a> {
    pub(super) fn of_index(index: Index<'a>) -> Object<'a> {
        let changed = HashMap::new();
        Object { index, changed }
    }

    /// Returns `None` if the text is of no object.
    pub(super) fn of_text(text: &'a str) -> Option<Object<'a>> {
        let spans = spans(text)?;
        if is_in_order(text, &spans) {
            return Some(Object::of_index(Index::new(text, spans.into())));
        }
        let members = spans.into_iter();
        // Of members with the same name the last counts.
        let members = members.map(|span| (span.name(text), Node::Text(span.value(text))));
        Some(Object::of(members))
    }

    pub(super) fn of_members(members: &'a Members) -> Object<'a> {
        let members = members.iter();
        Object::of(members.map(|(name, value)| (Cow::Borrowed(name), Node::Json(value))))
    }

    fn of(members: impl Iterator<Item = (Cow<'a, str>, Node<'a>)>) -> Object<'a> {
        let member = |value| Member {
            position: Err(0),
            value: Some(value),
        };
        Object {
            index: Index::empty(),
            changed: members.map(|(name, value)| (name, member(value))).collect(),
        }
    }

    /// Returns a member.
    pub(super) fn member(&self, name: &str) -> Option<Cow<'_, Node<'a>>> {
        match self.changed.get(name) {
            Some(member) => member.value.as_ref().map(Cow::Borrowed),
            None => Some(Cow::Owned(Node::Text(self.index.value(name)?))),
        }
    }

    /// Returns the place of a member, which is `None` if there is none.
    pub(super) fn place(&mut self, name: &str) -> &mut Option<Node<'a>> {
        let index = &self.index;
        let member = self.changed.entry(Cow::Owned(name.to_owned()));
        let member = member.or_insert_with(|| {
            let position = index.position(name);
            let value = position.ok().and_then(|position| index.value_at(position));
            let value = value.map(Node::Text);
            Member { position, value }
        });
        &mut member.value
    }

    /// Returns the text of the object with its members in order, and where they stand. `None` if it has 4 GiB.
    pub(super) fn to_text(&self) -> Option<(Box<str>, Vec<Span>)> {
        let mut text = String::with_capacity(self.index.text().len() + CHANGE);
        let mut spans = Vec::with_capacity(self.index.spans().len() + self.changed.len());
        self.write(&mut text, Some(&mut spans));
        u32::try_from(text.len()).ok()?;
        Some((text.into_boxed_str(), spans))
    }

    /// Writes the members in order, those that did not change many at a time. Notes in `spans` where they stand in `text`.
    pub(super) fn write(&self, text: &mut String, mut spans: Option<&mut Vec<Span>>) {
        let start = text.len();
        text.push('{');
        let mut changed: Vec<_> = self.changed.iter().collect();
        changed.sort_unstable_by(|(left, at), (right, other)| {
            let position = |member: &Member<'_>| member.position.unwrap_or_else(|before| before);
            let before = position(at).cmp(&position(other));
            // A new member comes before the one in whose place it would stand.
            let new = at.position.is_ok().cmp(&other.position.is_ok());
            before.then(new).then_with(|| by_name(left, right))
        });
        let mut copied = 0;
        for (name, member) in changed {
            let before = member.position.unwrap_or_else(|before| before);
            self.copy(copied..before, text, start, spans.as_deref_mut());
            copied = before + usize::from(member.position.is_ok());
            if let Some(value) = &member.value {
                separate(text, start);
                let name_at = text.len();
                write_string(name, text);
                text.push(':');
                let value_at = text.len();
                value.write(text);
                if let Some(spans) = &mut spans {
                    spans.push(Span::new(name_at, value_at, text.len()));
                }
            }
        }
        self.copy(copied..self.index.spans().len(), text, start, spans);
        text.push('}');
    }

    fn copy(
        &self,
        members: Range<usize>,
        text: &mut String,
        start: usize,
        spans: Option<&mut Vec<Span>>,
    ) {
        let members = &self.index.spans()[members];
        let (Some(first), Some(last)) = (members.first(), members.last()) else {
            return;
        };
        separate(text, start);
        let (from, to) = (first.start(), text.len());
        if let Some(spans) = spans {
            spans.extend(members.iter().map(|member| member.moved(from, to)));
        }
        text.push_str(&self.index.text()[from..last.end()]);
    }
}

/// Puts a comma behind what stands in the object that begins at `start`.
fn separate(text: &mut String, start: usize) {
    if text.len() > start + 1 {
        text.push(',');
    }
}
