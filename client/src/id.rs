//! What may name a run.

use crate::Error;

/// The server's limit.
const MAXIMUM_BYTES: usize = 255;

/// Checks an id before it is sent: runs are read many at once, and one id that Postgres cannot hold would fail the others.
///
/// # Errors
///
/// SQLSTATE 22023, as from the server.
pub(crate) fn check(argument: &str, id: &str) -> Result<(), Error> {
    match id.len() {
        1..=MAXIMUM_BYTES if id.contains('\0') => Err(Error::invalid(format!(
            "{argument} contains the character U+0000"
        ))),
        1..=MAXIMUM_BYTES => Ok(()),
        bytes => Err(Error::invalid(format!("{argument} has {bytes} bytes"))),
    }
}
