//! Operations, and their JSON form.

use std::fmt;

use serde_json::{Value, json};

use crate::{BadPath, BadValue, Key, Kind, MAXIMUM_DEPTH, Reason, Tree};

/// One change to a document, whose values are of the form `T`.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation<T> {
    /// The value at `key` becomes `value`.
    Set {
        /// Where.
        key: Key,
        /// Any value.
        value: T,
    },
    /// The value at `key` goes.
    Delete {
        /// Where.
        key: Key,
    },
    /// The whole document becomes `value`.
    Update {
        /// An object.
        value: T,
    },
    /// `value` is merged into the document, or into the value at `key`, as a JSON merge patch.
    Merge {
        /// Where; the whole document if there is none.
        key: Option<Key>,
        /// An object if there is no key; any value else, where null removes.
        value: T,
    },
    /// `value` goes to the end of the array at `key`.
    Append {
        /// Where.
        key: Key,
        /// Any value; an array is nested, not joined.
        value: T,
        /// How many elements stay, from the end. At least 1.
        keep: Option<u64>,
    },
    /// Every element deep-equal to `value` leaves the array at `key`.
    Remove {
        /// Where.
        key: Key,
        /// Any value.
        value: T,
    },
    /// The number at `key` grows by `value`.
    Increment {
        /// Where.
        key: Key,
        /// A number.
        value: T,
    },
}

/// An operation as it was read, or why it cannot be applied to any document.
pub type Parsed<T> = Result<Operation<T>, Reason>;

/// What should be a list of operations is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAList {
    /// It is no array.
    NotAnArray,
    /// The element at this position, from 0, is no object.
    NotAnObject(usize),
}

impl fmt::Display for NotAList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotAList::NotAnArray => f.write_str("operations are not an array"),
            NotAList::NotAnObject(index) => write!(f, "operation {index} is not an object"),
        }
    }
}

impl std::error::Error for NotAList {}

/// Reads a list of operations. What is wrong with one of them does not concern the others.
///
/// # Errors
///
/// [`NotAList`] if `list` is no array of objects.
pub fn parse_list<T: Tree>(list: &T) -> Result<Vec<Parsed<T>>, NotAList> {
    if list.kind() != Kind::Array {
        return Err(NotAList::NotAnArray);
    }
    let mut operations = Vec::with_capacity(list.length());
    let mut not_an_object = None;
    list.each_element(&mut |element| {
        if element.kind() != Kind::Object && not_an_object.is_none() {
            not_an_object = Some(operations.len());
        }
        operations.push(Operation::parse(element));
    });
    match not_an_object {
        Some(index) => Err(NotAList::NotAnObject(index)),
        None => Ok(operations),
    }
}

impl<T: Tree> Operation<T> {
    /// Reads an operation from its JSON form.
    ///
    /// # Errors
    ///
    /// The reason why it could be applied to no document.
    pub fn parse(operation: &T) -> Parsed<T> {
        let kind = operation.member("type").ok_or(Reason::UnknownType)?;
        let key = || -> Result<Key, Reason> {
            let key = operation.member("key").ok_or(BadPath::no_text())?;
            let text = key.as_str().ok_or(BadPath::no_text())?;
            Ok(Key::parse(text)?)
        };
        let value = || {
            operation
                .member("value")
                .ok_or(Reason::BadValue(BadValue::Missing))
        };
        let read = match kind.as_str().unwrap_or_default() {
            "set" => Operation::Set {
                key: key()?,
                value: value()?,
            },
            "delete" => Operation::Delete { key: key()? },
            "update" => Operation::Update { value: value()? },
            "merge" => {
                let key = if operation.member("key").is_some() {
                    Some(key()?)
                } else {
                    None
                };
                Operation::Merge {
                    key,
                    value: value()?,
                }
            }
            "append" => {
                let keep = match operation.member("keep") {
                    Some(keep) => {
                        let keep = keep.as_u64().filter(|keep| *keep >= 1);
                        Some(keep.ok_or(BadValue::BadKeep)?)
                    }
                    None => None,
                };
                Operation::Append {
                    key: key()?,
                    value: value()?,
                    keep,
                }
            }
            "remove" => Operation::Remove {
                key: key()?,
                value: value()?,
            },
            "increment" => Operation::Increment {
                key: key()?,
                value: value()?,
            },
            _ => return Err(Reason::UnknownType),
        };
        read.check()?;
        Ok(read)
    }

    /// Checks what can be known of the value without a document.
    ///
    /// # Errors
    ///
    /// [`BadValue`] for a value that the operation does not take or that cannot be stored.
    pub fn check(&self) -> Result<(), BadValue> {
        match self {
            Operation::Set { key, value } => value.check(key.len()),
            Operation::Delete { .. } => Ok(()),
            Operation::Update { value } | Operation::Merge { key: None, value } => {
                if value.kind() != Kind::Object {
                    return Err(BadValue::NotAnObject);
                }
                value.check(0)
            }
            Operation::Merge {
                key: Some(key),
                value,
            } => value.check(key.len()),
            Operation::Append { keep: Some(0), .. } => Err(BadValue::BadKeep),
            // The array that may be made at the key is a level of its own.
            Operation::Append { key, .. } if key.len() >= MAXIMUM_DEPTH => Err(BadValue::TooDeep),
            Operation::Append { key, value, .. } => value.check(key.len() + 1),
            // Such a value may be in no document, but comparing it must not go deep either.
            Operation::Remove { value, .. } => value.check(0),
            Operation::Increment { value, .. } => {
                if value.kind() != Kind::Number {
                    return Err(BadValue::NotANumber);
                }
                value.check(0)
            }
        }
    }

