//! Writing what was asked for.

use std::io::Write;

use crate::error::Error;

/// Writes a text and a line feed to stdout.
///
/// # Errors
///
/// When stdout is closed, as it is by `| head`: `println!` would panic.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    write(&format!("{text}\n"))
}

/// Writes a text to stdout, so that it can be seen at once.
///
/// # Errors
///
/// As [`print`].
pub(crate) fn write(text: &str) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Error::io("stdout cannot be written to", &error))
}
