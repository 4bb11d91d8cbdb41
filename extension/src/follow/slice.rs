//! Some runs that follow their jobs: those that exist are locked, all that was put down for them and for those that do not
//! exist is taken, and both are stored by one statement each.

use std::collections::{HashMap, HashSet};

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::TEXTARRAYOID;
use pgrx::prelude::*;
use runmeta_core::{Followed, Progress};

use super::adapter::{self, Adapter};
use super::insert::{self, New};
use super::transition::{self, Transition};
use crate::document::{Changed, Draft, list};
use crate::inbox::{self, Taken};
use crate::jsonb::{self, Jsonb, check_for_interrupts};
use crate::owner;
use crate::refusal::Refusal;
use crate::run::{State, UnstoredStates};
use crate::settings;
use crate::statement::Statement;

thread_local! {
    static EXISTING: Statement = const { Statement::new(
        include_str!("sql/existing.sql"),
        &[TEXTARRAYOID],
    ) };
    static LOCK: Statement = const { Statement::new(
        include_str!("sql/lock.sql"),
        &[TEXTARRAYOID],
    ) };
}

/// Has runs follow, which come in the order of their ids, and returns the number of changes that they followed.
///
/// # Errors
///
/// [`Refusal`] for a run that cannot be stored. Errors of Postgres are raised.
pub fn follow(runs: &[String]) -> Result<i64, Refusal> {
    let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
    let existing = existing(&runs)?;
    let adapters = adapter::read()?;
    let now = clock_timestamp();
    let mut followed = 0;
    Spi::connect_mut(|client| {
        let mut rows =
            LOCK.with(|statement| statement.read_by_index(client, &[runs.clone().into()]))?;
        let mut locked = Vec::with_capacity(rows.len());
        while rows.next().is_some() {
            let (root, id) = rows.get_two::<String, String>()?;
            locked.push((root.unwrap_or_default(), id.unwrap_or_default()));
        }
        let names: Vec<(&str, &str)> = locked.iter().map(|(root, id)| (&**root, &**id)).collect();
        let is_free = |run: &&str| {
            !existing.contains(*run) || names.binary_search_by_key(run, |(_, id)| *id).is_ok()
        };
        let free: Vec<&str> = runs.iter().copied().filter(is_free).collect();
        let mut taken = by_run(transition::take(&free)?);
        let may_wait = inbox::may_wait(client, &names)?;
        let mut unstored = UnstoredStates::at(now);
        let mut rows = rows.rewind();
        for ((root, id), may_wait) in names.into_iter().zip(may_wait) {
            check_for_interrupts();
            rows.next();
            let Some(changes) = taken.remove(id) else {
                continue;
            };
            followed += changes.len();
            let waited = match may_wait {
                true => Spi::connect_mut(|client| inbox::take_one(client, root, id))?,
                false => Taken::default(),
            };
            let (state, document) = (State::read(&rows)?, State::read_document(&rows)?);
            follow_one(
                state,
                &document,
                &waited,
                &changes,
                &adapters,
                &mut unstored,
            )?;
        }
        unstored.store()?;
        // What is left has no run. A job that came and went has none either.
        let mut new = Vec::new();
        for (id, changes) in &taken {
            followed += changes.len();
            new.extend(make(id, changes, &adapters)?);
        }
        new.sort_unstable_by_key(|run| run.id);
        insert::insert(new, now)
    })?;
    Ok(i64::try_from(followed).unwrap_or(i64::MAX))
}

