//! The server's answer to a batch, a row for each run and target, and runs as they are read.

pub(crate) use runmeta_core::wire::{Outcome, Target};

use crate::Error;

/// One row of the answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) run: String,
    pub(crate) target: Target,
    pub(crate) outcome: Outcome,
    pub(crate) version: Option<i64>,
    /// Positions of operations that did not fit the document, and why.
    pub(crate) unapplied: Vec<(usize, String)>,
}

/// A run as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) id: String,
    pub(crate) root: String,
    pub(crate) parent: Option<String>,
    pub(crate) version: i64,
    /// Or why it cannot be read: that concerns this run alone.
    pub(crate) document: Result<serde_json::Value, Error>,
}
