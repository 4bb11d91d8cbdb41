//! Some runs that follow their jobs: those that exist are locked, all that was recorded for them and for those that do not
//! exist is taken, and both are stored by one statement each.

use std::collections::{HashMap, HashSet};

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::TEXTARRAYOID;
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use super::adapter;
use super::change::{self, Documents};
use super::transition::{self, Amount, Transition};
use super::{Done, Locking, Stored};
use super::{head, insert, place};
use crate::inbox::{self, Taken};
use crate::jsonb::check_for_interrupts;
use crate::layout::ByRoot;
use crate::refusal::Refusal;
use crate::run::{State, UnstoredStates};

thread_local! {
    static EXISTING: ByRoot = const { ByRoot::new(
        include_str!("sql/existing.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static LOCK: ByRoot = const { ByRoot::new(
        concat!(include_str!("../flush/sql/lock_states.sql"), "SKIP LOCKED"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
    static AWAIT_LOCK: ByRoot = const { ByRoot::new(
        include_str!("../flush/sql/lock_states.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
}

/// Has runs follow, which come in the order of their ids.
///
/// # Errors
///
/// [`Refusal`] for a run that cannot be stored. Errors of Postgres are raised.
pub fn follow(
    runs: &[&str],
    locking: Locking,
    documents: Documents,
    amount: Amount,
) -> Result<Done, Refusal> {
    Spi::connect_mut(|client| follow_slice(client, runs, locking, documents, amount))
}

fn follow_slice(
    client: &mut SpiClient<'_>,
    runs: &[&str],
    locking: Locking,
    documents: Documents,
    amount: Amount,
) -> Result<Done, Refusal> {
    let lock = match locking {
        Locking::Skip => &LOCK,
        Locking::Await | Locking::Insist => &AWAIT_LOCK,
    };
    let mut rows = lock.with(|statement| statement.lock_by_index(client, runs.to_vec()))?;
    let mut locked = Vec::with_capacity(rows.len());
    while rows.next().is_some() {
        let (root, id) = rows.get_two::<String, String>()?;
        locked.push((root.unwrap_or_default(), id.unwrap_or_default()));
    }
    let names: Vec<(&str, &str)> = locked.iter().map(|(root, id)| (&**root, &**id)).collect();

    let mut free: HashSet<&str> = names.iter().map(|(_, id)| *id).collect();
    let mut absent: Vec<&str> = runs.to_vec();
    absent.retain(|run| !free.contains(run));
    // Most are locked, and so are there.
    let existing = existing(client, &absent)?;
    absent.retain(|run| !existing.contains(*run));
    let heads = head::lock(&absent, locking)?;
    let mut places = place::find(&heads)?;
    free.extend(
        heads
            .iter()
            .filter(|head| !head.is_there || places.known.contains_key(&head.run))
            .map(|head| head.run.as_str()),
    );
    let taken = transition::take(&free.iter().copied().collect::<Vec<_>>(), amount)?;
    let changes = taken.len();
    let mut taken = by_run(transition::keep_sound(taken)?);

    let (adapters, now) = (adapter::read()?, clock_timestamp());
    let mut done = Done {
        changes,
        ..Done::default()
    };
    let may_wait = inbox::may_wait(client, &names)?;
    let mut unstored = UnstoredStates::at(now);
    let mut rows = rows.rewind();
    for ((root, id), may_wait) in names.iter().copied().zip(may_wait) {
        check_for_interrupts();
        rows.next();
        let Some(changes) = taken.remove(id) else {
            continue;
        };
        let waited = match may_wait {
            true => Spi::connect_mut(|client| inbox::take_one(client, root, id))?,
            false => Taken::default(),
        };
        let (state, document) = (State::read(&rows)?, State::read_document(&rows)?);
        let followed = change::follow(state, &document, &waited, &changes, &adapters, documents)?;
        if let Some((state, document, folded)) = followed {
            done.stored.push(Stored {
                root: state.attempt.root.clone(),
                id: state.attempt.id.clone(),
                version: state.attempt.version,
            });
            unstored.add(state, document, folded)?;
        }
    }
    unstored.store()?;

    // What is left has no run.
    let mut new = Vec::with_capacity(taken.len());
    for (id, changes) in &taken {
        let place = places.known.remove(id);
        if place.as_ref().is_some_and(|place| place.is_orphan)
            && let Some(parent) = changes.iter().find_map(|change| change.parent.as_deref())
        {
            transition::keep_orphan(changes, parent)?;
        }
        new.extend(change::make(id, changes, place, &adapters, documents)?);
    }
    new.sort_unstable_by_key(|run| run.id);
    done.stored.extend(new.iter().map(|run| Stored {
        root: run.place.root.to_string(),
        id: run.id.to_owned(),
        version: 1,
    }));
    insert::insert(new, now)?;
    let left = runs.iter().filter(|run| !free.contains(*run));
    done.left = left.map(|run| (*run).to_owned()).collect();
    done.parents = places.missing;
    Ok(done)
}

fn existing(client: &mut SpiClient<'_>, runs: &[&str]) -> Result<HashSet<String>, Refusal> {
    if runs.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = EXISTING.with(|statement| statement.read_by_index(client, runs.to_vec()))?;
    let mut existing = HashSet::with_capacity(rows.len());
    for row in rows {
        existing.insert(row.get::<String>(1)?.unwrap_or_default());
    }
    Ok(existing)
}

fn by_run(taken: Vec<Transition>) -> HashMap<String, Vec<Transition>> {
    let mut runs: HashMap<String, Vec<Transition>> = HashMap::new();
    for change in taken {
        match runs.get_mut(&change.run) {
            Some(changes) => changes.push(change),
            None => {
                runs.insert(change.run.clone(), vec![change]);
            }
        }
    }
    runs
}
