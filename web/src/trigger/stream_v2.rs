//! Streams read.

use crate::Problem;

pub(super) async fn read() -> Problem {
    Problem::not_implemented()
}
