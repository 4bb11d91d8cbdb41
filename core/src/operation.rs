//! Operations, and the JSON form in which they are written.

use crate::{BadValue, Json, Key, Kind, MAXIMUM_DEPTH, Members, OperationType, Tree, write_string};

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

impl<T: Tree> Operation<T> {
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

    /// Returns the type.
    pub fn operation_type(&self) -> OperationType {
        match self {
            Operation::Set { .. } => OperationType::Set,
            Operation::Delete { .. } => OperationType::Delete,
            Operation::Update { .. } => OperationType::Update,
            Operation::Merge { .. } => OperationType::Merge,
            Operation::Append { .. } => OperationType::Append,
            Operation::Remove { .. } => OperationType::Remove,
            Operation::Increment { .. } => OperationType::Increment,
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

    /// Returns the value, which a delete does not have.
    pub fn value(&self) -> Option<&T> {
        match self {
            Operation::Set { value, .. }
            | Operation::Update { value }
            | Operation::Merge { value, .. }
            | Operation::Append { value, .. }
            | Operation::Remove { value, .. }
            | Operation::Increment { value, .. } => Some(value),
            Operation::Delete { .. } => None,
        }
    }

    /// Returns how many elements an append keeps, if it is bounded.
    pub fn keep(&self) -> Option<u64> {
        match self {
            Operation::Append { keep, .. } => *keep,
            _ => None,
        }
    }
}

impl Operation<Json> {
    /// Returns the JSON form, which [`Operation::parse`] reads.
    pub fn to_json(&self) -> Json {
        let mut members = Members::new();
        members.insert("type", self.operation_type().name().into());
        if let Some(key) = self.key() {
            members.insert("key", key.as_str().into());
        }
        if let Some(value) = self.value() {
            members.insert("value", value.clone());
        }
        if let Some(keep) = self.keep() {
            members.insert("keep", keep.into());
        }
        Json::Object(members)
    }

    /// Writes the JSON form at the end of `text`, without a copy of the value.
    pub fn write_to(&self, text: &mut String) {
        text.push_str("{\"type\":\"");
        text.push_str(self.operation_type().name());
        text.push('"');
        if let Some(key) = self.key() {
            text.push_str(",\"key\":");
            write_string(key.as_str(), text);
        }
        if let Some(value) = self.value() {
            text.push_str(",\"value\":");
            value.write_to(text);
        }
        if let Some(keep) = self.keep() {
            text.push_str(",\"keep\":");
            text.push_str(&keep.to_string());
        }
        text.push('}');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
            let operation = Json::from(operation);
            assert_eq!(Operation::parse(&operation).unwrap().to_json(), operation);
        }
    }
}
