//! Where a run stands in its attempts. Whether start, set_status and finish change that, [`runmeta_core::Attempt`] decides,
//! by the state alone: for one run, and for many runs of a batch.

use pgrx::pg_sys::BuiltinOid::{TEXTARRAYOID, TEXTOID};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError, SpiTupleTable};
use runmeta_core::Conflict;
use runmeta_core::wire::Target;

use super::find_existing;
use super::locked::check_version;
use crate::inbox;
use crate::jsonb::check_for_interrupts;
use crate::layout::ByRoot;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static FIND: ByRoot = const { ByRoot::new(
        include_str!("sql/find_attempt.sql"),
        &[TEXTOID, TEXTOID],
    ) };
    static FIND_MANY: ByRoot = const { ByRoot::new(
        include_str!("sql/find_attempts.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static LOCK: Statement = const { Statement::new(
        include_str!("sql/lock_attempt.sql"),
        &[TEXTOID, TEXTOID],
    ) };
}

/// Looks at a run that is folded meanwhile. A guess.
const LOOKS: usize = 3;

/// The newest attempt at a run.
pub struct Attempt {
    /// The first run of the run's tree.
    pub root: String,
    /// The run's id.
    pub id: String,
    /// The attempt's number, from 1.
    pub number: i32,
    /// Its status.
    pub status: String,
    /// The run's version.
    pub version: i64,
    /// When the attempt finished, if it did.
    pub finished_at: Option<TimestampWithTimeZone>,
}

