//! A document while operations are applied to it: text where they touch nothing.
//!
//! Core's `apply` runs on this form, so operations mean here what they mean everywhere. A container is opened, one level
//! of it, when an operation steps into it; an append does not even open its array. What was not opened is copied as the
//! text that it is: an increment in a document of 260 kB touches one number of it. Operations' values are borrowed.
//!
//! As only what is stepped into is opened, recursion goes as deep as a path or an operation's value: 100 levels, however
//! deep the document.

use std::borrow::Cow;
use std::collections::HashMap;
use std::mem;

use runmeta_core::{BadValue, Json, Key, Kind, Number, Operation, Step, Tree, write_string};

use super::index::{Index, by_name, is_in_order, spans};
use super::scan::{Parts, Span, step_into};

/// A value in a document.
#[derive(Clone, Debug)]
pub(super) enum Part<'a> {
    /// A text of the document. It is JSON without blanks around it.
    Text(&'a str),
    /// A value of an operation.
    Json(&'a Json),
    /// A sum.
    Number(Number),
    Array(Box<Array<'a>>),
    Object(Box<Object<'a>>),
}

/// An array that was changed.
#[derive(Clone, Debug)]
pub(super) struct Array<'a> {
    /// The text of an array whose elements come first.
    text: &'a str,
    elements: Vec<Part<'a>>,
}

/// An object whose members can be changed.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    index: Index<'a>,
    /// Members that differ from those of the index, or may; `None` if one was removed.
    changed: HashMap<Cow<'a, str>, Option<Part<'a>>>,
}

const NO_ELEMENTS: &str = "[]";

impl<'a> Part<'a> {
    /// Returns an object that can be changed.
    pub(super) fn object_of(index: Index<'a>) -> Part<'a> {
        let changed = HashMap::new();
        Part::Object(Box::new(Object { index, changed }))
    }

    /// Returns the text of a document with its members in order, and where they stand. `None` if this is no object.
    pub(super) fn into_document(mut self) -> Option<(Box<str>, Vec<Span>)> {
        self.open_object()?;
        let mut text = String::new();
        self.write(&mut text);
        let text = text.into_boxed_str();
        let spans = spans(&text)?;
        Some((text, spans))
    }

    /// Writes the text at the end of `text`.
    pub(super) fn write(&self, text: &mut String) {
        match self {
            Part::Text(part) => text.push_str(part),
            Part::Json(value) => value.write_to(text),
            Part::Number(number) => text.push_str(number.as_str()),
            Part::Array(array) => array.write(text),
            Part::Object(object) => object.write(text),
        }
    }

    /// Writes the value to which the steps of a path lead. `None` if there is none.
    pub(super) fn write_at<'k>(
        &self,
        mut steps: impl Iterator<Item = Step<'k>>,
        text: &mut String,
    ) -> Option<()> {
        let Some(step) = steps.next() else {
            self.write(text);
            return Some(());
        };
        // Boxed, as the type of the iterator must not grow with each step.
        let steps: &mut dyn Iterator<Item = Step<'k>> = &mut steps;
        match self {
            Part::Text(part) => Part::Text(step_into(part, &step)?).write_at(steps, text),
            Part::Json(Json::Object(members)) => {
                Part::Json(members.get(step.name)?).write_at(steps, text)
            }
            Part::Json(Json::Array(elements)) => {
                let position = step.position(elements.len()).ok()?;
                Part::Json(elements.get(position)?).write_at(steps, text)
            }
            Part::Json(_) | Part::Number(_) => None,
            Part::Array(array) => {
                let position = step.position(array.length()).ok()?;
                match position.checked_sub(Parts::of(array.text).count()) {
                    Some(position) => array.elements.get(position)?.write_at(steps, text),
                    None => Part::Text(step_into(array.text, &step_to(position)?)?)
                        .write_at(steps, text),
                }
            }
            Part::Object(object) => match object.changed.get(step.name) {
                Some(changed) => changed.as_ref()?.write_at(steps, text),
                None => Part::Text(object.index.value(step.name)?).write_at(steps, text),
            },
        }
    }

    /// Returns the value, or `None` if it nests deeper than core reads.
    fn to_json(&self) -> Option<Cow<'_, Json>> {
        match self {
            Part::Text(text) => Json::parse(text).ok().map(Cow::Owned),
            Part::Json(value) => Some(Cow::Borrowed(value)),
            Part::Number(number) => Some(Cow::Owned(Json::Number(number.clone()))),
            Part::Array(_) | Part::Object(_) => {
                let mut text = String::new();
                self.write(&mut text);
                Json::parse(&text).ok().map(Cow::Owned)
            }
        }
    }

    /// Returns the object, opened if it was not.
    fn open_object(&mut self) -> Option<&mut Object<'a>> {
        match self {
            Part::Text(text) => *self = Part::Object(Box::new(Object::of_text(text)?)),
            Part::Json(Json::Object(members)) => {
                let members = members.iter();
                let changed = members
                    .map(|(name, value)| (Cow::Borrowed(name), Some(Part::Json(value))))
                    .collect();
                let index = Index::empty();
                *self = Part::Object(Box::new(Object { index, changed }));
            }
            _ => {}
        }
        match self {
            Part::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Returns the array, ready for more elements at its end.
    fn extend(&mut self) -> Option<&mut Array<'a>> {
        match self {
            Part::Text(text) if text.starts_with('[') => {
                let (text, elements) = (*text, Vec::new());
                *self = Part::Array(Box::new(Array { text, elements }));
            }
            Part::Json(Json::Array(elements)) => {
                *self = Part::array(elements.iter().map(Part::Json).collect());
            }
            _ => {}
        }
        match self {
            Part::Array(array) => Some(array),
            _ => None,
        }
    }

    /// Returns the elements of an array, all of them opened.
    fn open_array(&mut self) -> Option<&mut Vec<Part<'a>>> {
        let array = self.extend()?;
        let text = mem::replace(&mut array.text, NO_ELEMENTS);
        if text != NO_ELEMENTS {
            let parts = Parts::of(text).map(|part| Part::Text(part.value(text)));
            array.elements.splice(..0, parts);
        }
        Some(&mut array.elements)
    }
}

