//! Runs in pages.

use crate::Problem;

pub(super) async fn list() -> Problem {
    Problem::not_implemented()
}
