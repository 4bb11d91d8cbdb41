//! `GET /v1/runs/:id/events` and `GET /v1/events`: server-sent events.

use crate::Problem;

/// Follows one run.
pub(super) async fn run() -> Problem {
    Problem::not_implemented()
}

/// Follows a set of runs.
pub(super) async fn set() -> Problem {
    Problem::not_implemented()
}
