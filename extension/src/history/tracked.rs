//! Which numbers of which tasks are tracked, as each session knows it.
//!
//! Those of a task are read once, and again after somebody has called `track` or `untrack`: they have Postgres notify all sessions
//! that the table has changed, as it does of the form of a table. Not those of all tasks: reading 10,000 numbers took a session 25 ms.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use pgrx::datum::Interval;
use pgrx::pg_sys::BuiltinOid::TEXTOID;
use pgrx::prelude::*;
use runmeta_core::Key;

use crate::owner::{self, AsOwner};
use crate::process;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static TRACKED: Statement = const { Statement::new(
        include_str!("sql/tracked.sql"),
        &[TEXTOID],
    ) };
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
    /// The table, once it was read.
    static TABLE: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::Oid::INVALID) };
    /// How often it has changed since.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// A number that is tracked.
pub struct Number {
    /// Its key.
    pub key: Key,
    /// Microseconds from a sample to the next, at the least.
    pub every: i64,
    /// Samples that are kept, at the most.
    pub keep: usize,
}

impl Number {
    /// Returns what the number of a run is known by in [`due`](super::due). Not by the id alone, under which another run may be
    /// started when it was deleted.
    pub fn hash(&self, run_id: &str, created_at: TimestampWithTimeZone) -> u64 {
        let mut hasher = DefaultHasher::new();
        let created_at = pg_sys::TimestampTz::from(created_at);
        (run_id, created_at, self.key.as_str()).hash(&mut hasher);
        hasher.finish()
    }
}

struct Known {
    /// The number of the transaction to which this is confined: its snapshot may be older than what others have committed.
    transaction: Option<u32>,
    /// Those of the tasks that were asked for.
    by_task: HashMap<String, Option<Rc<[Number]>>>,
}

/// Tasks that a session remembers, 100 bytes each where nothing is tracked. A guess: more than most databases have.
const REMEMBERED: usize = 1024;

/// Returns the tracked numbers of a task; `None` if there are none.
///
/// # Errors
///
/// [`Refusal::NotMigrated`]; errors of Postgres are raised.
pub fn of_task(task: &str) -> Result<Option<Rc<[Number]>>, Refusal> {
    let known = KNOWN.with_borrow(|known| {
        let known = known.as_ref()?;
        let holds = known
            .transaction
            .is_none_or(|transaction| transaction == process::transaction_number());
        holds.then(|| known.by_task.get(task).cloned())?
    });
    if let Some(numbers) = known {
        return Ok(numbers);
    }
    let table = owner::tracked_table();
    if TABLE.replace(table) == pg_sys::Oid::INVALID {
        process::on_changed_table(forget);
    }
    let changes = CHANGES.get();
    let numbers = read(task)?;
    // What has changed meanwhile may not have been seen.
    if changes == CHANGES.get() {
        remember(task, numbers.clone());
    }
    Ok(numbers)
}

fn remember(task: &str, numbers: Option<Rc<[Number]>>) {
    let transaction = process::has_one_snapshot().then(process::transaction_number);
    KNOWN.with_borrow_mut(|known| {
        // What one snapshot sees and what others do are not kept together.
        let kept = known
            .take()
            .filter(|known| known.transaction == transaction && known.by_task.len() < REMEMBERED);
        let mut by_task = kept.map(|known| known.by_task).unwrap_or_default();
        by_task.insert(task.to_owned(), numbers);
        *known = Some(Known {
            transaction,
            by_task,
        });
    });
}

/// Has all sessions read the table again: this one at once, and others when the transaction has committed.
pub fn changed() {
    process::tell_changed_table(owner::tracked_table());
}

/// Called by Postgres with each table that has changed, or with none where all may have. It may not look up anything here.
extern "C-unwind" fn forget(_: pg_sys::Datum, table: pg_sys::Oid) {
    if table == pg_sys::Oid::INVALID || table == TABLE.get() {
        CHANGES.set(CHANGES.get().wrapping_add(1));
        KNOWN.set(None);
    }
}

fn read(task: &str) -> Result<Option<Rc<[Number]>>, Refusal> {
    let mut numbers = Vec::new();
    Spi::connect_mut(|client| {
        let _owner = AsOwner::of_history()?;
        for row in TRACKED.with(|statement| statement.run(client, &[task.into()]))? {
            let key = row.get::<String>(1)?;
            let (every, keep) = (row.get::<Interval>(2)?, row.get::<i32>(3)?);
            // A key that is no path was put there by hand.
            if let Some(Ok(key)) = key.map(|key| Key::parse(&key)) {
                numbers.push(Number {
                    key,
                    every: every.map_or(0, |every| microseconds(&every)),
                    keep: keep.map_or(0, |keep| usize::try_from(keep).unwrap_or(0)),
                });
            }
        }
        Ok::<_, Refusal>(())
    })?;
    Ok((!numbers.is_empty()).then(|| numbers.into()))
}

/// Returns the microseconds of an interval, a month of which has 30 days.
pub fn microseconds(interval: &Interval) -> i64 {
    i64::try_from(interval.as_micros()).unwrap_or(i64::MAX)
}