fn existing(runs: &[&str]) -> Result<HashSet<String>, Refusal> {
    Spi::connect_mut(|client| {
        let rows =
            EXISTING.with(|statement| statement.read_by_index(client, &[runs.to_vec().into()]))?;
        let mut existing = HashSet::with_capacity(rows.len());
        for row in rows {
            existing.insert(row.get::<String>(1)?.unwrap_or_default());
        }
        Ok(existing)
    })
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

/// Has a run that is locked follow, behind what waited for it.
fn follow_one(
    mut state: State,
    document: &Jsonb<'_>,
    waited: &Taken,
    changes: &[Transition],
    adapters: &HashMap<i32, Adapter>,
    unstored: &mut UnstoredStates,
) -> Result<(), Refusal> {
    let limit = settings::maximum_size();
    let mut draft = Draft::new(document, limit, state.size_bound);
    let folded = waited.apply(&mut draft, state.created_at)?;
    let last = || Refusal::LastVersion {
        run: state.attempt.id.clone(),
    };
    state.attempt.version = (state.attempt.version)
        .checked_add(folded.count)
        .ok_or_else(last)?;
    let mut progress = Progress {
        attempt: state.attempt.number,
        status: state.attempt.status.clone(),
        started_at: state.started_at,
        finished_at: state.attempt.finished_at,
    };
    let mut changed = false;
    for change in changes {
        check_may_write(change)?;
        let followed = progress.follow(&change.row());
        changed |= followed != Followed::Unchanged;
        if followed == Followed::Began
            && let Some(adapter) = adapters.get(&change.adapter)
        {
            apply(&mut draft, &adapter.start)?;
        }
        if followed != Followed::Unchanged
            && let Some(operations) = &change.operations
        {
            apply(&mut draft, operations)?;
        }
    }
    if !changed && folded.taken == 0 {
        return Ok(());
    }
    if changed {
        state.attempt.version = state.attempt.next_version()?;
    }
    state.attempt.number = progress.attempt;
    state.attempt.status = progress.status;
    state.attempt.finished_at = progress.finished_at;
    state.started_at = progress.started_at;
    let refuse = |error| Refusal::of_draft(error, &state.attempt.id, limit);
    let document = draft.finish().map_err(refuse)?;
    unstored.add(state, document, folded)
}

/// Returns the run that these changes make; `None` if its job is gone already and nobody has seen it.
fn make<'a>(
    id: &'a str,
    changes: &'a [Transition],
    adapters: &HashMap<i32, Adapter>,
) -> Result<Option<New<'a>>, Refusal> {
    let Some(first) = changes.iter().find(|change| !change.is_deleted()) else {
        return Ok(None);
    };
    let mut progress = Progress::new(&first.row());
    let empty = Jsonb::empty_object();
    let original = adapters
        .get(&first.adapter)
        .map_or(&empty, |adapter| &adapter.metadata);
    let limit = settings::maximum_size();
    let mut draft = Draft::new(original, limit, None);
    for change in changes {
        check_may_write(change)?;
        progress.follow(&change.row());
        if let Some(operations) = &change.operations {
            apply(&mut draft, operations)?;
        }
    }
    let refuse = |error| Refusal::of_draft(error, id, limit);
    let document = draft.finish().map_err(refuse)?.unwrap_or_else(|| Changed {
        bound: i32::try_from(jsonb::size(original.view())).unwrap_or(i32::MAX),
        metadata: original.clone(),
    });
    Ok(Some(New {
        id,
        task: changes.iter().find_map(|change| change.task.as_deref()),
        progress,
        document,
        created_at: first.created_at.unwrap_or(first.at),
    }))
}

/// Applies a list of ours. Where it would make the document too large, the document stays as it is: the status of the run
/// matters more.
fn apply<'a>(draft: &mut Draft<'a>, operations: &'a Jsonb<'a>) -> Result<(), Refusal> {
    let operations = list::read(operations.view())?;
    let _ = draft.apply(&operations);
    Ok(())
}

/// Whoever may not write every run by itself gains nothing by changing jobs.
fn check_may_write(change: &Transition) -> Result<(), Refusal> {
    match owner::role_may_write_any_run(&change.role) {
        true => Ok(()),
        false => Err(Refusal::NotAllowed {
            run: change.run.clone(),
        }),
    }
}
