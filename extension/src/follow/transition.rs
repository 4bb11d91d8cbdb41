//! What was recorded for runs.

use std::collections::BTreeMap;

use pgrx::pg_sys::BuiltinOid::{BOOLOID, INT4OID, TEXTARRAYOID, TEXTOID};
use pgrx::prelude::*;
use pgrx::spi::SpiError;
use runmeta_core::wire::{MAXIMUM_TEXT_BYTES, fits_text};

use super::waiting;
use crate::jsonb::{Jsonb, check_for_interrupts};
use crate::owner::AsOwner;
use crate::refusal::Refusal;
use crate::statement::Statement;
use crate::subtransaction::Failure;

thread_local! {
    static TAKE: Statement = const { Statement::new(
        concat!(include_str!("sql/take_of.sql"), include_str!("sql/take_rest.sql")),
        &[TEXTARRAYOID],
    ) };
    static TAKE_FIRST: Statement = const { Statement::new(
        concat!(include_str!("sql/take_of.sql"), include_str!("sql/take_first.sql"), include_str!("sql/take_rest.sql")),
        &[TEXTARRAYOID],
    ) };
    static WAITING_AMONG: Statement = const { Statement::new(
        include_str!("sql/waiting_among.sql"),
        &[TEXTARRAYOID],
    ) };
    static ANY: Statement = const { Statement::new(include_str!("sql/any.sql"), &[]) };
    static KEEP_FAILURE: Statement = const { Statement::new(
        include_str!("sql/keep_failure.sql"),
        &[INT4OID, TEXTARRAYOID, TEXTOID, TEXTOID, BOOLOID, TEXTOID],
    ) };
}

/// Why a job whose run would have no id, or too long a one, is not followed.
pub const BAD_ID: &str = "ids of runs have 1 to 255 bytes";
const BAD_TASK: &str = "tasks have at most 255 bytes";
const BAD_STATUS: &str = "statuses have 1 to 255 bytes";

/// Ids that a failure names.
const NAMED: usize = 100;

/// A change of a job that was recorded for its run.
pub struct Transition {
    /// The run.
    pub run: String,
    /// The adapter.
    pub adapter: i32,
    /// The role that changed the job.
    pub role: String,
    /// The name of the job.
    pub task: Option<String>,
    /// The run that it is started under.
    pub parent: Option<String>,
    /// When the job came, if the queue keeps that.
    pub created_at: Option<TimestampWithTimeZone>,
    /// When the change was seen.
    pub at: TimestampWithTimeZone,
    /// Operations on the document: those that keep the error.
    pub operations: Option<Jsonb<'static>>,
    status: String,
    is_deleted: bool,
    attempt: Option<i32>,
    started_at: Option<TimestampWithTimeZone>,
    finished_at: Option<TimestampWithTimeZone>,
}

impl Transition {
    /// Returns what the row of the job shows.
    pub fn row(&self) -> runmeta_core::Transition<'_, TimestampWithTimeZone> {
        runmeta_core::Transition {
            status: &self.status,
            is_deleted: self.is_deleted,
            attempt: self.attempt,
            started_at: self.started_at,
            finished_at: self.finished_at,
            at: self.at,
        }
    }

    /// Returns what keeps any run from following it. Rows come from other programs, and from whoever writes runs.
    fn problem(&self) -> Option<&'static str> {
        if !fits_text(&self.run) {
            Some(BAD_ID)
        } else if !fits_text(&self.status) {
            Some(BAD_STATUS)
        } else if self
            .task
            .as_ref()
            .is_some_and(|task| task.len() > MAXIMUM_TEXT_BYTES)
        {
            Some(BAD_TASK)
        } else {
            None
        }
    }

    /// Returns true if the job is gone.
    pub fn is_deleted(&self) -> bool {
        self.is_deleted
    }
}

/// How many changes are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// All, so that what a transaction corrects is never seen.
    All,
    /// The first [`MANY`] of a run that has more.
    First,
}

/// Changes of a run that are followed in one go, where it has more: each takes some 5 kB of memory.
pub const MANY: usize = 4000;

