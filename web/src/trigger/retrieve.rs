//! One run.

use crate::Problem;

pub(super) async fn retrieve() -> Problem {
    Problem::not_implemented()
}
