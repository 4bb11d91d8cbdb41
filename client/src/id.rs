//! What may name a run.

use runmeta_core::wire::fits_text;

use crate::Error;

/// Checks an id before it is sent: runs are read many at once, and one id that Postgres cannot hold would fail the others.
///
/// # Errors
///
/// SQLSTATE 22023, as from the server.
pub(crate) fn check(argument: &str, id: &str) -> Result<(), Error> {
    if !fits_text(id) {
        return Err(Error::invalid(format!("{argument} has {} bytes", id.len())));
    }
    match id.contains('\0') {
        true => Err(Error::invalid(format!(
            "{argument} contains the character U+0000"
        ))),
        false => Ok(()),
    }
}
