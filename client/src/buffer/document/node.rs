//! A document while operations are applied to it: text where they touch nothing.
//!
//! Core's `apply` runs on this form, so operations mean here what they mean everywhere. A container is opened, one level
//! of it, when an operation steps into it; an append does not even open its array. What is not opened is copied as the
//! text that it is. Operations' values are borrowed.
//!
//! As only what is stepped into is opened, recursion goes as deep as a path or an operation's value: 100 levels, however
//! deep the document.

use std::borrow::Cow;

use runmeta_core::{Json, Number, Operation, Step};

use super::array::Array;
use super::object::Object;
use super::scan::step_into;

/// A value in a document.
#[derive(Clone, Debug)]
pub(super) enum Node<'a> {
    /// A text of the document. It is JSON without blanks around it.
    Text(&'a str),
    /// A value of an operation.
    Json(&'a Json),
    /// A sum.
    Number(Number),
    Array(Box<Array<'a>>),
    Object(Box<Object<'a>>),
}

impl<'a> Node<'a> {
    /// Writes the text at the end of `text`.
    pub(super) fn write(&self, text: &mut String) {
        match self {
            Node::Text(part) => text.push_str(part),
            Node::Json(value) => value.write_to(text),
            Node::Number(number) => text.push_str(number.as_str()),
            Node::Array(array) => array.write(text),
            Node::Object(object) => object.write(text, None),
        }
    }

    /// Writes the value to which the steps of a path lead. `None` if there is none.
    pub(super) fn write_at(
        &self,
        steps: &mut dyn Iterator<Item = Step<'_>>,
        text: &mut String,
    ) -> Option<()> {
        let Some(step) = steps.next() else {
            self.write(text);
            return Some(());
        };
        let next = match self {
            Node::Text(part) => Node::Text(step_into(part, &step)?),
            Node::Json(Json::Object(members)) => Node::Json(members.get(step.name)?),
            Node::Json(Json::Array(elements)) => {
                Node::Json(elements.get(step.position(elements.len()).ok()?)?)
            }
            Node::Json(_) | Node::Number(_) => return None,
            Node::Array(array) => return array.element(&step)?.write_at(steps, text),
            Node::Object(object) => return object.member(step.name)?.write_at(steps, text),
        };
        next.write_at(steps, text)
    }

    /// Returns the value, or `None` if it nests deeper than core reads.
    pub(super) fn to_json(&self) -> Option<Cow<'_, Json>> {
        match self {
            Node::Text(text) => Json::parse(text).ok().map(Cow::Owned),
            Node::Json(value) => Some(Cow::Borrowed(value)),
            Node::Number(number) => Some(Cow::Owned(Json::Number(number.clone()))),
            Node::Array(_) | Node::Object(_) => {
                let mut text = String::new();
                self.write(&mut text);
                Json::parse(&text).ok().map(Cow::Owned)
            }
        }
    }

    /// Returns the object, opened if it was not.
    pub(super) fn open_object(&mut self) -> Option<&mut Object<'a>> {
        let opened = match self {
            Node::Text(text) => Some(Object::of_text(text)?),
            Node::Json(Json::Object(members)) => Some(Object::of_members(members)),
            _ => None,
        };
        if let Some(opened) = opened {
            *self = Node::Object(Box::new(opened));
        }
        match self {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Returns the array, ready for more elements at its end.
    pub(super) fn open_array(&mut self) -> Option<&mut Array<'a>> {
        let opened = match self {
            Node::Text(text) => Some(Array::of_text(text)?),
            Node::Json(Json::Array(elements)) => Some(Array::of_elements(
                elements.iter().map(Node::Json).collect(),
            )),
            _ => None,
        };
        if let Some(opened) = opened {
            *self = Node::Array(Box::new(opened));
        }
        match self {
            Node::Array(array) => Some(array),
            _ => None,
        }
    }
}

/// Returns an operation whose value is borrowed.
pub(super) fn borrowed(operation: &Operation<Json>) -> Operation<Node<'_>> {
    match operation {
        Operation::Set { key, value } => Operation::Set {
            key: key.clone(),
            value: Node::Json(value),
        },
        Operation::Delete { key } => Operation::Delete { key: key.clone() },
        Operation::Update { value } => Operation::Update {
            value: Node::Json(value),
        },
        Operation::Merge { key, value } => Operation::Merge {
            key: key.clone(),
            value: Node::Json(value),
        },
        Operation::Append { key, value, keep } => Operation::Append {
            key: key.clone(),
            value: Node::Json(value),
            keep: *keep,
        },
        Operation::Remove { key, value } => Operation::Remove {
            key: key.clone(),
            value: Node::Json(value),
        },
        Operation::Increment { key, value } => Operation::Increment {
            key: key.clone(),
            value: Node::Json(value),
        },
    }
}
