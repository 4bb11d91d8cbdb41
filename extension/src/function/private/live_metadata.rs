//! `runmeta._live_metadata(metadata, root_id, run_id, created_at)`, with which every reading function and the view
//! `runmeta.live_run` return metadata.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::inbox::{Seen, live};
use crate::jsonb::{Returned, Stored};

/// Returns the metadata of a run with what waits for it applied. Where nothing waits that is the value itself, which is
/// not even read.
#[pg_extern(sql = false)]
fn live_metadata<'a>(
    metadata: Stored<'a>,
    root: &str,
    id: &str,
    created_at: TimestampWithTimeZone,
) -> Answer<Returned<'a>> {
    answer(|| {
        let run = Seen {
            root,
            id,
            created_at,
        };
        let live = live(run, || metadata.read())?;
        Ok(live.map_or(Returned::Same(metadata), Returned::New))
    })
}
