//! SQLSTATE, message, detail and hint of each error.

use pgrx::prelude::*;
use runmeta_core::wire::{MAXIMUM_DEPTH, MAXIMUM_TAGS, MAXIMUM_TEXT_BYTES};
use runmeta_core::{BadValue, Reason};

use super::hint::*;
use super::{Refusal, shown};

impl Refusal {
    /// Returns its SQLSTATE.
    pub fn code(&self) -> PgSqlErrorCode {
        self.parts().0
    }

    /// Returns its primary message.
    pub fn message(&self) -> String {
        self.parts().1
    }

    pub(super) fn parts(&self) -> (PgSqlErrorCode, String, Option<String>, Option<String>) {
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
            Refusal::LastDepth { run } => (
                ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
                format!("run \"{}\" has the last depth that there is", shown(run)),
                text("A depth is an integer, and this one is 2147483647."),
                text("Start the run under another parent, or without one."),
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
            Refusal::HiddenRun { run, is_gone } => (
                ERRCODE_UNIQUE_VIOLATION,
                format!("run id is taken: \"{}\"", shown(run)),
                text(if *is_gone { GONE } else { HIDDEN }),
                text(if *is_gone { GONE_HINT } else { HIDDEN_HINT }),
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
            Refusal::NotChunks => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                "chunks is not an array".to_owned(),
                text("Each element of the array is one chunk."),
                text("Give an array, as in [\"first\", {\"second\": 2}]."),
            ),
            Refusal::ChunkTooLarge { index, size, limit } => (
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "chunk is too large".to_owned(),
                Some(format!(
                    "The chunk at index {index} has {size} bytes as compact JSON, and the limit is {limit}."
                )),
                text("Split it into several chunks, or raise runmeta.maximum_size."),
            ),
            Refusal::ChunkTooDeep { index } => (
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "chunk nests too deep".to_owned(),
                Some(format!(
                    "The chunk at index {index} nests more than {MAXIMUM_DEPTH} levels."
                )),
                text("Flatten the chunk, or keep the inner part as a string."),
            ),
            Refusal::StreamClosed {
                run,
                stream,
                closed_at,
                attempt,
            } => (
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!(
                    "stream \"{}\" of run \"{}\" is closed",
                    shown(stream),
                    shown(run)
                ),
                Some(format!(
                    "It was closed at {} in attempt {attempt}.",
                    closed_at.to_iso_string()
                )),
                text("Append to another stream, or in another attempt, which opens it again."),
            ),
            Refusal::TooManyOperations { limit } => (
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "too many operations in one call".to_owned(),
                Some(format!(
                    "A list or a batch has at most {limit} operations, and a batch as many entries."
                )),
                text("Send them in several calls."),
            ),
            Refusal::TooManyTags { count } => (
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "too many tags".to_owned(),
                Some(format!(
                    "A run has at most {MAXIMUM_TAGS}, and {count} are given."
                )),
                text("Keep long lists in the metadata."),
            ),
            Refusal::TooMuchMemory { limit } => (
                ERRCODE_OUT_OF_MEMORY,
                "call needs too much memory".to_owned(),
                Some(format!(
                    "It may use {} kB, and a call that needs more changes nothing.",
                    limit / 1024
                )),
                text(MEMORY_HINT),
            ),
            Refusal::OutOfMemory { bytes } => (
                ERRCODE_OUT_OF_MEMORY,
                "out of memory".to_owned(),
                Some(format!("The server could not get {bytes} bytes more.")),
                text(OUT_OF_MEMORY_HINT),
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
                    "An attempt finishes once. Begin another one with runmeta.start(..., attempt => {}).",
                    attempt.saturating_add(1)
                )),
            ),
            Refusal::AttemptNotBegun {
                run,
                attempt,
                current,
            } => (
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("attempt {attempt} at run \"{}\" has not begun", shown(run)),
                Some(format!("The run is at attempt {current}.")),
                Some(format!(
                    "Begin it first, with runmeta.start(..., attempt => {attempt})."
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
                text("Put the value under a key, as in {\"value\": ...}."),
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
                text(PRUNE_ISOLATION),
                text("Call prune at the isolation level \"read committed\"."),
            ),
            Refusal::PruneUnderPolicies => (
                ERRCODE_INSUFFICIENT_PRIVILEGE,
                "cannot prune under row-level security".to_owned(),
                text(PRUNE_POLICY),
                text(PRUNE_HINT),
            ),
            Refusal::NotPositive { argument } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                format!("{argument} is not positive"),
                None,
                text("Give a whole number from 1."),
            ),
            Refusal::OutOfRange { argument, range } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                format!("{argument} is out of range"),
                Some(format!("It is from {range}.")),
                text("Give a value within that range."),
            ),
            Refusal::TooManyNumbers { task, limit } => (
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                format!("too many numbers of task \"{}\"", shown(task)),
                Some(format!("Of a task, {limit} numbers can be tracked.")),
                text("End one with runmeta.untrack first."),
            ),
            Refusal::NotATrigger => (
                ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                "this function is for the trigger of tracked numbers".to_owned(),
                text("Postgres calls it after each change of a row of runmeta.run."),
                text("Track a number with runmeta.track, which makes the trigger."),
            ),
            Refusal::BadBatch { place, problem } => (
                ERRCODE_INVALID_PARAMETER_VALUE,
                "batch is malformed".to_owned(),
                Some(format!("At {place}: {problem}.")),
                text(BATCH_HINT),
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
                text(RUN_LEFT_OUT),
                text("Let the trigger return the row, or raise an error of its own."),
            ),
            Refusal::StreamNotStored => (
                ERRCODE_TRIGGERED_ACTION_EXCEPTION,
                "a stream was not stored".to_owned(),
                text(STREAM_LEFT_OUT),
                text("Let the trigger return the row, or raise an error of its own."),
            ),
            Refusal::WriterNotStored => (
                ERRCODE_TRIGGERED_ACTION_EXCEPTION,
                "a writer was not stored".to_owned(),
                text(WRITER_LEFT_OUT),
                text("Let triggers return the row, and policies for UPDATE show it."),
            ),
            Refusal::Prepared => (
                ERRCODE_FEATURE_NOT_SUPPORTED,
                "cannot PREPARE a transaction that has changed runs".to_owned(),
                text(PREPARED),
                text("Set runmeta.notify to worker, or to off in this transaction."),
            ),
            Refusal::LayoutChanged => (
                ERRCODE_T_R_SERIALIZATION_FAILURE,
                "the layout of the tables changed".to_owned(),
                text("It was changed by \"runmeta distribute\" while the call waited."),
                text("Try the transaction again."),
            ),
            Refusal::CommittedMeanwhile => (
                ERRCODE_T_R_SERIALIZATION_FAILURE,
                "a run of the batch was committed meanwhile".to_owned(),
                text(
                    "It was not found, because a node of the cluster had still to commit its start.",
                ),
                text("Try the transaction again."),
            ),
            Refusal::NotMigrated { problem } => (
                ERRCODE_UNDEFINED_TABLE,
                problem.clone(),
                text("The extension is installed, but its tables are not."),
                text("Run \"runmeta migrate\" on this database."),
            ),
            Refusal::Contract(refusal) => refusal.parts(),
            Refusal::Query(error) => (
                ERRCODE_INTERNAL_ERROR,
                format!("a query of runmeta failed: {error}"),
                None,
                text(REPORT_HINT),
            ),
        }
    }
}
