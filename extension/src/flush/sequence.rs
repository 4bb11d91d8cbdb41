//! Exactly once: a writer numbers its batches, and each number takes effect one time.
//!
//! The writer's row is changed in the transaction that applies the batch, so both commit or neither. Two
//! sessions with the same batch meet at that row: the second waits for the first and finds its number taken.
//! What was refused of the last batch is kept there too, until the next one: see [`replay`](super::replay).

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{INT8OID, TIMESTAMPTZOID, UUIDOID};
use pgrx::spi::SpiClient;

use crate::jsonb::Jsonb;
use crate::layout;
use crate::process;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static FIRST: Statement = const { Statement::new(
        include_str!("sql/first.sql"),
        &[UUIDOID],
    ) };
    static NEXT: Statement = const { Statement::new(
        include_str!("sql/next.sql"),
        &[UUIDOID, INT8OID, TIMESTAMPTZOID],
    ) };
    static LOCK: Statement = const { Statement::new(
        include_str!("sql/lock_writer.sql"),
        &[UUIDOID],
    ) };
    static LAST: Statement = const { Statement::new(
        include_str!("sql/last.sql"),
        &[UUIDOID, INT8OID],
    ) };
}

/// What the sequence of a batch says about it.
pub enum Taken {
    /// It is the writer's next one, and now its last: this batch is to be applied.
    Now,
    /// It was taken before: the batch is a duplicate.
    Before {
        /// What was refused of the first one, if it was the writer's last and not taken whole.
        refused: Option<Jsonb<'static>>,
    },
}

/// Takes the sequence for the writer, unless it was taken before. Without a writer every batch is a new one.
///
/// # Errors
///
/// [`Refusal::Gap`] if it is not the writer's next one, [`Refusal::BadSequence`] if it is none.
pub fn take(
    client: &mut SpiClient<'_>,
    writer: Option<pgrx::Uuid>,
    sequence: Option<i64>,
) -> Result<Taken, Refusal> {
    let (writer, sequence) = match (writer, sequence) {
        (None, None) => return Ok(Taken::Now),
        (Some(writer), Some(sequence)) if sequence >= 1 => (writer, sequence),
        _ => return Err(Refusal::BadSequence),
    };
    let mut taken = attempt(client, writer, sequence)?;
    let has_one_snapshot = process::has_one_snapshot();
    if let Err(last) = taken
        && (has_one_snapshot || layout::is_distributed())
    {
        // Citus answers before all nodes have committed, and where one is lost just then, long before: the writer's last batch may be
        // prepared there. Its lock is awaited.
        let is_there = lock(client, writer, last)?;
        if is_there && !has_one_snapshot {
            taken = attempt(client, writer, sequence)?;
        }
    }
    taken.map_err(|last| Refusal::Gap {
        writer,
        sequence,
        last,
    })
}

/// Takes the sequence if it is the writer's next one, and returns the last one if it is none that was taken either.
fn attempt(
    client: &mut SpiClient<'_>,
    writer: pgrx::Uuid,
    sequence: i64,
) -> Result<Result<Taken, i64>, Refusal> {
    let taken = if sequence == 1 {
        FIRST.with(|statement| statement.run(client, &[writer.into()]))?
    } else {
        let arguments = [writer.into(), sequence.into(), clock_timestamp().into()];
        NEXT.with(|statement| statement.run(client, &arguments))?
    };
    if !taken.is_empty() {
        return Ok(Ok(Taken::Now));
    }
    let mut rows =
        LAST.with(|statement| statement.run(client, &[writer.into(), sequence.into()]))?;
    let (last, refused) = match rows.next() {
        Some(_) => (rows.get::<i64>(1)?.unwrap_or(0), rows.get(2)?),
        None => (0, None),
    };
    Ok(match sequence <= last {
        true => Ok(Taken::Before { refused }),
        false => Err(last),
    })
}

/// Waits for whoever changes the writer's row, and returns false if there is none. Raises a serialization failure (40001) if the row
/// has changed since the transaction's snapshot, if it has one: what looks like a gap is none for a transaction that begins anew.
fn lock(client: &mut SpiClient<'_>, writer: pgrx::Uuid, last: i64) -> Result<bool, Refusal> {
    if last > 0 {
        return LOCK.with(|statement| Ok(!statement.run(client, &[writer.into()])?.is_empty()));
    }
    // A row that is not seen cannot be locked, but is in the way of another one. If none is in the way, the error that follows
    // takes the new one back.
    FIRST.with(|statement| Ok(statement.run(client, &[writer.into()])?.is_empty()))
}
