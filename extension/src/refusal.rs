//! Every error that a user can meet, with its SQLSTATE, detail and hint. `docs/errors.md` lists them.

use pgrx::prelude::*;
use pgrx::spi::SpiError;
use runmeta_core::wire::{MAXIMUM_TEXT_BYTES, Target};
use runmeta_core::{BadPath, BadValue, NotAList, Reason};

use pgrx::pg_sys::panic::ErrorReport;

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
    /// A run cannot start under a parent that does not exist.
    NoSuchParent { run: String, parent: String },
    /// The id belongs to a run that this role may not see.
    HiddenRun { run: String },
    /// The document would pass the limit. Sizes in bytes.
    TooLarge {
        run: String,
        size: usize,
        limit: usize,
    },
    /// The document would be more than JSONB can hold.
    TooManyBytes,
    /// One call brings too many operations or entries.
    TooManyOperations { limit: usize },
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
    /// A number must be at least 1.
    NotPositive { argument: &'static str },
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
    /// A trigger or a policy kept from being stored what a batch was refused.
    WriterNotStored,
    /// The transaction cannot be prepared.
    Prepared,
    /// The tables are not there.
    NotMigrated { problem: String },
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

    fn parts(&self) -> (PgSqlErrorCode, String, Option<String>, Option<String>) {
        use PgSqlErrorCode::*;
        let text = |text: &str| Some(text.to_owned());
        match self {
            Refusal::NoSuchRun { run } => (
                ERRCODE_NO_DATA_FOUND,
                format!("no such run: \"{}\"", shown(run)),
                text("No run of this id exists, or row-level security hides it."),
                text("Start the run first, with runmeta.start."),
            ),
            Refusal::NoSuchRelative {
                run,
                relative,
                target,
            } => (
                ERRCODE_NO_DATA_FOUND,
                format!("no such run: \"{}\"", shown(relative)),
                Some(format!(
                    "It is the {} of the run \"{}\", and was deleted, or row-level security hides it.",
                    target.name(),
                    shown(run)
                )),
                text("Write to the run itself, or let row-level security show the other one."),
            ),
            Refusal::NotAllowed { run } => (
                ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("permission denied for run \"{}\"", shown(run)),
                text("Row-level security lets the current role read the run, and not change it."),
                text("Use a role that a policy for UPDATE lets change the run."),
            ),
            Refusal::LastVersion { run } => (
                ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
                format!("run \"{}\" has the last version that there is", shown(run)),
                text("A version is a bigint, and this one is 9223372036854775807."),
                text("As the owner of runmeta.run, set the version to a smaller one."),
            ),
            Refusal::NoSuchParent { run, parent } => (
                ERRCODE_NO_DATA_FOUND,
                format!("no such parent run: \"{}\"", shown(parent)),
                Some(format!(
                    "The run \"{}\" was to be started under it.",
                    shown(run)
                )),
                text("Start the parent first, with runmeta.start, and commit it."),
            ),
            Refusal::HiddenRun { run } => (
                ERRCODE_UNIQUE_VIOLATION,
                format!("run id is taken: \"{}\"", shown(run)),
                text("A run of this id exists that the current role may not read."),
                text("Choose another id, or a role that row-level security lets see the run."),
            ),
            Refusal::TooLarge { run, size, limit } => (
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                format!("metadata of run \"{}\" would be too large", shown(run)),
                Some(format!(
                    "It would have {size} bytes as compact JSON, and the limit is {limit}."
                )),
                text("Keep logs short with append's keep, or raise runmeta.maximum_size."),
            ),
            Refusal::TooManyBytes => (
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "document would be too large for jsonb".to_owned(),
                text("An object or array of jsonb holds at most 268435455 bytes."),
                text("Store large results elsewhere and keep a reference to them."),
            ),
            Refusal::TooManyOperations { limit } => (
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "too many operations in one call".to_owned(),
                Some(format!(
                    "A list or a batch has at most {limit} operations, and a batch as many entries."
                )),
                text("Send them in several calls."),
            ),
            Refusal::TooMuchMemory { limit } => (
                ERRCODE_OUT_OF_MEMORY,
                "call needs too much memory".to_owned(),
                Some(format!(
                    "It may use {} kB, and a call that needs more changes nothing.",
                    limit / 1024
                )),
                text(
                    "Send fewer operations in one call, keep documents small, or raise runmeta.maximum_memory.",
                ),
            ),
            Refusal::OutOfMemory { bytes } => (
                ERRCODE_OUT_OF_MEMORY,
                "out of memory".to_owned(),
                Some(format!("The server could not get {bytes} bytes more.")),
                text(
                    "Send fewer operations in one call, or lower runmeta.maximum_memory or max_connections.",
                ),
            ),
            Refusal::Closed {
                run,
                finished_at,
                window,
            } => (
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("run \"{}\" is closed", shown(run)),
                Some(format!(
                    "It finished at {}, and took writes for {window} seconds after that.",
                    finished_at.to_iso_string()
                )),
                text("Begin another attempt with runmeta.start, or raise runmeta.update_window."),
            ),
            Refusal::Finished {
                run,
                attempt,
                status,
                finished_at,
            } => (
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("run \"{}\" has finished", shown(run)),
                Some(format!(
                    "Attempt {attempt} finished at {} with the status \"{}\".",
                    finished_at.map_or_else(String::new, |time| time.to_iso_string()),
                    shown(status)
                )),
                Some(format!(
                    "An attempt finishes once. Begin another one with runmeta.start(…, attempt => {}).",
                    attempt.saturating_add(1)
                )),
            ),
            Refusal::StaleAttempt {
                run,
                attempt,
                current,
            } => (
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("attempt {attempt} at run \"{}\" is over", shown(run)),
                Some(format!("Attempt {current} has begun.")),
                text("A worker of an older attempt must stop: the run belongs to a newer one."),
            ),
            Refusal::FinalStatus { status, words } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                format!("status \"{}\" means that a run has finished", shown(status)),
                Some(format!("These words do: {words}.")),
                text("Finish the run with runmeta.finish."),
            ),
            Refusal::UnfinishedStatus { status, words } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                format!(
                    "status \"{}\" means that a run has not finished",
                    shown(status)
                ),
                Some(format!("These words do: {words}.")),
                text("Finish the run with another word, or set this one with runmeta.set_status."),
            ),
            Refusal::Unapplied {
                operation,
                key,
                reason,
            } => {
                let at = match key {
                    Some(key) => format!(" at key \"{}\"", shown(key)),
                    None => String::new(),
                };
                let code = match reason {
                    Reason::BadValue(BadValue::TooDeep) => ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                    Reason::BadValue(BadValue::NumberOutOfRange) => {
                        ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE
                    }
                    _ => ERRCODE_INVALID_PARAMETER_VALUE,
                };
                let detail = format!("Reason {}: {reason}.", reason.code());
                (
                    code,
                    format!("cannot {operation}{at}"),
                    Some(detail),
                    Some(hint(*reason).to_owned()),
                )
            }
            Refusal::BadPath { key, bad } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                format!("bad path: \"{}\"", shown(key)),
                Some(format!("Reason bad_path: {bad}.")),
                text(PATH_HINT),
            ),
            Refusal::NotAList(problem) => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                problem.to_string(),
                None,
                text(
                    "Give an array of objects, as in [{\"type\": \"set\", \"key\": \"progress\", \"value\": 0.5}].",
                ),
            ),
            Refusal::BadDocument(BadValue::TooDeep) => (
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "document nests too deep".to_owned(),
                text("Documents nest at most 100 levels."),
                text("Flatten the document, or keep the inner part as a string."),
            ),
            Refusal::BadDocument(_) => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                "document is not an object".to_owned(),
                text("Metadata is one JSON object."),
                text("Put the value under a key, as in {\"value\": …}."),
            ),
            Refusal::BadLength { argument, bytes } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                format!("{argument} has {bytes} bytes"),
                Some(format!("A {argument} has 1 to {MAXIMUM_TEXT_BYTES} bytes.")),
                text("Give a shorter text, or a hash of it, and never an empty one."),
            ),
            Refusal::Null { argument } => (
                ERRCODE_NULL_VALUE_NOT_ALLOWED,
                format!("{argument} is null"),
                None,
                text("Give it a value that is not NULL."),
            ),
            Refusal::Isolation { level } => (
                ERRCODE_INVALID_TRANSACTION_STATE,
                format!("cannot prune at isolation level \"{level}\""),
                text(
                    "A run that was started meanwhile would not be seen, and would lose its parent.",
                ),
                text("Call prune at the isolation level \"read committed\"."),
            ),
            Refusal::NotPositive { argument } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                format!("{argument} is not positive"),
                None,
                text("Give a whole number from 1."),
            ),
            Refusal::BadBatch { place, problem } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                "batch is malformed".to_owned(),
                Some(format!("At {place}: {problem}.")),
                text(
                    "A batch is an array of objects with run and any of operations, parentOperations and rootOperations.",
                ),
            ),
            Refusal::BadSequence => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                "writer and sequence do not fit".to_owned(),
                text("Both are given or neither, and a sequence is at least 1."),
                text("Number a writer's batches 1, 2, 3 and so on."),
            ),
            Refusal::Gap {
                writer,
                sequence,
                last,
            } => (
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("sequence {sequence} of writer {writer} leaves a gap"),
                Some(format!("The last sequence known is {last}.")),
                Some(format!(
                    "Send the batch with sequence {} first.",
                    last.saturating_add(1)
                )),
            ),
            Refusal::NotStored => (
                ERRCODE_TRIGGERED_ACTION_EXCEPTION,
                "a run was not stored".to_owned(),
                text(
                    "A trigger on runmeta.run left out the row, so nothing of the call takes effect.",
                ),
                text("Let the trigger return the row, or raise an error of its own."),
            ),
            Refusal::WriterNotStored => (
                ERRCODE_TRIGGERED_ACTION_EXCEPTION,
                "a writer was not stored".to_owned(),
                text(
                    "A trigger or a policy on runmeta.writer left out the row, so nothing of the call takes effect.",
                ),
                text("Let triggers return the row, and policies for UPDATE show it."),
            ),
            Refusal::Prepared => (
                ERRCODE_FEATURE_NOT_SUPPORTED,
                "cannot PREPARE a transaction that has changed runs".to_owned(),
                text(
                    "Changes are announced when a transaction commits, and a prepared one cannot notify.",
                ),
                text("Set runmeta.notify to off in this transaction."),
            ),
            Refusal::NotMigrated { problem } => (
                ERRCODE_UNDEFINED_TABLE,
                problem.clone(),
                text("The extension is installed, but its tables are not."),
                text("Run \"runmeta migrate\" on this database."),
            ),
            Refusal::Query(error) => (
                ERRCODE_INTERNAL_ERROR,
                format!("a query of runmeta failed: {error}"),
                None,
                text(REPORT_HINT),
            ),
        }
    }
}

