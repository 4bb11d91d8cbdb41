//! Recording an operation through a handle. The tests against a real server use it.

use runmeta_core::Operation;
use serde_json::Value;

use super::Metadata;

/// Calls the method that stands for an operation.
pub(super) fn record(metadata: &Metadata, operation: Operation<Value>) {
    let key = operation.key().map(|key| key.as_str().to_owned());
    let key = key.as_deref();
    match (operation, key) {
        (Operation::Set { value, .. }, Some(key)) => metadata.set(key, value),
        (Operation::Delete { .. }, Some(key)) => metadata.del(key),
        (Operation::Update { value }, _) => metadata.replace(value),
        (Operation::Merge { value, .. }, Some(key)) => metadata.merge_at(key, value),
        (Operation::Merge { value, .. }, None) => metadata.merge(value),
        (
            Operation::Append {
                value,
                keep: Some(keep),
                ..
            },
            Some(key),
        ) => metadata.append_keep(key, value, keep),
        (Operation::Append { value, .. }, Some(key)) => metadata.append(key, value),
        (Operation::Remove { value, .. }, Some(key)) => metadata.remove(key, value),
        (
            Operation::Increment {
                value: Value::Number(by),
                ..
            },
            Some(key),
        ) => metadata.increment(key, by),
        (other, _) => panic!("{other:?}"),
    };
}