fn step_to(position: usize) -> Option<Step<'static>> {
    Some(Step {
        name: "",
        index: Some(i64::try_from(position).ok()?),
    })
}

impl Array<'_> {
    fn length(&self) -> usize {
        Parts::of(self.text).count() + self.elements.len()
    }

    fn write(&self, text: &mut String) {
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

impl<'a> Object<'a> {
    fn of_text(text: &'a str) -> Option<Object<'a>> {
        let spans = spans(text)?;
        if is_in_order(text, &spans) {
            let (index, changed) = (Index::new(text, spans.into()), HashMap::new());
            return Some(Object { index, changed });
        }
        let members = spans.into_iter();
        let changed = members
            .map(|span| (span.name(text), Some(Part::Text(span.value(text)))))
            .collect();
        let index = Index::empty();
        Some(Object { index, changed })
    }

    /// Returns the place of a member, which is `None` if there is none.
    fn place(&mut self, name: &str) -> &mut Option<Part<'a>> {
        let index = &self.index;
        let changed = self.changed.entry(Cow::Owned(name.to_owned()));
        changed.or_insert_with(|| index.value(name).map(Part::Text))
    }

    /// Writes the members in order. Those that did not change are copied many at a time.
    fn write(&self, text: &mut String) {
        let start = text.len();
        text.push('{');
        let copy = |members, text: &mut String| {
            let members = self.index.members(members);
            if !members.is_empty() && text.len() > start + 1 {
                text.push(',');
            }
            text.push_str(members);
        };
        let mut changed: Vec<_> = self.changed.iter().collect();
        changed.sort_unstable_by(|left, right| by_name(left.0, right.0));
        let mut next = 0;
        for (name, value) in changed {
            let position = self.index.position(name);
            let before = position.unwrap_or_else(|position| position);
            copy(next..before, text);
            next = before + usize::from(position.is_ok());
            if let Some(value) = value {
                if text.len() > start + 1 {
                    text.push(',');
                }
                write_string(name, text);
                text.push(':');
                value.write(text);
            }
        }
        copy(next..self.index.len(), text);
        text.push('}');
    }
}

impl Tree for Part<'_> {
    fn null() -> Self {
        Part::Text("null")
    }

    fn one() -> Self {
        Part::Text("1")
    }

    fn object() -> Self {
        Part::Text("{}")
    }

    fn array(elements: Vec<Self>) -> Self {
        let text = NO_ELEMENTS;
        Part::Array(Box::new(Array { text, elements }))
    }

    fn kind(&self) -> Kind {
        match self {
            Part::Text(text) => match text.as_bytes().first() {
                Some(b'{') => Kind::Object,
                Some(b'[') => Kind::Array,
                Some(b'"') => Kind::String,
                Some(b't' | b'f') => Kind::Boolean,
                Some(b'n') | None => Kind::Null,
                Some(_) => Kind::Number,
            },
            Part::Json(value) => value.kind(),
            Part::Number(_) => Kind::Number,
            Part::Array(_) => Kind::Array,
            Part::Object(_) => Kind::Object,
        }
    }

    // Only the members of operations are asked for these two, and those were read in another form.
    fn as_str(&self) -> Option<&str> {
        None
    }

    fn as_u64(&self) -> Option<u64> {
        None
    }

    /// Finds nothing but in an operation's value: only a patch is walked over.
    fn each_member(&self, visit: &mut dyn FnMut(&str, &Self)) {
        if let Part::Json(Json::Object(members)) = self {
            members
                .iter()
                .for_each(|(name, value)| visit(name, &Part::Json(value)));
        }
    }

    /// As [`each_member`](Tree::each_member).
    fn each_element(&self, visit: &mut dyn FnMut(&Self)) {
        if let Part::Json(Json::Array(elements)) = self {
            elements.iter().for_each(|value| visit(&Part::Json(value)));
        }
    }

    fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.open_object()?.place(name).as_mut()
    }

    fn member_or_null(&mut self, name: &str) -> (&mut Self, bool) {
        self.open_object();
        match self {
            Part::Object(object) => {
                let place = object.place(name);
                let existed = place.is_some();
                (place.get_or_insert_with(Part::null), existed)
            }
            // Nobody asks this of anything but an object.
            other => (other, false),
        }
    }

    fn remove_member(&mut self, name: &str) {
        if let Some(object) = self.open_object() {
            *object.place(name) = None;
        }
    }

    fn length(&self) -> usize {
        match self {
            Part::Text(text) => Parts::of(text).count(),
            Part::Json(value) => value.length(),
            Part::Array(array) => array.length(),
            Part::Number(_) | Part::Object(_) => 0,
        }
    }

    fn element_mut(&mut self, position: usize) -> Option<&mut Self> {
        self.open_array()?.get_mut(position)
    }

    fn push(&mut self, element: Self) {
        if let Some(array) = self.extend() {
            array.elements.push(element);
        }
    }

    fn remove_element(&mut self, position: usize) {
        if let Some(elements) = self.open_array().filter(|all| position < all.len()) {
            elements.remove(position);
        }
    }

    fn remove_equal(&mut self, value: &Self) {
        let (Some(elements), Some(value)) = (self.open_array(), value.to_json()) else {
            return;
        };
        let kind = value.kind();
        elements.retain(|element| {
            let same = |element: Cow<'_, Json>| element.same_value(&value);
            element.kind() != kind || !element.to_json().is_some_and(same)
        });
    }

    fn keep_last(&mut self, count: u64) {
        if let Some(elements) = self.open_array() {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            elements.drain(..elements.len().saturating_sub(count));
        }
    }

    fn sum(&self, other: &Self) -> Option<Self> {
        let number = |part: &Self| match part {
            Part::Text(text) => Number::parse(text),
            Part::Json(value) => value.as_number().cloned(),
            Part::Number(number) => Some(number.clone()),
            Part::Array(_) | Part::Object(_) => None,
        };
        let sum = Json::Number(number(self)?).sum(&Json::Number(number(other)?))?;
        sum.as_number().cloned().map(Part::Number)
    }

    fn check(&self, level: usize) -> Result<(), BadValue> {
        self.to_json().ok_or(BadValue::TooDeep)?.check(level)
    }
}

/// Returns an operation whose value is borrowed.
pub(super) fn borrowed(operation: &Operation<Json>) -> Operation<Part<'_>> {
    let key = |key: &Key| key.clone();
    match operation {
        Operation::Set { key: at, value } => Operation::Set {
            key: key(at),
            value: Part::Json(value),
        },
        Operation::Delete { key: at } => Operation::Delete { key: key(at) },
        Operation::Update { value } => Operation::Update {
            value: Part::Json(value),
        },
        Operation::Merge { key: at, value } => Operation::Merge {
            key: at.clone(),
            value: Part::Json(value),
        },
        Operation::Append {
            key: at,
            value,
            keep,
        } => Operation::Append {
            key: key(at),
            value: Part::Json(value),
            keep: *keep,
        },
        Operation::Remove { key: at, value } => Operation::Remove {
            key: key(at),
            value: Part::Json(value),
        },
        Operation::Increment { key: at, value } => Operation::Increment {
            key: key(at),
            value: Part::Json(value),
        },
    }
}