const PATH_HINT: &str =
    "Write paths as $.name.0 or $.name[0], and names with dots or brackets as [\"a.b\"].";
pub const REPORT_HINT: &str =
    "This is a bug in runmeta. Please report it, with the statement that led here.";

fn hint(reason: Reason) -> &'static str {
    match reason {
        Reason::NotAnArray => "Remove works on arrays. Make one with append.",
        Reason::NotAContainer => "Delete the scalar first, or choose another key.",
        Reason::IndexOutOfRange => {
            "A position from 0 to the length of the array, or a negative one from its end, is taken."
        }
        Reason::BadPath(_) => PATH_HINT,
        Reason::UnknownType => "Write the type as one of these.",
        Reason::UnknownMember(_) => {
            "Correct the member's name, or leave it out. A target is given with the list, not in an operation."
        }
        Reason::BadValue(BadValue::TooDeep) => "Documents nest at most 100 levels.",
        Reason::BadValue(BadValue::NumberOutOfRange) => {
            "A number has at most 131072 digits before the point and 16383 behind it."
        }
        Reason::BadValue(BadValue::BadKeep) => "Give keep a whole number from 1, or leave it out.",
        Reason::BadValue(_) => "Give a value that the operation takes.",
    }
}

/// Shortens a text for a message, at a character's border.
fn shown(text: &str) -> String {
    if text.len() <= SHOWN * 4 {
        return text.to_owned();
    }
    let end = (0..=SHOWN)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    format!("{}…", &text[..end])
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
