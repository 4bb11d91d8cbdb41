//! One run: locking it, looking at it, storing its document.

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{INT4OID, INT8OID, JSONBOID, TEXTOID, TIMESTAMPTZOID};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError, SpiTupleTable};
use runmeta_core::wire::{Target, fits_text};

use super::find_existing;
use crate::announce;
use crate::document::Changed;
use crate::jsonb::Jsonb;
use crate::layout::{self, ByRoot};
use crate::refusal::Refusal;
use crate::settings;
use crate::statement::Statement;

thread_local! {
    static LOCK_OWN: ByRoot = const { ByRoot::new(
        include_str!("sql/lock_own.sql"),
        &[TEXTOID, INT4OID, TEXTOID],
    ) };
    static LOCK_PARENT: Statement = const { Statement::new(
        include_str!("sql/lock_parent.sql"),
        &[TEXTOID],
    ) };
    static LOCK_ROOT: Statement = const { Statement::new(
        include_str!("sql/lock_root.sql"),
        &[TEXTOID],
    ) };
    static STORE: Statement = const { Statement::new(
        include_str!("sql/store.sql"),
        &[TEXTOID, TEXTOID, JSONBOID, INT8OID, TIMESTAMPTZOID, INT4OID],
    ) };
}

/// A run whose row is locked until the transaction ends.
pub struct Locked {
    /// The first run of its tree.
    pub root: String,
    /// Its id.
    pub id: String,
    /// Its document.
    pub metadata: Jsonb<'static>,
    /// Its version.
    pub version: i64,
    /// When it finished, if it did.
    pub finished_at: Option<TimestampWithTimeZone>,
    /// When it was started.
    pub created_at: TimestampWithTimeZone,
    /// What its document has at the most as compact JSON, in bytes, if that is known.
    pub size_bound: Option<i32>,
}

impl Locked {
    /// Locks the run that is addressed from `run_id`.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchRun`], [`Refusal::NoSuchRelative`], [`Refusal::NotAllowed`].
    pub fn lock(
        client: &mut SpiClient<'_>,
        run_id: &str,
        target: Target,
    ) -> Result<Locked, Refusal> {
        find_existing(client, run_id, target, |client| {
            Locked::try_lock(client, run_id, target)
        })
    }

    fn try_lock(
        client: &mut SpiClient<'_>,
        run_id: &str,
        target: Target,
    ) -> Result<Option<Locked>, Refusal> {
        let lock = match target {
            Target::Own => return Locked::lock_below(client, run_id, None),
            Target::Parent => &LOCK_PARENT,
            Target::Root => &LOCK_ROOT,
        };
        let rows = match layout::is_split() {
            true => Locked::lock_relative(client, run_id, target)?,
            false => Some(lock.with(|statement| statement.run(client, &[run_id.into()]))?),
        };
        let Some(mut rows) = rows else {
            return Ok(None);
        };
        rows.next().map(|_| Locked::read(&rows)).transpose()
    }

