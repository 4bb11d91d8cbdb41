//! Closing one stream.

use pgrx::datetime::clock_timestamp;
use pgrx::spi::SpiClient;
use runmeta_core::wire::Target;

use super::{Change, Chunks, Close, Written, find, write};
use crate::refusal::Refusal;
use crate::run::check_open;

/// Closes a stream of the run that is addressed from `run_id`, with an error if there is one, and returns the number of its
/// last chunk, -1 if it has none.
///
/// # Errors
///
/// [`Refusal`] for a run that is missing or closed.
pub fn close(
    client: &mut SpiClient<'_>,
    run_id: &str,
    target: Target,
    name: &str,
    error: Option<&str>,
) -> Result<i64, Refusal> {
    let run = find(client, run_id, target)?;
    check_open(&run.id, run.finished_at)?;
    write_one(Change {
        run,
        name,
        chunks: Chunks::default(),
        close: Some(Close { error }),
    })
}

/// Changes one stream, and returns the number of its last chunk.
pub fn write_one(change: Change<'_>) -> Result<i64, Refusal> {
    let written = write(std::slice::from_ref(&change), clock_timestamp())?;
    let run = || change.run.id.clone();
    match written.into_iter().next() {
        Some(Written::Applied { last } | Written::Unchanged { last }) => Ok(last),
        Some(Written::Refused(refusal)) => Err(refusal),
        None => Err(Refusal::NoSuchRun { run: run() }),
    }
}
