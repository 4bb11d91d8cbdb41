//! Operations, and what became of them.

#![expect(dead_code, reason = "their fields are read by the macro only")]

use std::collections::HashMap;

use serde_json::Value;
use utoipa::ToSchema;

/// A change of a document: `{"type":"set","key":"progress","value":0.5}`. A key may be a path, such as `$.user.name`.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Operation {
    /// Sets the value.
    #[schema(title = "set")]
    Set { key: String, value: Value },
    /// Removes the key.
    #[schema(title = "delete")]
    Delete { key: String },
    /// Appends the value to the array.
    #[schema(title = "append")]
    Append {
        key: String,
        value: Value,
        /// How many elements the array then has at most, its last.
        #[schema(minimum = 1)]
        keep: Option<i64>,
    },
    /// Removes equal elements from the array.
    #[schema(title = "remove")]
    Remove { key: String, value: Value },
    /// Adds a number, which may be negative: 1 if it is missing.
    #[schema(title = "increment")]
    Increment { key: String, value: Option<f64> },
    /// Merges an object at the key, or into the document (RFC 7396).
    #[schema(title = "merge")]
    Merge {
        key: Option<String>,
        #[schema(additional_properties)]
        value: HashMap<String, Value>,
    },
    /// Replaces the document.
    #[schema(title = "update")]
    Update {
        #[schema(additional_properties)]
        value: HashMap<String, Value>,
    },
}

/// What became of a batch.
#[derive(ToSchema)]
pub(super) struct Results {
    results: Vec<Outcome>,
    /// True if the operations without effect were left out: the gateway has no memory for them, as its caller does not read answers.
    shortened: Option<bool>,
}

/// What became of a list.
#[derive(ToSchema)]
pub(super) struct Outcome {
    run: String,
    target: Target,
    outcome: OutcomeKind,
    #[schema(required)]
    version: Option<i64>,
    /// Null in an answer that is shortened.
    #[schema(required)]
    unapplied: Option<Vec<Unapplied>>,
}

/// Whose document a list is for.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    #[serde(rename = "self")]
    Own,
    Parent,
    Root,
}

/// `queued`, `unchanged` and `duplicate` are no refusals; those behind them are.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutcomeKind {
    Applied,
    Unchanged,
    Queued,
    Duplicate,
    NotFound,
    Closed,
    Stale,
    TooLarge,
    Invalid,
}

/// An operation that had no effect.
#[derive(ToSchema)]
pub(super) struct Unapplied {
    /// Its position in the list.
    index: i64,
    reason: Reason,
}

/// Why an operation had no effect.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    NotAnArray,
    NotAContainer,
    IndexOutOfRange,
    BadPath,
    BadValue,
    UnknownType,
    UnknownMember,
    IdIsTaken,
}