/// Takes what was recorded for these runs, by run and in the order of the changes.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn take(runs: &[&str], amount: Amount) -> Result<Vec<Transition>, Refusal> {
    let required = || Refusal::Query(SpiError::InvalidPosition);
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        let take = match amount {
            Amount::All => &TAKE,
            Amount::First => &TAKE_FIRST,
        };
        let rows = take.with(|statement| statement.run(client, &[runs.to_vec().into()]))?;
        let mut taken = Vec::with_capacity(rows.len());
        for row in rows {
            check_for_interrupts();
            taken.push(Transition {
                run: row.get(1)?.ok_or_else(required)?,
                adapter: row.get(2)?.ok_or_else(required)?,
                role: row.get(3)?.ok_or_else(required)?,
                status: row.get(4)?.ok_or_else(required)?,
                is_deleted: row.get(5)?.ok_or_else(required)?,
                attempt: row.get(6)?,
                task: row.get(7)?,
                created_at: row.get(8)?,
                started_at: row.get(9)?,
                finished_at: row.get(10)?,
                at: row.get(11)?.ok_or_else(required)?,
                operations: row.get(12)?,
                parent: row.get(13)?,
            });
        }
        for changes in taken.chunk_by(|left: &Transition, right| left.run == right.run) {
            waiting::followed(&changes[0].run, changes.len());
        }
        Ok(taken)
    })
}

/// Returns true if anything was recorded.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn any() -> Result<bool, Refusal> {
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        let rows = ANY.with(|statement| statement.run(client, &[]))?;
        Ok(!rows.is_empty())
    })
}

/// Returns those of the runs for which something was recorded.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn waiting_among(runs: &[&str]) -> Result<Vec<String>, Refusal> {
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        let rows =
            WAITING_AMONG.with(|statement| statement.run(client, &[runs.to_vec().into()]))?;
        rows.map(|row| Ok(row.get(1)?.unwrap_or_default()))
            .collect()
    })
}

/// Takes those out that no run can follow, and keeps why. Whatever was recorded for other runs, and for the same one, is followed.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn keep_sound(taken: Vec<Transition>) -> Result<Vec<Transition>, Refusal> {
    let (mut unsound, mut unknown) = (BTreeMap::new(), BTreeMap::new());
    let mut sound = Vec::with_capacity(taken.len());
    for change in taken {
        let Some(problem) = change.problem() else {
            if !change.is_deleted && !runmeta_core::status::is_of_job(&change.status) {
                let of_status = (change.adapter, change.role.clone(), change.status.clone());
                unknown
                    .entry(of_status)
                    .or_insert_with(|| change.run.clone());
            }
            sound.push(change);
            continue;
        };
        let of_problem = (change.adapter, change.role, problem);
        let jobs: &mut Vec<String> = unsound.entry(of_problem).or_default();
        if jobs.len() < NAMED {
            jobs.push(change.run);
        }
    }
    for ((adapter, role, problem), jobs) in &unsound {
        let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
        keep_failure((*adapter, role), &jobs, "22023", problem)?;
    }
    for ((adapter, role, status), run) in &unknown {
        let message = format!("status \"{status}\" is not translated");
        keep((*adapter, role), &[run], "22023", &message, true)?;
    }
    Ok(sound)
}

/// Takes what was recorded for a run that cannot follow, and keeps why.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn give_up(run: &str, amount: Amount, failure: &Failure) -> Result<(), Refusal> {
    let taken = take(&[run], amount)?;
    match taken.last() {
        Some(last) => keep_failure(
            (last.adapter, &last.role),
            &[&last.run],
            &failure.sqlstate(),
            &failure.message,
        ),
        None => Ok(()),
    }
}

/// Keeps that a run has become one without a parent.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn keep_orphan(changes: &[Transition], parent: &str) -> Result<(), Refusal> {
    match changes.last() {
        Some(last) => keep_failure(
            (last.adapter, &last.role),
            &[&last.run],
            "P0002",
            &format!("parent \"{parent}\" does not exist"),
        ),
        None => Ok(()),
    }
}

/// Keeps what went wrong with jobs of an adapter that a role changed.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn keep_failure(
    who: (i32, &str),
    jobs: &[&str],
    sqlstate: &str,
    message: &str,
) -> Result<(), Refusal> {
    keep(who, jobs, sqlstate, message, false)
}

fn keep(
    (adapter, role): (i32, &str),
    jobs: &[&str],
    sqlstate: &str,
    message: &str,
    is_once: bool,
) -> Result<(), Refusal> {
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_transitions()?;
        let arguments = [
            adapter.into(),
            jobs.to_vec().into(),
            sqlstate.into(),
            message.into(),
            is_once.into(),
            role.into(),
        ];
        KEEP_FAILURE.with(|statement| statement.run(client, &arguments))?;
        Ok(())
    })
}
