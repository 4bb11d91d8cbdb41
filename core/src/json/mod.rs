//! Documents and values as a client holds them: JSON with exact numbers.
//!
//! [`serde_json::Value`] keeps numbers exact only with the Cargo feature `arbitrary_precision`, which Cargo switches on
//! for every crate of a program: others' `#[serde(flatten)]` structs and untagged enums then no longer parse. So
//! documents have a tree of their own, and `Value` is converted at the door.
//!
//! A place takes 24 bytes: numbers of up to 24 bytes of text stand in it, texts and containers behind a pointer. An
//! object's members are sorted by name. A document of 260 kB that holds only numbers of five digits takes 1.0 MB here and
//! 2.3 MB as a `Value` with `arbitrary_precision`.

mod elements;
mod members;
mod number;
mod parse;
mod tree;
mod value;
mod weight;
mod write;

pub use elements::Elements;
pub use members::Members;
pub use number::Number;
pub use parse::NotJson;
pub use write::write_string;

use crate::Key;
use crate::size::{brackets, string_size};
use crate::{MAXIMUM_DEPTH, number as decimal};

/// A JSON value whose numbers are exact.
///
/// Two values are equal if they have the same members and elements and the same texts of numbers: 1 and 1.0 differ.
/// [`Json::same_value`] compares numbers by value.
///
/// ```
/// use runmeta_core::Json;
///
/// let document = Json::parse(r#"{"total": 1.50, "big": 1e400}"#).unwrap();
/// assert_eq!(document.to_string(), r#"{"big":1e400,"total":1.50}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Json {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An exact decimal number.
    Number(Number),
    /// A text.
    String(Box<str>),
    /// An array.
    Array(Elements),
    /// An object.
    Object(Members),
}

/// The client's budget of memory is made of these places.
const _: () = assert!(size_of::<Json>() == 24);

impl Json {
    /// Returns true for `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// Returns the value of `true` and `false`.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns a number.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Json::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the elements of an array.
    pub fn as_array(&self) -> Option<&Elements> {
        match self {
            Json::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// Returns the elements of an array, to be changed.
    pub fn as_array_mut(&mut self) -> Option<&mut Elements> {
        match self {
            Json::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// Returns the members of an object.
    pub fn as_object(&self) -> Option<&Members> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the members of an object, to be changed.
    pub fn as_object_mut(&mut self) -> Option<&mut Members> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the value of a member of an object.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?.get(name)
    }

    /// Returns the value at a key, or `None` if there is none.
    pub fn lookup(&self, key: &Key) -> Option<&Json> {
        key.steps().try_fold(self, |place, step| match place {
            Json::Object(members) => members.get(step.name),
            Json::Array(elements) => elements.get(step.position(elements.len()).ok()?),
            _ => None,
        })
    }

    /// Returns true if two values are deep-equal: objects without regard to the order of keys, numbers by
    /// value. Both nest at most [`MAXIMUM_DEPTH`] levels; deeper parts count as different.
    pub fn same_value(&self, other: &Json) -> bool {
        same_within(self, other, MAXIMUM_DEPTH + 1)
    }

    /// Returns the number of UTF-8 bytes of the compact JSON text, with numbers as Postgres writes
    /// them: `1e3` counts four.
    pub fn size(&self) -> usize {
        match self {
            Json::Null | Json::Bool(true) => 4,
            Json::Bool(false) => 5,
            Json::Number(number) => decimal::plain_length(number.as_str()),
            Json::String(text) => string_size(text),
            Json::Array(elements) => brackets(elements.iter().map(Json::size)),
            Json::Object(members) => brackets(
                members
                    .iter()
                    .map(|(name, value)| string_size(name) + 1 + value.size()),
            ),
        }
    }
}

fn same_within(left: &Json, right: &Json, levels: usize) -> bool {
    if levels == 0 {
        return false;
    }
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => decimal::same(left.as_str(), right.as_str()),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right.iter())
                    .all(|(left, right)| same_within(left, right, levels - 1))
        }
        // Members are sorted, so that equal names stand side by side.
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().zip(right.iter()).all(|(left, right)| {
                    left.0 == right.0 && same_within(left.1, right.1, levels - 1)
                })
        }
        _ => left == right,
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Bool(value)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::String(text.into())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::String(text.into())
    }
}

impl<N: Into<Number>> From<N> for Json {
    fn from(number: N) -> Json {
        Json::Number(number.into())
    }
}

impl From<Elements> for Json {
    fn from(elements: Elements) -> Json {
        Json::Array(elements)
    }
}

impl From<Vec<Json>> for Json {
    fn from(elements: Vec<Json>) -> Json {
        elements.into_iter().collect()
    }
}

impl From<Members> for Json {
    fn from(members: Members) -> Json {
        Json::Object(members)
    }
}

impl<const N: usize> From<[(&str, Json); N]> for Json {
    fn from(members: [(&str, Json); N]) -> Json {
        Json::Object(members.into_iter().collect())
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<I: IntoIterator<Item = Json>>(elements: I) -> Json {
        Json::Array(elements.into_iter().collect())
    }
}
