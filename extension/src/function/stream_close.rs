//! `runmeta.stream_close(run_id, stream, error, target)`

use pgrx::prelude::*;
use runmeta_core::wire::DEFAULT_STREAM;

use crate::call::{Answer, answer};
use crate::run::{check_length, target};
use crate::stream;

/// Closes a stream of a run, and returns the number of its last chunk.
#[pg_extern(sql = false)]
fn stream_close(
    run_id: Option<&str>,
    stream: Option<&str>,
    error: Option<&str>,
    target: Option<pg_sys::Oid>,
) -> Answer<Option<i64>> {
    answer(|| {
        let Some(run_id) = run_id else {
            return Ok(None);
        };
        let name = stream.unwrap_or(DEFAULT_STREAM);
        check_length("stream", name)?;
        let target = target::read(target)?;
        Spi::connect_mut(|client| stream::close(client, run_id, target, name, error).map(Some))
    })
}
