//! Recording what the jobs of a queue are that were there before its triggers.
//!
//! They are read as the owner of their table, who may have put anything into what they are read with: read by a superuser, the
//! cast of a type of the owner's made the owner a superuser.

use std::collections::BTreeMap;

use pgrx::pg_sys;
use pgrx::pg_sys::BuiltinOid::{
    BOOLARRAYOID, INT4ARRAYOID, INT4OID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiTupleTable};
use runmeta_core::status;

use crate::jsonb::check_for_interrupts;
use crate::layout;
use crate::owner::AsOwner;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static RECORD: Statement = const { Statement::new(
        include_str!("sql/record.sql"),
        &[
            INT4OID, TEXTARRAYOID, BOOLARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
            TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID,
        ],
    ) };
    static RECORD_UNKNOWN: Statement = const { Statement::new(
        include_str!("sql/record_unknown.sql"),
        &[INT4OID, TEXTARRAYOID],
    ) };
}

/// Jobs that are read and recorded together.
const SLICE: i64 = 1000;
/// Ids that a failure names.
const NAMED: usize = 100;
/// Statuses that a notice names.
const SHOWN: usize = 5;
/// Statuses that are counted. A guess: a column with more has no statuses.
const COUNTED: usize = 1000;

/// Records for this adapter what a query returns of jobs, and returns how many these were. Of a job that is not wanted, only if
/// its run exists. Those without a status are kept as a failure, and statuses that mean nothing to a run raise a notice.
///
/// # Errors
///
/// Errors of Postgres are raised, those of the query too.
pub fn record(adapter: i32, jobs: pg_sys::Oid, query: &str) -> Result<i64, Refusal> {
    let mut seen = Seen::default();
    let cursor = Spi::connect_mut(|client| {
        let _owner = AsOwner::of_jobs(jobs);
        Ok::<_, Refusal>(client.try_open_cursor(query, &[])?.detach_into_name())
    })?;
    let mut count = 0;
    loop {
        check_for_interrupts();
        // A connection a slice: its rows are freed with it.
        let recorded = Spi::connect_mut(|client| {
            let mut cursor = client.find_cursor(&cursor)?;
            let rows = {
                let _owner = AsOwner::of_jobs(jobs);
                cursor.fetch(SLICE)?
            };
            if rows.is_empty() {
                return Ok::<_, Refusal>(None);
            }
            let mut slice = seen.read(rows)?;
            if layout::is_distributed() {
                slice.want_existing(client)?;
            }
            cursor.detach_into_name();
            let arguments = [
                adapter.into(),
                slice.runs.into(),
                slice.wanted.into(),
                slice.statuses.into(),
                slice.attempts.into(),
                slice.errors.into(),
                slice.tasks.into(),
                slice.parents.into(),
                slice.created.into(),
                slice.started.into(),
                slice.finished.into(),
            ];
            let recorded = RECORD.with(|statement| statement.run(client, &arguments))?;
            Ok(Some(recorded.len()))
        })?;
        match recorded {
            Some(recorded) => count += recorded,
            None => break,
        }
    }
    if !seen.without_status.is_empty() {
        let arguments = [
            adapter.into(),
            std::mem::take(&mut seen.without_status).into(),
        ];
        Spi::connect_mut(|client| {
            RECORD_UNKNOWN.with(|statement| statement.run(client, &arguments).map(drop))
        })?;
    }
    seen.raise_notice();
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

/// What was seen of all jobs.
#[derive(Default)]
struct Seen {
    without_status: Vec<String>,
    /// How many jobs have a status that means nothing to a run.
    unknown: BTreeMap<String, u64>,
}

impl Seen {
    fn read(&mut self, rows: SpiTupleTable<'_>) -> Result<Slice, Refusal> {
        let mut slice = Slice::default();
        for row in rows {
            let run: String = row.get(1)?.unwrap_or_default();
            let Some(status) = row.get::<String>(3)? else {
                if self.without_status.len() < NAMED {
                    self.without_status.push(run);
                }
                continue;
            };
            if !status::is_of_job(&status)
                && (self.unknown.len() < COUNTED || self.unknown.contains_key(&status))
            {
                *self.unknown.entry(status.clone()).or_default() += 1;
            }
            slice.runs.push(run);
            slice.wanted.push(row.get(2)?.unwrap_or(false));
            slice.statuses.push(status);
            slice.attempts.push(row.get(4)?);
            slice.errors.push(row.get(5)?);
            slice.tasks.push(row.get(6)?);
            slice.parents.push(row.get(7)?);
            slice.created.push(row.get(8)?);
            slice.started.push(row.get(9)?);
            slice.finished.push(row.get(10)?);
        }
        Ok(slice)
    }

    /// Raises a notice that names the most frequent statuses that mean nothing to a run.
    fn raise_notice(&self) {
        let mut unknown: Vec<_> = self.unknown.iter().collect();
        unknown.sort_by_key(|(_, jobs)| std::cmp::Reverse(**jobs));
        let shown = unknown.iter().take(SHOWN);
        let shown: Vec<String> = shown
            .map(|(status, jobs)| format!("\"{status}\" ({jobs})"))
            .collect();
        if shown.is_empty() {
            return;
        }
        let more = match unknown.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        ereport!(
            NOTICE,
            PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
            format!(
                "jobs have statuses that are not translated: {}{more}",
                shown.join(", ")
            ),
            "Translate them in the statuses of the mapping. Until then a run takes the word, and neither begins nor ends an attempt by it."
        );
    }
}

/// The columns of what is recorded.
#[derive(Default)]
struct Slice {
    runs: Vec<String>,
    wanted: Vec<bool>,
    statuses: Vec<String>,
    attempts: Vec<Option<i32>>,
    errors: Vec<Option<String>>,
    tasks: Vec<Option<String>>,
    parents: Vec<Option<String>>,
    created: Vec<Option<TimestampWithTimeZone>>,
    started: Vec<Option<TimestampWithTimeZone>>,
    finished: Vec<Option<TimestampWithTimeZone>>,
}

impl Slice {
    /// Has the jobs recorded of which the runs exist. Where Citus has these on other nodes, the statement does not look for them.
    fn want_existing(&mut self, client: &mut SpiClient<'_>) -> Result<(), Refusal> {
        let runs: Vec<&str> = self.runs.iter().map(String::as_str).collect();
        let found = layout::find_many(client, &runs)?;
        for (wanted, found) in self.wanted.iter_mut().zip(found) {
            *wanted |= found.is_some();
        }
        Ok(())
    }
}
