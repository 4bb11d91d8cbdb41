//! What a token is made of, and tokens.

use crate::Problem;

pub(super) async fn claims() -> Problem {
    Problem::not_implemented()
}

pub(super) async fn public_token() -> Problem {
    Problem::not_implemented()
}
