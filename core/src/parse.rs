//! Reading operations from their JSON form.

use std::fmt;

use crate::{BadPath, BadValue, Key, Kind, Operation, OperationType, Reason, Tree};

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
        let members = Members::read(operation);
        let known = members.operation_type()?;
        members.check_names(known)?;
        let read = match known {
            OperationType::Set => Operation::Set {
                key: members.key()?,
                value: members.value()?,
            },
            OperationType::Delete => Operation::Delete {
                key: members.key()?,
            },
            OperationType::Update => Operation::Update {
                value: members.value()?,
            },
            OperationType::Merge => Operation::Merge {
                key: members.key.is_some().then(|| members.key()).transpose()?,
                value: members.value()?,
            },
            OperationType::Append => Operation::Append {
                key: members.key()?,
                value: members.value()?,
                keep: members.keep()?,
            },
            OperationType::Remove => Operation::Remove {
                key: members.key()?,
                value: members.value()?,
            },
            OperationType::Increment => Operation::Increment {
                key: members.key()?,
                value: members.value.unwrap_or_else(T::one),
            },
        };
        read.check()?;
        Ok(read)
    }
}

/// The members of an operation's JSON form, found in one pass.
struct Members<T> {
    known: Option<T>,
    key: Option<T>,
    value: Option<T>,
    keep: Option<T>,
    /// There is a member that no operation has.
    others: bool,
}

impl<T: Tree> Members<T> {
    fn read(operation: &T) -> Self {
        let mut members = Members {
            known: None,
            key: None,
            value: None,
            keep: None,
            others: false,
        };
        operation.each_member(&mut |name, value| {
            let place = match name {
                "type" => &mut members.known,
                "key" => &mut members.key,
                "value" => &mut members.value,
                "keep" => &mut members.keep,
                _ => {
                    members.others = true;
                    return;
                }
            };
            *place = Some(value.clone());
        });
        members
    }

    fn operation_type(&self) -> Result<OperationType, Reason> {
        let name = self.known.as_ref().and_then(T::as_str);
        name.and_then(OperationType::parse)
            .ok_or(Reason::UnknownType)
    }

    /// Refuses a member that such an operation does not have. A misspelt `value` would otherwise be
    /// taken for a missing one, and a `target`, which belongs to the list, would have no effect.
    fn check_names(&self, known: OperationType) -> Result<(), Reason> {
        let found = [
            ("key", self.key.is_some()),
            ("value", self.value.is_some()),
            ("keep", self.keep.is_some()),
        ];
        let strange =
            |(name, is_there): &(&str, bool)| *is_there && !known.members().contains(name);
        match self.others || found.iter().any(strange) {
            true => Err(Reason::UnknownMember(known)),
            false => Ok(()),
        }
    }

    fn key(&self) -> Result<Key, Reason> {
        let text = self.key.as_ref().and_then(T::as_str);
        Ok(Key::parse(text.ok_or(BadPath::no_text())?)?)
    }

    fn value(&self) -> Result<T, Reason> {
        let value = self.value.clone();
        value.ok_or(Reason::BadValue(BadValue::Missing))
    }

