//! Exactly once: a writer numbers its batches, and each number takes effect one time.
//!
//! The writer's row is changed in the transaction that applies the batch, so both commit or neither. Two
//! sessions with the same batch meet at that row: the second waits for the first and finds its number taken.

use pgrx::pg_sys::BuiltinOid::{INT8OID, UUIDOID};
use pgrx::spi::SpiClient;

use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static FIRST: Statement = const { Statement::new(
        "INSERT INTO runmeta.writer (id, last_sequence) VALUES ($1, 1) ON CONFLICT DO NOTHING RETURNING last_sequence",
        &[UUIDOID],
    ) };
    static NEXT: Statement = const { Statement::new(
        "UPDATE runmeta.writer AS w SET last_sequence = $2, updated_at = pg_catalog.clock_timestamp()
         WHERE w.id OPERATOR(pg_catalog.=) $1
             AND w.last_sequence OPERATOR(pg_catalog.=) ($2 OPERATOR(pg_catalog.-) 1)
         RETURNING w.last_sequence",
        &[UUIDOID, INT8OID],
    ) };
    static LAST: Statement = const { Statement::new(
        "SELECT w.last_sequence FROM runmeta.writer AS w WHERE w.id OPERATOR(pg_catalog.=) $1",
        &[UUIDOID],
    ) };
}

/// Takes the sequence for the writer. Returns false if it was taken before: the batch is a duplicate.
///
/// # Errors
///
/// [`Refusal::Gap`] if it is not the writer's next one, [`Refusal::BadSequence`] if it is none.
pub fn take(
    client: &mut SpiClient<'_>,
    writer: Option<pgrx::Uuid>,
    sequence: Option<i64>,
) -> Result<bool, Refusal> {
    let (writer, sequence) = match (writer, sequence) {
        (None, None) => return Ok(true),
        (Some(writer), Some(sequence)) if sequence >= 1 => (writer, sequence),
        _ => return Err(Refusal::BadSequence),
    };
    let taken = if sequence == 1 {
        FIRST.with(|statement| statement.run(client, &[writer.into()]))?
    } else {
        NEXT.with(|statement| statement.run(client, &[writer.into(), sequence.into()]))?
    };
    if !taken.is_empty() {
        return Ok(true);
    }
    let mut rows = LAST.with(|statement| statement.run(client, &[writer.into()]))?;
    let last = match rows.next() {
        Some(_) => rows.get::<i64>(1)?.unwrap_or(0),
        None => 0,
    };
    match sequence <= last {
        true => Ok(false),
        false => Err(Refusal::Gap {
            writer,
            sequence,
            last,
        }),
    }
}
