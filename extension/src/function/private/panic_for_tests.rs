//! A function that panics. No SQL declares it: a test does, to see what a panic looks like to a user.

use pgrx::prelude::*;

use crate::call::{Answer, answer};

/// Panics.
#[pg_extern(sql = false)]
#[allow(clippy::panic)]
fn panic_for_tests() -> Answer<()> {
    answer(|| panic!("as the test asked"))
}