    /// Returns the key, which an update and a merge into the whole document do not have.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Operation::Set { key, .. }
            | Operation::Delete { key }
            | Operation::Append { key, .. }
            | Operation::Remove { key, .. }
            | Operation::Increment { key, .. } => Some(key),
            Operation::Merge { key, .. } => key.as_ref(),
            Operation::Update { .. } => None,
        }
    }
}

impl Operation<Value> {
    /// Returns the JSON form, which [`Operation::parse`] reads.
    pub fn to_json(&self) -> Value {
        match self {
            Operation::Set { key, value } => {
                json!({"type": "set", "key": key.as_str(), "value": value})
            }
            Operation::Delete { key } => json!({"type": "delete", "key": key.as_str()}),
            Operation::Update { value } => json!({"type": "update", "value": value}),
            Operation::Merge { key: None, value } => json!({"type": "merge", "value": value}),
            Operation::Merge {
                key: Some(key),
                value,
            } => {
                json!({"type": "merge", "key": key.as_str(), "value": value})
            }
            Operation::Append {
                key,
                value,
                keep: None,
            } => {
                json!({"type": "append", "key": key.as_str(), "value": value})
            }
            Operation::Append {
                key,
                value,
                keep: Some(keep),
            } => {
                json!({"type": "append", "key": key.as_str(), "value": value, "keep": keep})
            }
            Operation::Remove { key, value } => {
                json!({"type": "remove", "key": key.as_str(), "value": value})
            }
            Operation::Increment { key, value } => {
                json!({"type": "increment", "key": key.as_str(), "value": value})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(operation: Value) -> String {
        match Operation::parse(&operation) {
            Ok(read) => format!("read as {}", read.to_json()),
            Err(reason) => format!("{}: {reason}", reason.code()),
        }
    }

    #[test]
    fn json_form_is_read_and_written_the_same() {
        for operation in [
            json!({"type": "set", "key": "a", "value": null}),
            json!({"type": "delete", "key": "$.a.b"}),
            json!({"type": "update", "value": {"a": 1}}),
            json!({"type": "merge", "value": {"a": null}}),
            json!({"type": "merge", "key": "a", "value": 1}),
            json!({"type": "append", "key": "a", "value": [1]}),
            json!({"type": "append", "key": "a", "value": 1, "keep": 20}),
            json!({"type": "remove", "key": "a", "value": "x"}),
            json!({"type": "increment", "key": "a", "value": -0.5}),
        ] {
            assert_eq!(Operation::parse(&operation).unwrap().to_json(), operation);
        }
    }

    #[test]
    fn what_cannot_be_applied_says_why() {
        insta::assert_snapshot!([
            json!({"key": "a"}),
            json!({"type": "inc", "key": "a", "value": 1}),
            json!({"type": "set", "value": 1}),
            json!({"type": "set", "key": 7, "value": 1}),
            json!({"type": "set", "key": "$.a.*", "value": 1}),
            json!({"type": "set", "key": "a"}),
            json!({"type": "set", "key": "a", "value": "\0"}),
            json!({"type": "update", "value": [1]}),
            json!({"type": "merge", "value": 1}),
            json!({"type": "merge", "key": null, "value": 1}),
            json!({"type": "increment", "key": "a", "value": "1"}),
            json!({"type": "append", "key": "a", "value": 1, "keep": 0}),
            json!({"type": "append", "key": "a", "value": 1, "keep": 1.5}),
        ].map(reason).join("\n"), @r"
        unknown_type: the type of the operation is missing or unknown
        unknown_type: the type of the operation is missing or unknown
        bad_path: the operation has no key, or one that is no text
        bad_path: the operation has no key, or one that is no text
        bad_path: a wildcard stands at byte 4 of the key
        bad_value: the operation has no value
        bad_value: a text contains the character U+0000
        bad_value: the value is not an object
        bad_value: the value is not an object
        bad_path: the operation has no key, or one that is no text
        bad_value: the value is not a number
        bad_value: keep is not a whole number from 1
        bad_value: keep is not a whole number from 1
        ");
    }

    #[test]
    fn append_makes_no_array_below_the_last_level() {
        let append = |steps: usize| {
            let key = format!("${}", ".a".repeat(steps));
            Operation::parse(&json!({"type": "append", "key": key, "value": 1})).is_ok()
        };
        assert!(append(99));
        assert!(!append(100));
    }

    #[test]
    fn a_list_of_anything_but_objects_is_refused() {
        assert_eq!(parse_list(&json!({})), Err(NotAList::NotAnArray));
        assert_eq!(parse_list(&json!([{}, 7])), Err(NotAList::NotAnObject(1)));
    }
}
