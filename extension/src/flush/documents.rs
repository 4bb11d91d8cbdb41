//! The documents of a flush: the lists are applied to each, and what changed is stored.

use std::collections::HashSet;
use std::rc::Rc;

use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use runmeta_core::wire;

use super::batch::List;
use super::family::Addressed;
use super::outcome::Outcome;
use super::queue::Queue;
use super::slice;
use super::update::update;
use crate::document::{Changed, Draft, list, unapplied_list};
use crate::inbox;
use crate::one_pass::plan;
use crate::refusal::Refusal;
use crate::run::{Unstored, check_writable};
use crate::settings;

/// Applies the lists to the documents they are for, and fills in what became of each.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn write(
    lists: &[List<'_>],
    runs: &[Addressed],
    queue: &Queue,
    outcomes: &mut [Outcome],
) -> Result<(), Refusal> {
    let now = pgrx::datum::clock_timestamp();
    let waits = waiting(runs)?;
    let alike = |left: &(&Addressed, bool), right: &(&Addressed, bool)| left.1 == right.1;
    let runs: Vec<(&Addressed, bool)> = runs.iter().zip(waits).collect();
    // In the order of all runs, so that those for which lists wait are locked at their place.
    for runs in runs.chunk_by(alike) {
        let locks_first = runs.first().is_some_and(|(_, waits)| *waits) || !plan::is_possible();
        let runs: Vec<&Addressed> = runs.iter().map(|(run, _)| *run).collect();
        for runs in runs.chunks(slice::RUNS) {
            // A connection a slice: its rows are freed with it.
            Spi::connect_mut(|client| match locks_first {
                false => in_one_pass(client, runs, lists, queue, outcomes, now),
                true => locked_first(client, runs, lists, outcomes, now),
            })?;
        }
    }
    Ok(())
}

/// Returns for each run whether lists may wait for it. What is queued from now on comes after this flush.
fn waiting(runs: &[Addressed]) -> Result<Vec<bool>, Refusal> {
    if !inbox::waiting::is_counted() {
        let any = Spi::connect_mut(inbox::any)?;
        return Ok(vec![any; runs.len()]);
    }
    Ok(runs
        .iter()
        .map(|run| inbox::waiting::waits(&run.id))
        .collect())
}

/// Has one statement lock, change and store the runs. Lists for large documents are queued after it.
fn in_one_pass(
    client: &mut SpiClient<'_>,
    runs: &[&Addressed],
    lists: &[List<'_>],
    queue: &Queue,
    outcomes: &mut [Outcome],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    let mut large = Vec::new();
    let gone = update(client, runs, now, |position, row| {
        large.pop_if(|last| *last == position);
        if queue.is_for(
            &row,
            runs[position]
                .lists
                .iter()
                .map(|place| &lists[*place as usize]),
        )? {
            large.push(position);
            return Ok(None);
        }
        let state = State {
            id: row.id,
            version: row.version,
            finished_at: row.finished_at,
        };
        let draft = Draft::new(row.metadata, settings::maximum_size(), row.size_bound);
        let (changed, _) = apply(&state, draft, 0, runs[position], lists, outcomes)?;
        Ok(changed)
    })?;
    for position in gone {
        for place in &runs[position].lists {
            outcomes[*place as usize] = Outcome::bare(wire::Outcome::NotFound);
        }
    }
    let mut direct = Vec::new();
    for position in large {
        let run = runs[position];
        let places: Vec<usize> = run.lists.iter().map(|place| *place as usize).collect();
        queue.add(lists, &places, &HashSet::new(), outcomes)?;
        // Those that may not wait come after those that do, in the order of the batch.
        let queued = |place: &u32| outcomes[*place as usize].word == wire::Outcome::Queued;
        let left: Vec<u32> = run
            .lists
            .iter()
            .copied()
            .filter(|place| !queued(place))
            .collect();
        if !left.is_empty() {
            let id = Rc::clone(&run.id);
            direct.push(Addressed { id, lists: left });
        }
    }
    match direct.is_empty() {
        true => Ok(()),
        false => {
            let direct: Vec<&Addressed> = direct.iter().collect();
            locked_first(client, &direct, lists, outcomes, now)
        }
    }
}

/// Locks the runs, folds what waits for them, and stores what changes of them by other statements. Takes 1.3 times as long
/// as one pass.
fn locked_first(
    client: &mut SpiClient<'_>,
    runs: &[&Addressed],
    lists: &[List<'_>],
    outcomes: &mut [Outcome],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    let mut unstored = Unstored::at(now);
    let ids = runs.iter().map(|run| &*run.id).collect();
    slice::lock_and_take(client, ids, |run, taken| {
        let Ok(position) = runs.binary_search_by(|known| (*known.id).cmp(&run.id)) else {
            return Ok(());
        };
        let state = State {
            id: &run.id,
            version: run.version,
            finished_at: run.finished_at,
        };
        let mut draft = Draft::new(&run.metadata, settings::maximum_size(), run.size_bound);
        let folded = taken.apply(&mut draft, run.created_at)?;
        let (changed, version) =
            apply(&state, draft, folded.count, runs[position], lists, outcomes)?;
        match version > run.version || folded.taken > 0 {
            true => unstored.add(run, changed, version, folded),
            false => Ok(()),
        }
    })?;
    unstored.store()
}

/// A run as its row has it.
struct State<'a> {
    id: &'a str,
    version: i64,
    finished_at: Option<TimestampWithTimeZone>,
}

/// Applies the lists for one run to its document, in which so many lists that waited were folded. Returns the document if it
/// changed, and the run's version.
fn apply<'a>(
    state: &State<'_>,
    mut draft: Draft<'a>,
    folded: i64,
    run: &Addressed,
    lists: &[List<'a>],
    outcomes: &mut [Outcome],
) -> Result<(Option<Changed>, i64), Refusal> {
    let closed = check_writable(state.id, state.version, state.finished_at).is_err();
    if run.lists.len() > 1 && !closed {
        draft.measure();
    }
    let mut applied = false;
    let places = || run.lists.iter().map(|place| *place as usize);
    for place in places() {
        outcomes[place] = match closed {
            true => Outcome::bare(wire::Outcome::Closed),
            false => apply_list(&mut draft, &lists[place])?,
        };
        applied |= outcomes[place].word == wire::Outcome::Applied;
    }
    let limit = settings::maximum_size();
    let refuse = |error| Refusal::of_draft(error, state.id, limit);
    let changed = draft.finish().map_err(refuse)?;
    // Lists that take each other back change nothing, unless something was folded meanwhile.
    let own = match folded {
        0 => changed.is_some(),
        _ => applied,
    };
    let last = || Refusal::LastVersion {
        run: state.id.to_owned(),
    };
    let grown = state.version.checked_add(folded + i64::from(own));
    let version = grown.ok_or_else(last)?;
    places().for_each(|place| outcomes[place].version = Some(version));
    Ok((changed, version))
}

fn apply_list<'a>(draft: &mut Draft<'a>, list: &List<'a>) -> Result<Outcome, Refusal> {
    let operations = list::read(list.operations)?;
    Ok(match draft.apply(&operations) {
        Ok(applied) => Outcome {
            word: if applied.changed {
                wire::Outcome::Applied
            } else {
                wire::Outcome::Unchanged
            },
            version: None,
            unapplied: (!applied.unapplied.is_empty()).then(|| unapplied_list(&applied.unapplied)),
        },
        Err(_) => Outcome::bare(wire::Outcome::TooLarge),
    })
}
