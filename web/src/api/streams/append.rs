//! `POST /v1/runs/:id/streams/:name`: chunks for a stream.

use crate::Problem;

/// Appends chunks to a stream.
pub(in crate::api) async fn append() -> Problem {
    Problem::not_implemented()
}
