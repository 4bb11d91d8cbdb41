//! The words for a run's status, in Trigger.dev's vocabulary.

use runmeta_client::Snapshot;

/// Returns the word that Trigger.dev's database has for the status of a run, which subscriptions send. The client takes any other word
/// for `QUEUED`.
pub fn database_status(snapshot: &Snapshot) -> &'static str {
    match snapshot.status() {
        "completed" => "COMPLETED_SUCCESSFULLY",
        "failed" => "COMPLETED_WITH_ERRORS",
        "cancelled" | "canceled" => "CANCELED",
        "crashed" => "CRASHED",
        "timed_out" => "TIMED_OUT",
        "expired" => "EXPIRED",
        _ if snapshot.is_finished() => "COMPLETED_SUCCESSFULLY",
        "queued" => "PENDING",
        "delayed" => "DELAYED",
        "waiting" => "WAITING_TO_RESUME",
        _ => "EXECUTING",
    }
}
