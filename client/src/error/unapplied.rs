//! An operation that had no effect, and why.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use runmeta_core::{Operation, Reason};
use serde_json::Value;

/// An operation that was refused, by the client or by the server. It had no effect, and is not tried again.
///
/// It names the run, the kind of operation and the key, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    run: Arc<str>,
    kind: &'static str,
    key: Option<Box<str>>,
    reason: Cow<'static, str>,
    detail: Option<Box<str>>,
}

impl Refusal {
    pub(crate) fn new(
        run: &Arc<str>,
        kind: &'static str,
        key: Option<&str>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Refusal {
        Refusal {
            run: run.clone(),
            kind,
            key: key.map(shorten),
            reason: reason.into(),
            detail: None,
        }
    }

    pub(crate) fn of(
        run: &Arc<str>,
        operation: &Operation<Value>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Refusal {
        Refusal::new(
            run,
            operation.operation_type().name(),
            operation.key().map(|key| key.as_str()),
            reason,
        )
    }

    /// For an operation that no document could take.
    pub(crate) fn invalid(
        run: &Arc<str>,
        kind: &'static str,
        key: Option<&str>,
        reason: impl Into<Reason>,
    ) -> Refusal {
        let reason = reason.into();
        Refusal::new(run, kind, key, reason.code()).because(&reason)
    }

    pub(crate) fn because(mut self, detail: &impl fmt::Display) -> Refusal {
        self.detail = Some(shorten(&detail.to_string()));
        self
    }

    /// Returns the run whose document would have changed: the parent's id, for an operation on the parent.
    pub fn run_id(&self) -> &str {
        &self.run
    }

    /// Returns the kind of the operation: `set`, `delete`, `update`, `merge`, `append`, `remove` or `increment`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Returns the key, cut after 200 bytes, if the operation had one.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns why, as one word:
    ///
    /// | reason | meaning |
    /// |---|---|
    /// | `not_an_array`, `not_a_container`, `index_out_of_range`, `bad_path`, `bad_value`, `unknown_type`, `unknown_member` | the operation does not fit the document, or any document |
    /// | `too_large` | the document would pass the server's limit; nothing that was sent with it for the same top-level key took effect, or for the run, if some of it was on the whole document or said [atomically](crate::Metadata::atomically) |
    /// | `closed` | the run finished, and its window for updates is over |
    /// | `not_found` | the run is gone |
    /// | `not_serializable` | the value could not be serialised |
    /// | `buffer_full` | the client's memory bound was reached while the server took nothing |
    /// | `shut_down` | it was said after [`shutdown`](crate::Client::shutdown) |
    /// | `not_sent` | the deadline of the shutdown passed; if it was under way, it may have arrived |
    /// | a SQLSTATE such as `42501` | the server refused the whole statement |
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of run \"{}\"", self.kind, self.run.escape_debug())?;
        if let Some(key) = &self.key {
            write!(f, " at key \"{}\"", key.escape_debug())?;
        }
        write!(f, ": {}", self.reason)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

fn shorten(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(200)].into()
}

/// Refusals kept for each run. More are counted only: a full buffer may refuse millions.
const KEPT: usize = 20;

/// The refusals of one run, numbered, so that each handle is told of those since its last flush.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    count: u64,
    first: VecDeque<(u64, Refusal)>,
}

impl Refusals {
    /// Returns how many there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Adds one.
    pub(crate) fn push(&mut self, refusal: Refusal) {
        self.count += 1;
        if self.first.len() == KEPT {
            self.first.pop_front();
        }
        self.first.push_back((self.count, refusal));
    }

    /// Returns those kept after number `seen`.
    pub(crate) fn since(&self, seen: u64) -> impl Iterator<Item = &Refusal> {
        self.first
            .iter()
            .filter(move |(number, _)| *number > seen)
            .map(|(_, refusal)| refusal)
    }
}