    fn keep(&self) -> Result<Option<u64>, Reason> {
        let Some(keep) = &self.keep else {
            return Ok(None);
        };
        let keep = keep.as_u64().filter(|keep| *keep >= 1);
        Ok(Some(keep.ok_or(BadValue::BadKeep)?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Json;

    fn reason(operation: Value) -> String {
        match Operation::parse(&Json::from(operation)) {
            Ok(read) => format!("read as {}", read.to_json()),
            Err(reason) => format!("{}: {reason}", reason.code()),
        }
    }

    #[test]
    fn what_cannot_be_applied_has_a_reason() {
        insta::assert_snapshot!([
            json!({"key": "a"}),
            json!({"type": "inc", "key": "a", "value": 1}),
            json!({"type": 7}),
            json!({"type": "set", "value": 1}),
            json!({"type": "set", "key": 7, "value": 1}),
            json!({"type": "set", "key": "$.a.*", "value": 1}),
            json!({"type": "set", "key": "a"}),
            json!({"type": "set", "key": "a", "value": "\0"}),
            json!({"type": "update", "value": [1]}),
            json!({"type": "merge", "value": 1}),
            json!({"type": "merge", "key": null, "value": 1}),
            json!({"type": "increment", "key": "a", "value": "1"}),
            json!({"type": "increment", "key": "a", "value": null}),
            json!({"type": "append", "key": "a", "value": 1, "keep": 0}),
            json!({"type": "append", "key": "a", "value": 1, "keep": 1.5}),
            json!({"type": "append", "key": "a", "value": 1, "keep": null}),
        ].map(reason).join("\n"), @r"
        unknown_type: the type of the operation is missing or unknown; types are set, delete, update, merge, append, remove and increment
        unknown_type: the type of the operation is missing or unknown; types are set, delete, update, merge, append, remove and increment
        unknown_type: the type of the operation is missing or unknown; types are set, delete, update, merge, append, remove and increment
        bad_path: the operation has no key, or one that is no text
        bad_path: the operation has no key, or one that is no text
        bad_path: a wildcard stands at byte 4 of the key
        bad_value: the operation has no value
        bad_value: a text contains the character U+0000
        bad_value: the value is not an object
        bad_value: the value is not an object
        bad_path: the operation has no key, or one that is no text
        bad_value: the value is not a number
        bad_value: the value is not a number
        bad_value: keep is not a whole number from 1
        bad_value: keep is not a whole number from 1
        bad_value: keep is not a whole number from 1
        ");
    }

    #[test]
    fn a_member_that_the_operation_does_not_have_is_named_as_the_reason() {
        insta::assert_snapshot!([
            json!({"type": "set", "key": "a", "value": 1, "target": "parent"}),
            json!({"type": "set", "key": "a", "valeu": 1}),
            json!({"type": "set", "key": "a", "value": 1, "keep": 1}),
            json!({"type": "delete", "key": "a", "value": 1}),
            json!({"type": "update", "value": {}, "key": "a"}),
            json!({"type": "merge", "value": {}, "keep": 1}),
            json!({"type": "append", "key": "a", "value": 1, "Keep": 1}),
            json!({"type": "remove", "key": "a", "value": 1, "": 1}),
            json!({"type": "increment", "key": "a", "by": 2}),
            // Which type it was meant to be matters more than what it has beside.
            json!({"type": "inc", "key": "a", "by": 2}),
        ].map(reason).join("\n"), @r"
        unknown_member: set takes only the members type, key and value
        unknown_member: set takes only the members type, key and value
        unknown_member: set takes only the members type, key and value
        unknown_member: delete takes only the members type and key
        unknown_member: update takes only the members type and value
        unknown_member: merge takes only the members type, key and value
        unknown_member: append takes only the members type, key, value and keep
        unknown_member: remove takes only the members type, key and value
        unknown_member: increment takes only the members type, key and value
        unknown_type: the type of the operation is missing or unknown; types are set, delete, update, merge, append, remove and increment
        ");
    }

    #[test]
    fn increment_without_a_value_is_by_one() {
        assert_eq!(
            reason(json!({"type": "increment", "key": "a"})),
            r#"read as {"key":"a","type":"increment","value":1}"#
        );
    }

    #[test]
    fn append_makes_no_array_below_the_last_level() {
        let append = |steps: usize| {
            let key = format!("${}", ".a".repeat(steps));
            Operation::parse(&Json::from(
                json!({"type": "append", "key": key, "value": 1}),
            ))
            .is_ok()
        };
        assert!(append(99));
        assert!(!append(100));
    }

    #[test]
    fn a_list_of_anything_but_objects_is_refused() {
        let not_an_array = parse_list(&Json::from(json!({}))).unwrap_err();
        assert_eq!(not_an_array.to_string(), "operations are not an array");
        let not_an_object = parse_list(&Json::from(json!([{}, 7, 8]))).unwrap_err();
        assert_eq!(not_an_object.to_string(), "operation 1 is not an object");
    }
}
