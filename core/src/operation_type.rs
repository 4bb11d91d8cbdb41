//! The types of operations: their names in JSON, and the members that each has.

use std::fmt;

/// The type of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationType {
    /// `set`
    Set,
    /// `delete`
    Delete,
    /// `update`
    Update,
    /// `merge`
    Merge,
    /// `append`
    Append,
    /// `remove`
    Remove,
    /// `increment`
    Increment,
}

impl OperationType {
    /// All types.
    pub const ALL: [OperationType; 7] = [
        OperationType::Set,
        OperationType::Delete,
        OperationType::Update,
        OperationType::Merge,
        OperationType::Append,
        OperationType::Remove,
        OperationType::Increment,
    ];

    /// Returns the type of this name.
    pub fn parse(name: &str) -> Option<OperationType> {
        OperationType::ALL
            .into_iter()
            .find(|known| known.name() == name)
    }

    /// Returns the name, which is the operation's `type` in JSON.
    pub fn name(self) -> &'static str {
        match self {
            OperationType::Set => "set",
            OperationType::Delete => "delete",
            OperationType::Update => "update",
            OperationType::Merge => "merge",
            OperationType::Append => "append",
            OperationType::Remove => "remove",
            OperationType::Increment => "increment",
        }
    }

    /// Returns the members that such an operation may have in JSON.
    pub fn members(self) -> &'static [&'static str] {
        match self {
            OperationType::Delete => &["type", "key"],
            OperationType::Update => &["type", "value"],
            OperationType::Append => &["type", "key", "value", "keep"],
            OperationType::Set
            | OperationType::Merge
            | OperationType::Remove
            | OperationType::Increment => &["type", "key", "value"],
        }
    }
}

impl fmt::Display for OperationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_no_others() {
        for known in OperationType::ALL {
            assert_eq!(OperationType::parse(known.name()), Some(known));
        }
        for unknown in ["", "Set", "inc", "type"] {
            assert_eq!(OperationType::parse(unknown), None);
        }
    }
}
