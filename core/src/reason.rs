//! Why an operation could not be applied.

use std::fmt;

use crate::OperationType;

/// Why one operation of a list was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `remove` found no array at its key.
    NotAnArray,
    /// A scalar stands where the path needs an object or an array.
    NotAContainer,
    /// The array has no such position, or the step is no position at all.
    IndexOutOfRange,
    /// The key is missing, or is a path that cannot be read.
    BadPath(BadPath),
    /// The operation's `type` is missing or none that we know.
    UnknownType,
    /// The operation has a member that operations of its type do not have.
    UnknownMember(OperationType),
    /// The value is missing, or not of the kind that the operation takes.
    BadValue(BadValue),
}

impl Reason {
    /// Returns the word that stands for this reason in JSON, as in `{"index":2,"reason":"bad_path"}`.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::NotAnArray => "not_an_array",
            Reason::NotAContainer => "not_a_container",
            Reason::IndexOutOfRange => "index_out_of_range",
            Reason::BadPath(_) => "bad_path",
            Reason::UnknownType => "unknown_type",
            Reason::UnknownMember(_) => "unknown_member",
            Reason::BadValue(_) => "bad_value",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotAnArray => f.write_str("there is no array at the key"),
            Reason::NotAContainer => {
                f.write_str("a scalar stands on the way, where an object or an array is needed")
            }
            Reason::IndexOutOfRange => f.write_str("the array on the way has no such position"),
            Reason::BadPath(bad) => bad.fmt(f),
            Reason::UnknownType => {
                let types = OperationType::ALL.map(OperationType::name);
                f.write_str("the type of the operation is missing or unknown; types are ")?;
                write_names(f, &types)
            }
            Reason::UnknownMember(known) => {
                write!(f, "{known} takes only the members ")?;
                write_names(f, known.members())
            }
            Reason::BadValue(bad) => bad.fmt(f),
        }
    }
}

/// Writes `a, b and c`.
fn write_names(f: &mut fmt::Formatter<'_>, names: &[&str]) -> fmt::Result {
    for (position, name) in names.iter().enumerate() {
        f.write_str(match position {
            0 => "",
            _ if position + 1 == names.len() => " and ",
            _ => ", ",
        })?;
        f.write_str(name)?;
    }
    Ok(())
}

/// Where and why a path cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPath {
    offset: Option<usize>,
    problem: &'static str,
}

impl BadPath {
    pub(crate) fn new(offset: usize, problem: &'static str) -> Self {
        BadPath {
            offset: Some(offset),
            problem,
        }
    }

    pub(crate) fn no_text() -> Self {
        BadPath {
            offset: None,
            problem: "the operation has no key, or one that is no text",
        }
    }

    /// Returns the byte offset in the key at which reading stopped; `None` if there is no key.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }
}

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "{} at byte {offset} of the key", self.problem),
            None => f.write_str(self.problem),
        }
    }
}

impl std::error::Error for BadPath {}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadValue {
    /// The operation has no `value`.
    Missing,
    /// `update`, and `merge` without a key, take an object.
    NotAnObject,
    /// `increment` takes a number.
    NotANumber,
    /// `keep` takes a whole number from 1.
    BadKeep,
    /// The document would nest more than [`MAXIMUM_DEPTH`](crate::MAXIMUM_DEPTH) levels.
    TooDeep,
    /// A number has more than 131,072 digits before the point or 16,383 behind it, which is more
    /// than Postgres can hold.
    NumberOutOfRange,
    /// A text contains U+0000, which JSONB cannot hold.
    NulCharacter,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadValue::Missing => "the operation has no value",
            BadValue::NotAnObject => "the value is not an object",
            BadValue::NotANumber => "the value is not a number",
            BadValue::BadKeep => "keep is not a whole number from 1",
            BadValue::TooDeep => "the document would nest more than 100 levels",
            BadValue::NumberOutOfRange => "a number has more digits than can be stored",
            BadValue::NulCharacter => "a text contains the character U+0000",
        })
    }
}

impl std::error::Error for BadValue {}

impl std::error::Error for Reason {}

impl From<BadPath> for Reason {
    fn from(bad: BadPath) -> Self {
        Reason::BadPath(bad)
    }
}

impl From<BadValue> for Reason {
    fn from(bad: BadValue) -> Self {
        Reason::BadValue(bad)
    }
}
