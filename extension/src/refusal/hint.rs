//! Hints that several errors have, and long details and hints of one.

use runmeta_core::{BadValue, Reason};

/// How paths are written.
pub const PATH_HINT: &str =
    "Write paths as $.name.0 or $.name[0], and names with dots or brackets as [\"a.b\"].";
/// For a call that is larger than calls may be.
pub const MEMORY_HINT: &str =
    "Send fewer operations in one call, keep documents small, or raise runmeta.maximum_memory.";
/// For a server that is larger than its machine.
pub const OUT_OF_MEMORY_HINT: &str =
    "Send fewer operations in one call, or lower runmeta.maximum_memory or max_connections.";
/// How batches are written.
pub const BATCH_HINT: &str = "A batch is an array of objects with run and any of root, start, operations, parentOperations, rootOperations, streams, parentStreams, rootStreams, status and finish.";
/// Who prunes where there are policies.
pub const PRUNE_HINT: &str =
    "Prune as a superuser, or as an owner with BYPASSRLS or without FORCE ROW LEVEL SECURITY.";
/// Why prune needs a snapshot for each statement.
pub const PRUNE_ISOLATION: &str =
    "A run that was started meanwhile would not be seen, and would lose its parent.";
/// Why prune needs to see all runs.
pub const PRUNE_POLICY: &str = "A policy on runmeta.run could hide a run that has not finished, and what belongs to it would be deleted.";
/// Why a transaction cannot be prepared.
pub const PREPARED: &str = "Without a background worker, a transaction announces its changes when it commits, and a prepared one cannot notify.";
/// Why an id is taken that no run seems to have.
pub const HIDDEN: &str = "A run of this id exists that the current role may not read.";
/// What to do about it.
pub const HIDDEN_HINT: &str =
    "Choose another id, or a role that row-level security lets see the run.";
/// Why an id is taken that no run has.
pub const GONE: &str =
    "runmeta.run_root has this id and runmeta.run has no such run: it was deleted by hand.";
/// What to do about that.
pub const GONE_HINT: &str =
    "Run \"runmeta distribute --split\", which makes the tables agree, or choose another id.";
/// What kept a run from being stored.
pub const RUN_LEFT_OUT: &str = "A trigger on runmeta.run or runmeta.inbox left out the row, so nothing of the call takes effect.";
/// What kept a stream from being stored.
pub const STREAM_LEFT_OUT: &str = "A trigger on runmeta.stream or runmeta.stream_chunk left out the row, so nothing of the call takes effect.";
/// What kept a writer from being stored.
pub const WRITER_LEFT_OUT: &str = "A trigger or a policy on runmeta.writer left out the row, so nothing of the call takes effect.";
/// For what only a fault of ours can cause.
pub const REPORT_HINT: &str =
    "This is a bug in runmeta. Please report it, with the statement that led here.";

/// Returns what to do about an operation that cannot be applied.
pub fn hint(reason: Reason) -> &'static str {
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