    /// Locks the run that is addressed from `run_id`, where the layout is split.
    fn lock_relative<'conn>(
        client: &mut SpiClient<'conn>,
        run_id: &str,
        target: Target,
    ) -> Result<Option<SpiTupleTable<'conn>>, Refusal> {
        let Some((root, id)) = layout::relative(client, run_id, target)? else {
            return Ok(None);
        };
        let any_size = vec![None::<i32>.into()];
        LOCK_OWN.with(|statement| statement.run_in(client, &root, &id, any_size).map(Some))
    }

    /// Locks a run whose document has less than so many bytes, as far as that is known. `None` if there is none.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn lock_below(
        client: &mut SpiClient<'_>,
        run_id: &str,
        threshold: Option<i32>,
    ) -> Result<Option<Locked>, Refusal> {
        let others = vec![threshold.into()];
        let rows = LOCK_OWN.with(|statement| statement.run(client, run_id, others))?;
        let Some(mut rows) = rows else {
            return Ok(None);
        };
        rows.next().map(|_| Locked::read(&rows)).transpose()
    }

    /// Reads the row that `rows` stands at: root_id, id, metadata, version, finished_at, created_at, size_bound.
    ///
    /// # Errors
    ///
    /// [`Refusal::Query`] for a NULL where the table allows none.
    pub fn read(rows: &SpiTupleTable<'_>) -> Result<Locked, Refusal> {
        let required = || Refusal::Query(SpiError::InvalidPosition);
        Ok(Locked {
            root: rows.get(1)?.ok_or_else(required)?,
            id: rows.get(2)?.ok_or_else(required)?,
            metadata: rows.get(3)?.ok_or_else(required)?,
            version: rows.get(4)?.ok_or_else(required)?,
            finished_at: rows.get(5)?,
            created_at: rows.get(6)?.ok_or_else(required)?,
            size_bound: rows.get(7)?,
        })
    }

    /// Checks that the run takes writes.
    ///
    /// # Errors
    ///
    /// [`Refusal::Closed`] if it finished longer ago than the update window; [`Refusal::LastVersion`].
    pub fn check_open(&self) -> Result<(), Refusal> {
        check_writable(&self.id, self.version, self.finished_at)
    }

    /// Stores a document, or the one that there is, as this version, and has it announced.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotStored`]; errors of Postgres are raised.
    pub fn store(
        &self,
        client: &mut SpiClient<'_>,
        changed: Option<Changed>,
        version: i64,
    ) -> Result<(), Refusal> {
        let (metadata, bound) = match changed {
            Some(changed) => (Some(changed.metadata), Some(changed.bound)),
            None => (None, None),
        };
        STORE.with(|statement| {
            let arguments = [
                self.root.as_str().into(),
                self.id.as_str().into(),
                metadata.into(),
                version.into(),
                clock_timestamp().into(),
                bound.into(),
            ];
            statement.store(client, &arguments, 1)
        })?;
        announce::changed(&self.root, &self.id, version);
        Ok(())
    }
}

/// Checks that a run with this version that finished at this time takes writes.
///
/// # Errors
///
/// As [`Locked::check_open`].
pub fn check_writable(
    id: &str,
    version: i64,
    finished_at: Option<TimestampWithTimeZone>,
) -> Result<(), Refusal> {
    check_version(id, version)?;
    check_open(id, finished_at)
}

/// Checks that a run that finished at this time takes writes.
///
/// # Errors
///
/// [`Refusal::Closed`] if that is longer ago than the update window.
pub fn check_open(id: &str, finished_at: Option<TimestampWithTimeZone>) -> Result<(), Refusal> {
    let (Some(finished_at), Some(window)) = (finished_at, settings::update_window()) else {
        return Ok(());
    };
    // The clock, not the transaction's start: a long transaction does not hold a run open.
    if microseconds_since(finished_at) > i64::from(window) * 1_000_000 {
        return Err(Refusal::Closed {
            run: id.to_owned(),
            finished_at,
            window,
        });
    }
    Ok(())
}

/// Returns the microseconds from a time to now, by the clock.
pub(super) fn microseconds_since(time: TimestampWithTimeZone) -> i64 {
    let microseconds = |time: TimestampWithTimeZone| pg_sys::TimestampTz::from(time);
    microseconds(clock_timestamp()).saturating_sub(microseconds(time))
}

/// Checks that a run can have another version.
///
/// # Errors
///
/// [`Refusal::LastVersion`] at the end of a bigint, where only a raw `UPDATE` can bring it.
pub(super) fn check_version(id: &str, version: i64) -> Result<(), Refusal> {
    match version {
        i64::MAX => Err(Refusal::LastVersion { run: id.to_owned() }),
        _ => Ok(()),
    }
}

/// Checks the length of a text that is kept with a run.
///
/// # Errors
///
/// [`Refusal::BadLength`] if it [does not fit](fits_text).
pub fn check_length(argument: &'static str, text: &str) -> Result<(), Refusal> {
    match fits_text(text) {
        true => Ok(()),
        false => Err(Refusal::BadLength {
            argument,
            bytes: text.len(),
        }),
    }
}
