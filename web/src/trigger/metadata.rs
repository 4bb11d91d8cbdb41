//! The metadata of a run.

use crate::Problem;

pub(super) async fn read() -> Problem {
    Problem::not_implemented()
}

pub(super) async fn update() -> Problem {
    Problem::not_implemented()
}