impl Attempt {
    /// Reads the attempt at a run, without a lock.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn find(client: &mut SpiClient<'_>, run_id: &str) -> Result<Option<Attempt>, Refusal> {
        let rows = FIND.with(|statement| statement.run(client, run_id, Vec::new()))?;
        let Some(mut rows) = rows else {
            return Ok(None);
        };
        rows.next().map(|_| Attempt::read(&rows)).transpose()
    }

    /// Reads the attempts at these runs, without a lock, as far as the runs are there.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn find_many(client: &mut SpiClient<'_>, ids: &[&str]) -> Result<Vec<Attempt>, Refusal> {
        let mut rows = FIND_MANY.with(|statement| statement.read_by_index(client, ids.to_vec()))?;
        let mut found = Vec::with_capacity(rows.len());
        while rows.next().is_some() {
            check_for_interrupts();
            found.push(Attempt::read(&rows)?);
        }
        Ok(found)
    }

    /// Locks the run and returns the attempt as it is then; `None` if the run was pruned since it was found.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn lock(&self, client: &mut SpiClient<'_>) -> Result<Option<Attempt>, Refusal> {
        let arguments = [self.root.as_str().into(), self.id.as_str().into()];
        let mut rows = LOCK.with(|statement| statement.run(client, &arguments))?;
        rows.next().map(|_| Attempt::read(&rows)).transpose()
    }

    /// Folds what waits for the run, which is locked.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotStored`]; errors of Postgres are raised.
    pub fn fold(self, client: &mut SpiClient<'_>) -> Result<Attempt, Refusal> {
        let version = inbox::fold_locked(client, &self.root, &self.id, self.version)?;
        Ok(Attempt { version, ..self })
    }

    /// Returns the version that readers see: the stored one and what waits. Looks until nobody folded meanwhile, so that
    /// nothing is counted twice or left out; after [`LOOKS`] times it is taken as it is.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn live_version(&self, client: &mut SpiClient<'_>) -> Result<i64, Refusal> {
        let mut version = self.version;
        for _ in 0..LOOKS {
            let waiting = inbox::count(client, &self.root, &self.id)?;
            if waiting == 0 {
                return Ok(version);
            }
            match Attempt::find(client, &self.id)? {
                Some(now) if now.version != version => version = now.version,
                _ => return Ok(version.saturating_add(waiting)),
            }
        }
        Ok(version)
    }

    /// Locks a run that must exist, and folds what waits for it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchRun`], [`Refusal::NotAllowed`].
    pub fn lock_existing(client: &mut SpiClient<'_>, run_id: &str) -> Result<Attempt, Refusal> {
        let lock = |client: &mut SpiClient<'_>| match Attempt::find(client, run_id)? {
            Some(found) => found.lock(client),
            None => Ok(None),
        };
        find_existing(client, run_id, Target::Own, lock)?.fold(client)
    }

    /// Reads the row that `rows` stands at: root_id, id, attempt, status, version, finished_at.
    ///
    /// # Errors
    ///
    /// [`Refusal::Query`] for a NULL where the table allows none.
    pub fn read(rows: &SpiTupleTable<'_>) -> Result<Attempt, Refusal> {
        let required = || Refusal::Query(SpiError::InvalidPosition);
        Ok(Attempt {
            root: rows.get(1)?.ok_or_else(required)?,
            id: rows.get(2)?.ok_or_else(required)?,
            number: rows.get(3)?.ok_or_else(required)?,
            status: rows.get(4)?.ok_or_else(required)?,
            version: rows.get(5)?.ok_or_else(required)?,
            finished_at: rows.get(6)?,
        })
    }

    /// Decides a start of a run that exists: returns the number of the attempt that begins, or `None` if the run stays as
    /// it is.
    ///
    /// # Errors
    ///
    /// - [`Refusal::Finished`] if the attempt finished and no number is given.
    /// - [`Refusal::StaleAttempt`] if the number is that of an older attempt.
    pub fn on_start(&self, wanted: Option<i32>) -> Result<Option<i32>, Refusal> {
        let decided = self.stand().on_start(wanted);
        decided.map_err(|conflict| self.refusal(conflict, wanted))
    }

    /// Checks that the run is at this attempt, if one is given: a late worker must not end or change a newer one.
    ///
    /// # Errors
    ///
    /// [`Refusal::StaleAttempt`], or [`Refusal::AttemptNotBegun`].
    pub fn check_number(&self, expected: Option<i32>) -> Result<(), Refusal> {
        let checked = self.stand().check_number(expected);
        checked.map_err(|conflict| self.refusal(conflict, expected))
    }

    /// Decides a finish: returns whether it changes the run.
    ///
    /// # Errors
    ///
    /// [`Refusal::Finished`] if the attempt finished with another status.
    pub fn on_finish(&self, status: &str) -> Result<bool, Refusal> {
        let decided = self.stand().on_finish(status);
        decided.map_err(|conflict| self.refusal(conflict, None))
    }

    /// Decides a change of the status: returns whether it changes the run.
    ///
    /// # Errors
    ///
    /// [`Refusal::Finished`].
    pub fn on_set_status(&self, status: &str) -> Result<bool, Refusal> {
        let decided = self.stand().on_set_status(status);
        decided.map_err(|conflict| self.refusal(conflict, None))
    }

    /// Returns the version that a change makes.
    ///
    /// # Errors
    ///
    /// [`Refusal::LastVersion`].
    pub fn next_version(&self) -> Result<i64, Refusal> {
        check_version(&self.id, self.version)?;
        Ok(self.version + 1)
    }

    /// Returns what the decision depends on.
    fn stand(&self) -> runmeta_core::Attempt<'_> {
        runmeta_core::Attempt {
            number: self.number,
            status: &self.status,
            finished: self.finished_at.is_some(),
        }
    }

    fn refusal(&self, conflict: Conflict, given: Option<i32>) -> Refusal {
        let run = self.id.clone();
        match conflict {
            Conflict::Finished => Refusal::Finished {
                run,
                attempt: self.number,
                status: self.status.clone(),
                finished_at: self.finished_at,
            },
            Conflict::Stale => Refusal::StaleAttempt {
                run,
                attempt: given.unwrap_or_default(),
                current: self.number,
            },
            Conflict::NotBegun => Refusal::AttemptNotBegun {
                run,
                attempt: given.unwrap_or_default(),
                current: self.number,
            },
        }
    }
}
