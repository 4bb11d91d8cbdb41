//! A run that is locked, through several changes of its attempt and status, until it is stored.

use pgrx::prelude::*;
use pgrx::spi::{SpiError, SpiTupleTable};

use super::{Attempt, NewRun, status};
use crate::document::Draft;
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;

/// The columns of a run that a start, a change of the status and a finish change.
pub struct State {
    /// The newest attempt.
    pub attempt: Attempt,
    /// When it began to work, if it did.
    pub started_at: Option<TimestampWithTimeZone>,
    /// When the run was started.
    pub created_at: TimestampWithTimeZone,
    /// What the document has at the most as compact JSON, in bytes, if that is known.
    pub size_bound: Option<i32>,
    /// Whether one of these columns is to be stored.
    pub changed: bool,
}

impl State {
    /// Reads the row that `rows` stands at: root_id, id, attempt, status, version, finished_at, started_at, created_at,
    /// size_bound, metadata.
    ///
    /// # Errors
    ///
    /// [`Refusal::Query`] for a NULL where the table allows none.
    pub fn read(rows: &SpiTupleTable<'_>) -> Result<State, Refusal> {
        Ok(State {
            attempt: Attempt::read(rows)?,
            started_at: rows.get(7)?,
            created_at: rows.get(8)?.ok_or_else(required)?,
            size_bound: rows.get(9)?,
            changed: false,
        })
    }

    /// Reads the document of the same row.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_document(rows: &SpiTupleTable<'_>) -> Result<Jsonb<'static>, Refusal> {
        rows.get(10)?.ok_or_else(required)
    }

    /// Begins another attempt if the run is not at the one that is wanted, merges its metadata into the document, and
    /// returns whether one began.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for a newer attempt, one that has finished where none is named, and a document that would be too large.
    pub fn start<'a>(
        &mut self,
        run: &NewRun<'a>,
        document: &mut Draft<'a>,
        now: TimestampWithTimeZone,
    ) -> Result<bool, Refusal> {
        let Some(number) = self.attempt.on_start(run.attempt)? else {
            return Ok(false);
        };
        let version = self.attempt.next_version()?;
        run.merge_into(document)?;
        self.attempt.number = number;
        self.attempt.finished_at = None;
        self.started_at = None;
        self.put(version, run.status);
        self.begin_to_work(now);
        Ok(true)
    }

    /// Sets the status of the attempt if that changes something, and returns whether it does.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for another attempt than `expected` and one that has finished.
    pub fn set_status(
        &mut self,
        status: &str,
        expected: Option<i32>,
        now: TimestampWithTimeZone,
    ) -> Result<bool, Refusal> {
        self.attempt.check_number(expected)?;
        let changes = self.attempt.on_set_status(status)?;
        if changes {
            self.put(self.attempt.next_version()?, status);
            self.begin_to_work(now);
        }
        Ok(changes)
    }

    /// Finishes the attempt if it has not finished, and returns whether it had not.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for another attempt than `expected` and one that has finished otherwise.
    pub fn finish(
        &mut self,
        status: &str,
        expected: Option<i32>,
        now: TimestampWithTimeZone,
    ) -> Result<bool, Refusal> {
        self.attempt.check_number(expected)?;
        let changes = self.attempt.on_finish(status)?;
        if changes {
            self.put(self.attempt.next_version()?, status);
            self.attempt.finished_at = Some(now);
        }
        Ok(changes)
    }

    fn put(&mut self, version: i64, status: &str) {
        self.attempt.version = version;
        self.attempt.status = status.to_owned();
        self.changed = true;
    }

    fn begin_to_work(&mut self, now: TimestampWithTimeZone) {
        if !status::is_waiting(&self.attempt.status) {
            self.started_at.get_or_insert(now);
        }
    }
}

fn required() -> Refusal {
    Refusal::Query(SpiError::InvalidPosition)
}
