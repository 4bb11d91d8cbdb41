//! The rows of chunks that are to be inserted.

use pgrx::pg_sys::BuiltinOid::{INT4ARRAYOID, INT8ARRAYOID, JSONBARRAYOID, TEXTARRAYOID};
use pgrx::spi::Spi;

use super::chunks::{array, stored_bytes};
use crate::jsonb::{Jsonb, View, check_for_interrupts};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static INSERT: Statement = const { Statement::new(
        include_str!("sql/insert_chunks.sql"),
        &[
            TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT4ARRAYOID, JSONBARRAYOID,
        ],
    ) };
}

/// Bytes that the tail of a stream may have as JSONB: 250 tokens of 4 bytes. A guess: each append writes the tail anew, 1 kB on
/// average, and a longer one would save few rows.
pub const TAIL: usize = 2048;
/// Bytes that the chunks of a row may have as JSONB, unless it is one chunk: with names of 255 bytes the row still fits
/// into a page. 200,000 tokens take 93 ms in one append and 129 in 1,000 of 200 with as many commits, which wait for no
/// disk; to read them in pages of 1,000, 100 ms (a busy machine).
pub const ROW: usize = 7000;
/// Bytes of rows that one statement inserts.
const SLICE: usize = 1024 * 1024;

/// Rows that are to be inserted, a vector for each column. They are inserted in slices, so that an append of 100 MB needs no
/// memory of its own.
#[derive(Default)]
pub struct Rows {
    roots: Vec<String>,
    ids: Vec<String>,
    streams: Vec<String>,
    firsts: Vec<i64>,
    counts: Vec<i32>,
    chunks: Vec<Jsonb<'static>>,
    bytes: usize,
}

impl Rows {
    /// Adds chunks of a stream (root, run, name) that are numbered from `first`.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    pub fn add<'a>(
        &mut self,
        stream: (&str, &str, &str),
        mut first: i64,
        chunks: impl Iterator<Item = View<'a>>,
    ) -> Result<(), Refusal> {
        let (mut row, mut bytes) = (Vec::new(), 0);
        for chunk in chunks {
            check_for_interrupts();
            let more = stored_bytes(chunk);
            if !row.is_empty() && bytes + more > ROW {
                first += self.push(stream, first, std::mem::take(&mut row))?;
                bytes = 0;
            }
            row.push(chunk);
            bytes += more;
        }
        if !row.is_empty() {
            self.push(stream, first, row)?;
        }
        Ok(())
    }

    /// Adds a row, and returns the number of its chunks.
    fn push(
        &mut self,
        (root, id, name): (&str, &str, &str),
        first: i64,
        row: Vec<View<'_>>,
    ) -> Result<i64, Refusal> {
        // A row of 7,000 bytes has no more than 1,750.
        let count = i32::try_from(row.len()).unwrap_or(i32::MAX);
        let chunks = array(row)?;
        self.bytes += chunks.memory();
        self.roots.push(root.to_owned());
        self.ids.push(id.to_owned());
        self.streams.push(name.to_owned());
        self.firsts.push(first);
        self.counts.push(count);
        self.chunks.push(chunks);
        if self.bytes > SLICE {
            self.insert()?;
        }
        Ok(count.into())
    }

    /// Inserts the rows that were added, none of which there is yet, with the rights of the tables' owner, which the caller has taken.
    ///
    /// # Errors
    ///
    /// [`Refusal::StreamNotStored`]; errors of Postgres are raised.
    pub fn insert(&mut self) -> Result<(), Refusal> {
        let rows = std::mem::take(self);
        let count = rows.firsts.len();
        if count == 0 {
            return Ok(());
        }
        // A connection a slice: what is passed is freed with it.
        let inserted = Spi::connect_mut(|client| {
            let arguments = [
                rows.roots.into(),
                rows.ids.into(),
                rows.streams.into(),
                rows.firsts.into(),
                rows.counts.into(),
                rows.chunks.into(),
            ];
            let inserted = INSERT.with(|statement| statement.run(client, &arguments))?;
            Ok::<_, Refusal>(inserted.len())
        })?;
        match inserted == count {
            true => Ok(()),
            false => Err(Refusal::StreamNotStored),
        }
    }
}
