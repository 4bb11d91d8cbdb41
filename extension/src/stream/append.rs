//! Appending to one stream.
//!
//! While the stream is open and its tail has room, that is one `UPDATE`, which locks the row too. Otherwise
//! [`write`](super::write) locks the row first, and decides; so it does where Citus has distributed the tables, which lets no `UPDATE`
//! depend on how large a column is.
//!
//! Such an append of a token takes 0.11 ms of one session, as a `set` does that changes something, and a bare `INSERT` of
//! the token into a table of its own 0.03 to 0.05 (pgbench, no wait for the disk, a busy machine). A program that appends
//! all the time sends many in one batch.

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{INT4OID, INT8OID, JSONBOID, TEXTOID, TIMESTAMPTZOID};
use pgrx::spi::SpiClient;
use runmeta_core::wire::Target;

use super::close::write_one;
use super::rows::TAIL;
use super::{Change, Chunks, Holder, find};
use crate::announce;
use crate::jsonb::Jsonb;
use crate::layout;
use crate::outbox::StreamEntry;
use crate::owner::AsOwner;
use crate::refusal::Refusal;
use crate::run::check_open;
use crate::statement::Statement;

thread_local! {
    static APPEND: Statement = const { Statement::new(
        include_str!("sql/append.sql"),
        &[
            TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, JSONBOID, INT8OID, INT4OID, TIMESTAMPTZOID,
        ],
    ) };
}

/// Appends chunks to a stream of the run that is addressed from `run_id`, and returns the number of the last one.
///
/// # Errors
///
/// [`Refusal`] for chunks that are no array or too large, a run that is missing or closed, and a stream that is closed.
pub fn append(
    client: &mut SpiClient<'_>,
    run_id: &str,
    target: Target,
    name: &str,
    given: &Jsonb<'_>,
) -> Result<i64, Refusal> {
    let chunks = Chunks::read(given.view())?;
    chunks.check()?;
    let run = find(client, run_id, target)?;
    check_open(&run.id, run.finished_at)?;
    if chunks.count() > 0
        && given.memory() <= TAIL
        && !layout::is_distributed()
        && let Some(last) = append_to_tail(client, &run, name, given, chunks.count())?
    {
        return Ok(last);
    }
    write_one(Change {
        run,
        name,
        chunks,
        close: None,
    })
}

/// Appends to the tail of a stream that is open, and returns the number of the last chunk. `None` if that did not come about.
fn append_to_tail(
    client: &mut SpiClient<'_>,
    run: &Holder,
    name: &str,
    chunks: &Jsonb<'_>,
    count: usize,
) -> Result<Option<i64>, Refusal> {
    let room = i32::try_from(TAIL - chunks.memory()).unwrap_or(0);
    let arguments = [
        run.root.as_str().into(),
        run.id.as_str().into(),
        name.into(),
        run.created_at.into(),
        chunks.clone().into(),
        i64::try_from(count).unwrap_or(i64::MAX).into(),
        room.into(),
        clock_timestamp().into(),
    ];
    let _owner = AsOwner::of_streams()?;
    let mut rows = APPEND.with(|statement| statement.run(client, &arguments))?;
    if rows.next().is_none() {
        return Ok(None);
    }
    let last = rows.get::<i64>(1)?.unwrap_or(0) - 1;
    announce::streamed(&StreamEntry {
        root: &run.root,
        id: &run.id,
        name,
        last,
        closed: false,
    });
    Ok(Some(last))
}
