//! Subscriptions to runs: the log of a shape.

use crate::Problem;

pub(super) async fn run() -> Problem {
    Problem::not_implemented()
}

pub(super) async fn runs() -> Problem {
    Problem::not_implemented()
}

pub(super) async fn batch() -> Problem {
    Problem::not_implemented()
}
