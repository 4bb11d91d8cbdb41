//! The words for a status: ours, which may be any, and Trigger.dev's, of which there are two sets.
//!
//! Replies of the API have one set. Rows of a subscription have the words of Trigger.dev's database, which its client translates;
//! a word that the client does not know shows as a run that is queued.

use runmeta_client::Snapshot;

/// What a run is doing, as far as Trigger.dev distinguishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Queued,
    Delayed,
    Executing,
    Waiting,
    Completed,
    Failed,
    Canceled,
    Crashed,
    SystemFailure,
    Expired,
    TimedOut,
}

/// The words that have a meaning, in lower case: those of the core crate, and Trigger.dev's own.
const WORDS: &[(Status, &[&str])] = &[
    (
        Status::Queued,
        &[
            "queued",
            "pending",
            "available",
            "created",
            "dequeued",
            "pending_version",
        ],
    ),
    (Status::Delayed, &["delayed", "scheduled"]),
    (
        Status::Executing,
        &["running", "executing", "active", "retrying"],
    ),
    (Status::Waiting, &["waiting", "paused", "waiting_to_resume"]),
    (
        Status::Completed,
        &[
            "completed",
            "complete",
            "succeeded",
            "success",
            "done",
            "completed_successfully",
        ],
    ),
    (
        Status::Failed,
        &["failed", "error", "discarded", "completed_with_errors"],
    ),
    (Status::Canceled, &["canceled", "cancelled", "aborted"]),
    (Status::Crashed, &["crashed", "killed"]),
    (Status::SystemFailure, &["system_failure"]),
    (Status::Expired, &["expired"]),
    (Status::TimedOut, &["timed_out", "timeout"]),
];

impl Status {
    /// Returns the status of a run. A run whose word has no meaning is completed if it has finished, executing if it was
    /// started, and queued otherwise.
    pub(super) fn of(run: &Snapshot) -> Status {
        let known = WORDS.iter().find(|(_, words)| means(words, run.status()));
        match known {
            Some((status, _)) if status.is_final() == run.is_finished() => *status,
            _ if run.is_finished() => Status::Completed,
            _ if run.started_at().is_some() => Status::Executing,
            _ => Status::Queued,
        }
    }

    /// Returns our words for a word of the API, by which runs are found; none if there is no such word.
    pub(super) fn words(of_api: &str) -> Option<&'static [&'static str]> {
        let known = WORDS.iter().find(|(status, _)| status.of_api() == of_api);
        known.map(|(_, words)| *words)
    }

    /// Returns the word in replies of the API.
    pub(super) fn of_api(self) -> &'static str {
        match self {
            Status::Queued => "QUEUED",
            Status::Delayed => "DELAYED",
            Status::Executing => "EXECUTING",
            Status::Waiting => "WAITING",
            Status::Completed => "COMPLETED",
            Status::Failed => "FAILED",
            Status::Canceled => "CANCELED",
            Status::Crashed => "CRASHED",
            Status::SystemFailure => "SYSTEM_FAILURE",
            Status::Expired => "EXPIRED",
            Status::TimedOut => "TIMED_OUT",
        }
    }

    /// Returns the word in rows of a subscription.
    pub(super) fn of_row(self) -> &'static str {
        match self {
            Status::Queued => "PENDING",
            Status::Waiting => "WAITING_TO_RESUME",
            Status::Completed => "COMPLETED_SUCCESSFULLY",
            Status::Failed => "COMPLETED_WITH_ERRORS",
            other => other.of_api(),
        }
    }

    pub(super) fn is_queued(self) -> bool {
        matches!(self, Status::Queued | Status::Delayed)
    }

    pub(super) fn is_failed(self) -> bool {
        use Status::{Crashed, Expired, Failed, SystemFailure, TimedOut};
        matches!(self, Failed | Crashed | SystemFailure | Expired | TimedOut)
    }

    /// Returns true also for a run that was cancelled: `runs.poll` of the client waits for it.
    pub(super) fn is_final(self) -> bool {
        self.is_failed() || matches!(self, Status::Completed | Status::Canceled)
    }
}

fn means(words: &[&str], status: &str) -> bool {
    words.iter().any(|word| status.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_with_a_meaning_is_in_the_table_once() {
        use runmeta_core::status::{FINAL, WAITING, WORKING};
        for word in FINAL.iter().chain(WAITING).chain(WORKING) {
            let found = WORDS.iter().filter(|(_, words)| words.contains(word));
            let found: Vec<_> = found.map(|(status, _)| status).collect();
            assert_eq!(found.len(), 1, "{word}: {found:?}");
            assert_eq!(found[0].is_final(), FINAL.contains(word), "{word}");
        }
    }
}
