//! `runmeta.stream_append(run_id, stream, chunks, target)`

use pgrx::prelude::*;
use runmeta_core::wire::DEFAULT_STREAM;

use crate::call::{Answer, answer};
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;
use crate::run::{check_length, target};
use crate::stream;

/// Appends chunks to a stream of a run, and returns the number of the last one.
#[pg_extern(sql = false)]
fn stream_append(
    run_id: Option<&str>,
    stream: Option<&str>,
    chunks: Option<Jsonb<'_>>,
    target: Option<pg_sys::Oid>,
) -> Answer<Option<i64>> {
    answer(|| {
        let Some(run_id) = run_id else {
            return Ok(None);
        };
        let name = stream.unwrap_or(DEFAULT_STREAM);
        check_length("stream", name)?;
        let chunks = chunks.ok_or(Refusal::Null { argument: "chunks" })?;
        let target = target::read(target)?;
        Spi::connect_mut(|client| stream::append(client, run_id, target, name, &chunks).map(Some))
    })
}
