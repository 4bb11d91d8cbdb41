//! The words for a status.
//!
//! A status is any text. These words have a meaning, so that a mistake is an error: a run that `finish` sets to `running`
//! would look alive for ever, and one that `set_status` sets to `completed` would never be pruned. They are those of
//! River, Oban, pg-boss, graphile-worker, procrastinate and Trigger.dev that cannot be taken otherwise.

use crate::transition::{RETRYING, RUNNING};

/// The attempt has not begun to work: started_at stays NULL.
pub const WAITING: &[&str] = &[
    "queued",
    "pending",
    "scheduled",
    "delayed",
    "available",
    "created",
];

/// The attempt has begun and has not finished.
pub const WORKING: &[&str] = &[
    "running",
    "executing",
    "active",
    "paused",
    "waiting",
    "retrying",
];

/// The attempt has finished.
pub const FINAL: &[&str] = &[
    "completed",
    "succeeded",
    "failed",
    "cancelled",
    "canceled",
    "discarded",
    "done",
    "complete",
    "success",
    "error",
    "aborted",
    "crashed",
    "killed",
    "expired",
    "timeout",
    "timed_out",
];

/// Returns true if a run with this status waits to be worked on.
pub fn is_waiting(status: &str) -> bool {
    means(WAITING, status)
}

/// Returns true if the word means that a run has not finished, so that `finish` refuses it.
pub fn is_unfinished(status: &str) -> bool {
    is_waiting(status) || means(WORKING, status)
}

/// Returns true if the word means that a run has finished, so that `start` and `set_status` refuse it.
pub fn is_final(status: &str) -> bool {
    means(FINAL, status)
}

/// Returns true if a run that follows a job can get this status and it has a meaning: as it is written, because the words of queues
/// are translated to it.
pub fn is_of_job(status: &str) -> bool {
    status == RUNNING || status == RETRYING || is_waiting(status) || is_final(status)
}

/// Returns true if a status is one of the words, whatever its case: `Completed` is a mistake as much as `completed`.
fn means(words: &[&str], status: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_meaning_whatever_its_case() {
        assert!(is_waiting("Queued") && is_unfinished("QUEUED") && !is_final("queued"));
        assert!(is_unfinished("waiting") && !is_waiting("waiting"));
        assert!(is_final("Failed") && !is_unfinished("failed"));
        assert!(!is_final("importing") && !is_unfinished("importing"));
        assert!(is_of_job("retrying") && is_of_job("pending") && is_of_job("done"));
        assert!(!is_of_job("active") && !is_of_job("Running") && !is_of_job("parked"));
    }
}
