//! An array that operations change.

use std::borrow::Cow;
use std::mem;

use runmeta_core::Step;

use super::node::Node;
use super::scan::Items;

/// The elements of a text, and those behind them.
#[derive(Clone, Debug)]
pub(super) struct Array<'a> {
    /// The text of an array whose elements come first.
    text: &'a str,
    elements: Vec<Node<'a>>,
}

const NO_ELEMENTS: &str = "[]";

impl<'a> Array<'a> {
    /// Returns `None` if the text is of no array.
    pub(super) fn of_text(text: &'a str) -> Option<Array<'a>> {
        let elements = Vec::new();
        text.starts_with('[').then_some(Array { text, elements })
    }

    pub(super) fn of_elements(elements: Vec<Node<'a>>) -> Array<'a> {
        let text = NO_ELEMENTS;
        Array { text, elements }
    }

    pub(super) fn length(&self) -> usize {
        Items::of(self.text).count() + self.elements.len()
    }

    /// Returns the element to which a step leads.
    pub(super) fn element(&self, step: &Step<'_>) -> Option<Cow<'_, Node<'a>>> {
        let first = Items::of(self.text).count();
        let position = step.position(first + self.elements.len()).ok()?;
        match position.checked_sub(first) {
            Some(position) => self.elements.get(position).map(Cow::Borrowed),
            None => {
                let element = Items::of(self.text).nth(position)?;
                Some(Cow::Owned(Node::Text(element.value(self.text))))
            }
        }
    }

    pub(super) fn push(&mut self, element: Node<'a>) {
        self.elements.push(element);
    }

    /// Returns all elements, those of the text among them.
    pub(super) fn elements(&mut self) -> &mut Vec<Node<'a>> {
        let text = mem::replace(&mut self.text, NO_ELEMENTS);
        let first = Items::of(text).map(|element| Node::Text(element.value(text)));
        self.elements.splice(..0, first);
        &mut self.elements
    }

    /// Writes the array at the end of `text`.
    pub(super) fn write(&self, text: &mut String) {
        let first = self.text.strip_prefix('[');
        let first = first.and_then(|first| first.strip_suffix(']'));
        let first = first.unwrap_or_default().trim_ascii();
        text.push('[');
        text.push_str(first);
        let mut is_first = first.is_empty();
        for element in &self.elements {
            if !mem::take(&mut is_first) {
                text.push(',');
            }
            element.write(text);
        }
        text.push(']');
    }
}
