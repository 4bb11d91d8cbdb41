//! `GET /v1/runs/:id/streams` and `GET`, `POST /v1/runs/:id/streams/:name`.

use crate::Problem;

/// Lists the streams of a run.
pub(super) async fn list() -> Problem {
    Problem::not_implemented()
}

/// Follows a stream.
pub(super) async fn read() -> Problem {
    Problem::not_implemented()
}

/// Appends chunks to a stream.
pub(super) async fn append() -> Problem {
    Problem::not_implemented()
}
