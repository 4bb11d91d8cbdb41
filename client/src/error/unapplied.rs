//! An operation that had no effect, and why.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use runmeta_core::wire::Part;
use runmeta_core::{Json, Operation, Reason};

/// An operation that had no effect, and is not sent again. Also chunks of a stream that were not appended, and a change of the
/// status or a finish whose caller no longer waits.
///
/// It names the run, the kind of operation and the key, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unapplied {
    run: Arc<str>,
    kind: &'static str,
    key: Option<Box<str>>,
    reason: Cow<'static, str>,
    detail: Option<Box<str>>,
}

impl Unapplied {
    pub(crate) fn new(
        run: &Arc<str>,
        kind: &'static str,
        key: Option<&str>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Unapplied {
        Unapplied {
            run: run.clone(),
            kind,
            key: key.map(shorten),
            reason: reason.into(),
            detail: None,
        }
    }

    pub(crate) fn of(
        run: &Arc<str>,
        operation: &Operation<Json>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Unapplied {
        Unapplied::new(
            run,
            operation.operation_type().name(),
            operation.key().map(|key| key.as_str()),
            reason,
        )
    }

    /// For a part of an entry that is no list.
    pub(crate) fn part(
        run: &Arc<str>,
        part: Part,
        reason: impl Into<Cow<'static, str>>,
    ) -> Unapplied {
        Unapplied::new(run, part.name(), None, reason)
    }

    /// For chunks of a stream.
    pub(crate) fn stream(
        run: &Arc<str>,
        stream: &str,
        reason: impl Into<Cow<'static, str>>,
    ) -> Unapplied {
        Unapplied::new(run, Part::Stream.name(), Some(stream), reason)
    }

    /// For an operation that no document could take.
    pub(crate) fn invalid(
        run: &Arc<str>,
        kind: &'static str,
        key: Option<&str>,
        reason: impl Into<Reason>,
    ) -> Unapplied {
        let reason = reason.into();
        Unapplied::new(run, kind, key, reason.code()).because(&reason)
    }

    /// Adds what the server says of the reason, which names no values.
    pub(crate) fn with_detail(mut self, detail: Option<&str>) -> Unapplied {
        self.detail = detail.map(Into::into);
        self
    }

    pub(crate) fn because(mut self, detail: &impl fmt::Display) -> Unapplied {
        self.detail = Some(shorten(&detail.to_string()));
        self
    }

    /// Returns the run whose document would have changed: for an operation on the parent, the parent's id.
    pub fn run_id(&self) -> &str {
        &self.run
    }

    /// Returns the kind: `set`, `delete`, `update`, `merge`, `append`, `remove` or `increment`; `start`, `status` or `finish`;
    /// `stream` for chunks of a stream.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Returns the first 200 bytes of the key, if the operation had one; for chunks, of the stream's name.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns the reason as one word:
    ///
    /// | reason | meaning |
    /// |---|---|
    /// | `not_an_array`, `not_a_container`, `index_out_of_range`, `bad_path`, `bad_value`, `unknown_type`, `unknown_member` | The operation does not fit the document, or is not a valid operation. |
    /// | `too_large` | The document or the chunk would exceed the server's limit. Every operation sent in the same batch for the same top-level key is unapplied too; if one of them changes the whole document or is part of [`atomically`](crate::Metadata::atomically), every operation on the run. |
    /// | `closed` | The run has finished, and the time in which it takes updates is over; or the stream was closed. |
    /// | `stale` | A newer attempt at the run has begun. |
    /// | `not_found` | The run does not exist. |
    /// | `contract` | The document would not fit the [contract](crate::Client::set_contract) of the task. Otherwise as `too_large`. |
    /// | `invalid` | The run could not be started; the error of `start` has the reason. |
    /// | `not_serializable` | The value could not be serialised. |
    /// | `buffer_full` | The client's memory limit was reached while the server accepted nothing. |
    /// | `shut_down` | The operation was recorded after [`shutdown`](crate::Client::shutdown). |
    /// | `not_sent` | The deadline of `shutdown` passed first. If the batch was being sent, it may have been applied. |
    /// | a SQLSTATE such as `42501` | The server rejected the whole statement. |
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns more of the reason, in words: for `contract`, the places that do not fit and what the contract asks for there.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl fmt::Display for Unapplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_stream = self.kind == Part::Stream.name();
        f.write_str(if is_stream { "chunks" } else { self.kind })?;
        write!(f, " of run \"{}\"", self.run.escape_debug())?;
        if let Some(key) = &self.key {
            f.write_str(if is_stream { " for stream" } else { " at key" })?;
            write!(f, " \"{}\"", key.escape_debug())?;
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

/// Unapplied operations kept for each run. A full buffer may drop millions: more are only counted.
const KEPT: usize = 20;

/// The last unapplied operations of one run, numbered, so that each handle can report those since its last flush.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    count: u64,
    last: VecDeque<(u64, Unapplied)>,
}

impl Recent {
    /// Returns how many there were in all.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Adds one.
    pub(crate) fn push(&mut self, unapplied: Unapplied) {
        self.count += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back((self.count, unapplied));
    }

    /// Returns those kept that came after the first `seen`.
    pub(crate) fn since(&self, seen: u64) -> impl Iterator<Item = &Unapplied> {
        self.last
            .iter()
            .filter(move |(number, _)| *number > seen)
            .map(|(_, unapplied)| unapplied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Arc<str> {
        "a\n".into()
    }

    #[test]
    fn is_displayed_in_one_line_without_values() {
        let set = Unapplied::new(&run(), "set", Some(&"k".repeat(300)), "closed");
        assert_eq!(set.key(), Some(&*"k".repeat(200)));
        let increment = Unapplied::new(&run(), "increment", Some("n"), "42501");
        let finish = Unapplied::new(&run(), "finish", None, "stale").because(&"attempt 2");
        assert_eq!(
            format!("{increment}; {finish}"),
            r#"increment of run "a\n" at key "n": 42501; finish of run "a\n": stale (attempt 2)"#
        );
    }

    #[test]
    fn last_twenty_are_kept_and_all_are_counted() {
        let mut recent = Recent::default();
        for number in 1..=30 {
            recent.push(Unapplied::new(
                &run(),
                "set",
                Some(&number.to_string()),
                "closed",
            ));
        }
        assert_eq!(recent.count(), 30);
        let keys = |seen| -> Vec<&str> { recent.since(seen).filter_map(Unapplied::key).collect() };
        assert_eq!(keys(0).len(), 20);
        assert_eq!(keys(28), ["29", "30"]);
        assert!(keys(30).is_empty());
    }
}
