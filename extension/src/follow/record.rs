//! Recording what the jobs of a queue are that were there before its triggers.
//!
//! They are read as the owner of their table, who may have put anything into what they are read with: read by a superuser, the
//! cast of a type of the owner's made the owner a superuser.

use pgrx::pg_sys;
use pgrx::pg_sys::BuiltinOid::{
    BOOLARRAYOID, INT4ARRAYOID, INT4OID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
};
use pgrx::prelude::*;

use crate::jsonb::check_for_interrupts;
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

/// Records for this adapter what a query returns of jobs, and returns how many these were. Of a job that is not wanted, only if
/// its run exists. Those without a status are kept as a failure.
///
/// # Errors
///
/// Errors of Postgres are raised, those of the query too.
pub fn record(adapter: i32, jobs: pg_sys::Oid, query: &str) -> Result<i64, Refusal> {
    Spi::connect_mut(|client| {
        let (mut count, mut unknown) = (0, Vec::new());
        let mut cursor = {
            let _owner = AsOwner::of_jobs(jobs);
            client.try_open_cursor(query, &[])?
        };
        loop {
            check_for_interrupts();
            let rows = {
                let _owner = AsOwner::of_jobs(jobs);
                cursor.fetch(SLICE)?
            };
            if rows.is_empty() {
                break;
            }
            let mut slice = Slice::default();
            for row in rows {
                let run: String = row.get(1)?.unwrap_or_default();
                let Some(status) = row.get::<String>(3)? else {
                    unknown.push(run);
                    continue;
                };
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
            count += RECORD
                .with(|statement| statement.run(client, &arguments))?
                .len();
        }
        if !unknown.is_empty() {
            unknown.truncate(NAMED);
            let arguments = [adapter.into(), unknown.into()];
            RECORD_UNKNOWN.with(|statement| statement.run(client, &arguments))?;
        }
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    })
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
