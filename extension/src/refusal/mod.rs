//! Every error that a user can meet, with its SQLSTATE, detail and hint. `docs/errors.md` lists them.

mod contract;
mod hint;
mod parts;

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::spi::SpiError;
use runmeta_core::wire::Target;
use runmeta_core::{BadPath, BadValue, NotAList, Reason};

pub use self::contract::ContractRefusal;
pub use self::hint::REPORT_HINT;
use crate::document::DraftError;

/// A call that is refused. Nothing was changed.
#[derive(Debug)]
pub enum Refusal {
    /// No run has this id, or row-level security hides it.
    NoSuchRun { run: String },
    /// The run whose document is addressed from another one does not exist, or row-level security hides it.
    NoSuchRelative {
        run: String,
        relative: String,
        target: Target,
    },
    /// Row-level security shows the run, but does not let it be changed.
    NotAllowed { run: String },
    /// The run's version is the last one that there is.
    LastVersion { run: String },
    /// A run cannot start under this one, whose depth is the last one that there is.
    LastDepth { run: String },
    /// A run cannot start under a parent that does not exist.
    NoSuchParent { run: String, parent: String },
    /// The id belongs to a run that this role may not see, or that was deleted where its root was not.
    HiddenRun { run: String, is_gone: bool },
    /// The document would pass the limit. Sizes in bytes.
    TooLarge {
        run: String,
        size: usize,
        limit: usize,
    },
    /// The document would be more than JSONB can hold.
    TooManyBytes,
    /// Chunks are no array.
    NotChunks,
    /// A chunk is larger than any may be. Sizes in bytes.
    ChunkTooLarge {
        index: usize,
        size: usize,
        limit: usize,
    },
    /// A chunk nests deeper than any may.
    ChunkTooDeep { index: usize },
    /// The stream was closed in this attempt or a later one.
    StreamClosed {
        run: String,
        stream: String,
        closed_at: TimestampWithTimeZone,
        attempt: i32,
    },
    /// One call brings too many operations or entries.
    TooManyOperations { limit: usize },
    /// A run has more tags than it may have.
    TooManyTags { count: usize },
    /// One call needs more memory than it may use. In bytes.
    TooMuchMemory { limit: usize },
    /// The operating system has no more memory. In bytes.
    OutOfMemory { bytes: usize },
    /// The run finished too long ago.
    Closed {
        run: String,
        finished_at: TimestampWithTimeZone,
        window: i32,
    },
    /// The attempt has finished, and what is asked needs one that has not.
    Finished {
        run: String,
        attempt: i32,
        status: String,
        finished_at: Option<TimestampWithTimeZone>,
    },
    /// An attempt is named that has not begun yet.
    AttemptNotBegun {
        run: String,
        attempt: i32,
        current: i32,
    },
    /// A newer attempt has begun.
    StaleAttempt {
        run: String,
        attempt: i32,
        current: i32,
    },
    /// A run that has not finished is given a status that means a finished one.
    FinalStatus { status: String, words: String },
    /// A run finishes with a status that means an unfinished one.
    UnfinishedStatus { status: String, words: String },
    /// An operation cannot be applied.
    Unapplied {
        operation: &'static str,
        key: Option<String>,
        reason: Reason,
    },
    /// A key is no path.
    BadPath { key: String, bad: BadPath },
    /// Operations are no list.
    NotAList(NotAList),
    /// A document is no object, or cannot be stored.
    BadDocument(BadValue),
    /// A text argument has the wrong length.
    BadLength {
        argument: &'static str,
        bytes: usize,
    },
    /// An argument is NULL.
    Null { argument: &'static str },
    /// prune looks again after it has locked, which one snapshot for the whole transaction prevents.
    Isolation { level: String },
    /// Row-level security applies to the role that prunes, and could hide a run of a tree from it.
    PruneUnderPolicies,
    /// A number must be at least 1.
    NotPositive { argument: &'static str },
    /// An argument is out of its range, which is given in words.
    OutOfRange {
        argument: &'static str,
        range: &'static str,
    },
    /// More numbers of a task would be tracked than can be.
    TooManyNumbers { task: String, limit: i64 },
    /// The function is for the trigger on runs, and was called otherwise.
    NotATrigger,
    /// A batch is malformed at this place, as in `[3].operations[0]`.
    BadBatch { place: String, problem: String },
    /// Only one of writer and sequence is given, or the sequence is below 1.
    BadSequence,
    /// A sequence is not the writer's next one.
    Gap {
        writer: pgrx::Uuid,
        sequence: i64,
        last: i64,
    },
    /// A trigger kept a run from being stored.
    NotStored,
    /// A trigger kept a stream or its chunks from being stored.
    StreamNotStored,
    /// A trigger or a policy kept from being stored what a batch was refused.
    WriterNotStored,
    /// The transaction cannot be prepared.
    Prepared,
    /// The layout of the tables was changed while the call waited for them.
    LayoutChanged,
    /// A run of the batch was not found, whose start another node has committed since.
    CommittedMeanwhile,
    /// The tables are not there.
    NotMigrated { problem: String },
    /// It is about a contract.
    Contract(ContractRefusal),
    /// A query of ours failed in a way that no user can cause.
    Query(SpiError),
}

/// Bytes of a key shown in a message. A guess: enough to find it, too few to flood a log.
const SHOWN: usize = 80;

impl From<SpiError> for Refusal {
    fn from(error: SpiError) -> Self {
        Refusal::Query(error)
    }
}

impl From<ContractRefusal> for Refusal {
    fn from(refusal: ContractRefusal) -> Self {
        Refusal::Contract(refusal)
    }
}

impl From<NotAList> for Refusal {
    fn from(error: NotAList) -> Self {
        Refusal::NotAList(error)
    }
}

impl Refusal {
    /// Returns the refusal of a draft of this run's document.
    pub fn of_draft(error: DraftError, run: &str, limit: usize) -> Self {
        match error {
            DraftError::TooLarge(size) => Refusal::TooLarge {
                run: run.to_owned(),
                size,
                limit,
            },
            DraftError::TooManyBytes => Refusal::TooManyBytes,
        }
    }

    /// Raises the error from where no result can be returned.
    pub fn raise(self) -> ! {
        ErrorReport::from(self).report(PgLogLevel::ERROR);
        unreachable!("an error does not return")
    }
}

/// Shortens a text for a message, at a character's border. A key may have been given that is longer than any may be.
pub fn shown(text: &str) -> String {
    if text.len() <= SHOWN * 4 {
        return text.to_owned();
    }
    let end = (0..=SHOWN)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    format!("{}...", &text[..end])
}

impl From<Refusal> for ErrorReport {
    fn from(refusal: Refusal) -> Self {
        let (code, message, detail, hint) = refusal.parts();
        let mut report = ErrorReport::new(code, message, function_name!());
        if let Some(detail) = detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = hint {
            report = report.set_hint(hint);
        }
        report
    }
}
