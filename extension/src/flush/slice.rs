//! Some of the runs of a flush: how many are taken at a time, and the way by which their rows are locked and read by one
//! statement and stored by another. [`update`](super::update) does all of that in one.
//!
//! A batch may be for more documents than fit into memory, so it is worked off in slices, each of runs of one shard in the order
//! of their ids. Of a slice only the rows as they are stored are held (documents over 2 kB are elsewhere, in TOAST), one document, and the
//! new versions of a few.

use std::thread::LocalKey;

use pgrx::pg_sys::BuiltinOid::TEXTARRAYOID;
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiTupleTable};

use super::family::Addressed;
use crate::inbox::{self, Taken};
use crate::jsonb::Jsonb;
use crate::jsonb::check_for_interrupts;
use crate::layout::ByRoot;
use crate::refusal::Refusal;
use crate::run::{Locked, State};

thread_local! {
    static LOCK: ByRoot = const { ByRoot::new(
        include_str!("sql/lock.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static LOCK_STATES: ByRoot = const { ByRoot::new(
        include_str!("sql/lock_states.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
}

/// Runs that one statement locks: the budget of a flush is measured with as many. Their rows may have 8 kB each.
pub const RUNS: usize = 1000;

/// Returns the slices of runs, which come in the order in which they are to be locked.
pub fn all<'s, 'r>(runs: &'s [&'r Addressed]) -> impl Iterator<Item = &'s [&'r Addressed]> {
    let of_one_shard = |left: &&Addressed, right: &&Addressed| left.shard == right.shard;
    runs.chunk_by(of_one_shard)
        .flat_map(|runs| runs.chunks(RUNS))
}

/// Runs a statement for a slice.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn read<'conn>(
    client: &mut SpiClient<'conn>,
    statement: &'static LocalKey<ByRoot>,
    runs: &[&Addressed],
) -> Result<SpiTupleTable<'conn>, Refusal> {
    let ids = runs.iter().map(|run| &*run.id).collect();
    let roots = runs.iter().map(|run| run.root.as_deref());
    statement.with(|statement| statement.read_known_by_index(client, ids, roots))
}

/// Locks the runs of a slice and calls `visit` with each that exists.
///
/// # Errors
///
/// Those of `visit`. Errors of Postgres are raised.
pub fn lock(
    client: &mut SpiClient<'_>,
    runs: &[&Addressed],
    mut visit: impl FnMut(Locked) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut rows = read(client, &LOCK, runs)?;
    while rows.next().is_some() {
        check_for_interrupts();
        visit(Locked::read(&rows)?)?;
    }
    Ok(())
}

/// Locks the runs of a slice, and calls `visit` with each that exists and what waited for it.
///
/// # Errors
///
/// As [`lock`].
pub fn lock_and_take(
    client: &mut SpiClient<'_>,
    runs: &[&Addressed],
    mut visit: impl FnMut(Locked, Taken) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let rows = read(client, &LOCK, runs)?;
    take(client, rows, |rows, taken| {
        visit(Locked::read(rows)?, taken)
    })
}

/// Locks the runs of a slice, and calls `visit` with each that exists, its document, which is read only if it is asked for,
/// and what waited for it.
///
/// # Errors
///
/// As [`lock`].
pub fn lock_states(
    client: &mut SpiClient<'_>,
    runs: &[&Addressed],
    mut visit: impl FnMut(
        State,
        &dyn Fn() -> Result<Jsonb<'static>, Refusal>,
        Taken,
    ) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let rows = read(client, &LOCK_STATES, runs)?;
    take(client, rows, |rows, taken| {
        visit(State::read(rows)?, &|| State::read_document(rows), taken)
    })
}

/// Calls `visit` with each row of runs that are locked, which begins with root_id and id, and what waited for the run.
fn take(
    client: &mut SpiClient<'_>,
    mut rows: SpiTupleTable<'_>,
    mut visit: impl FnMut(&SpiTupleTable<'_>, Taken) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut names = Vec::with_capacity(rows.len());
    while rows.next().is_some() {
        let (root, id) = rows.get_two::<String, String>()?;
        names.push((root.unwrap_or_default(), id.unwrap_or_default()));
    }
    let names: Vec<(&str, &str)> = names.iter().map(|(root, id)| (&**root, &**id)).collect();
    let may_wait = inbox::may_wait(client, &names)?;
    let mut rows = rows.rewind();
    for ((root, id), may_wait) in names.into_iter().zip(may_wait) {
        check_for_interrupts();
        rows.next();
        // In a connection of its own, whose rows are freed with it.
        let taken = match may_wait {
            true => Spi::connect_mut(|client| inbox::take_one(client, root, id))?,
            false => Taken::default(),
        };
        visit(&rows, taken)?;
    }
    Ok(())
}
