//! Streams written.

use crate::Problem;

pub(super) async fn write() -> Problem {
    Problem::not_implemented()
}

pub(super) async fn append() -> Problem {
    Problem::not_implemented()
}
