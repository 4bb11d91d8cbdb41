//! The documents of a flush: the lists are applied to each, and what changed is stored.

use std::collections::HashSet;
use std::rc::Rc;

use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use runmeta_core::wire;

use super::batch::{List, Part};
use super::family::Addressed;
use super::in_shard;
use super::outcome::Outcome;
use super::queue::Queue;
use super::slice;
use super::update::update;
use crate::document::{Changed, Draft, list, unapplied_list};
use crate::inbox;
use crate::layout;
use crate::one_pass::plan;
use crate::owner;
use crate::refusal::Refusal;
use crate::run::{Unstored, check_writable};
use crate::settings;

/// Applies the lists to the documents they are for, and fills in what became of each.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn write(
    parts: &[Part<'_>],
    runs: &[Addressed],
    queue: &Queue,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), Refusal> {
    let now = pgrx::datum::clock_timestamp();
    // A statement that can find no row by a policy is one that Citus fails at.
    if layout::is_distributed() && !owner::sees_some_runs_only() {
        let runs: Vec<&Addressed> = runs.iter().collect();
        return slice::all(&runs).try_for_each(|runs| in_shard::write(runs, parts, outcomes, now));
    }
    let waits = waiting(runs)?;
    let alike = |left: &(&Addressed, bool), right: &(&Addressed, bool)| left.1 == right.1;
    let runs: Vec<(&Addressed, bool)> = runs.iter().zip(waits).collect();
    // In the order of all runs, so that those for which lists wait are locked at their place.
    for runs in runs.chunk_by(alike) {
        let waits = runs.first().is_some_and(|(_, waits)| *waits);
        // Where the layout is split, rows of several trees come part by part, and not in the order of their ids.
        let locks_first = waits || !plan::is_possible() || layout::is_split();
        let runs: Vec<&Addressed> = runs.iter().map(|(run, _)| *run).collect();
        for runs in slice::all(&runs) {
            // A connection a slice: its rows are freed with it.
            Spi::connect_mut(|client| match locks_first {
                false => in_one_pass(client, runs, parts, queue, outcomes, now),
                true => locked_first(client, runs, parts, Some(queue), outcomes, now),
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
    parts: &[Part<'_>],
    queue: &Queue,
    outcomes: &mut [Option<Outcome>],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    let mut large = Vec::new();
    let gone = update(client, runs, now, |position, row| {
        large.pop_if(|last| *last == position);
        let stored = Stored {
            id: row.id,
            version: row.version,
            is_closed: is_closed(row.id, row.version, row.finished_at),
        };
        let lists = || lists(parts, &runs[position].parts);
        if queue.is_for(row.id, row.size_bound, row.finished_at, lists())? {
            large.push(position);
            return Ok(None);
        }
        let draft = Draft::new(row.metadata, settings::maximum_size(), row.size_bound);
        let (changed, _) = apply(&stored, draft, 0, &runs[position].parts, parts, outcomes)?;
        Ok(changed)
    })?;
    for position in gone {
        for place in &runs[position].parts {
            outcomes[*place as usize] = Some(Outcome::bare(wire::Outcome::NotFound));
        }
    }
    let large: Vec<&Addressed> = large.into_iter().map(|position| runs[position]).collect();
    queue_or_write(client, &large, parts, queue, outcomes, now)
}

/// Queues the lists for runs with large documents, and writes those directly that may not wait.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn queue_or_write(
    client: &mut SpiClient<'_>,
    runs: &[&Addressed],
    parts: &[Part<'_>],
    queue: &Queue,
    outcomes: &mut [Option<Outcome>],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    let mut direct = Vec::new();
    for run in runs {
        let places: Vec<usize> = run.parts.iter().map(|place| *place as usize).collect();
        queue.add(parts, &places, &HashSet::new(), outcomes)?;
        // Those that may not wait come after those that do, in the order of the batch.
        let left = run.parts.iter().copied();
        let left: Vec<u32> = left
            .filter(|place| outcomes[*place as usize].is_none())
            .collect();
        if !left.is_empty() {
            direct.push(Addressed {
                id: Rc::clone(&run.id),
                root: run.root.clone(),
                is_guess: run.is_guess,
                shard: run.shard,
                parts: left,
            });
        }
    }
    match direct.is_empty() {
        true => Ok(()),
        false => {
            let direct: Vec<&Addressed> = direct.iter().collect();
            locked_first(client, &direct, parts, None, outcomes, now)
        }
    }
}

/// Locks the runs, folds what waits for them, and stores what changes of them by other statements. Takes 1.3 times as long
/// as one pass. Lists for large documents for which nothing waits are queued after it, if there is a queue.
///
/// # Errors
///
/// [`Refusal::TooManyBytes`], [`Refusal::LastVersion`], [`Refusal::NotStored`]. Errors of Postgres are raised.
pub fn locked_first(
    client: &mut SpiClient<'_>,
    runs: &[&Addressed],
    parts: &[Part<'_>],
    queue: Option<&Queue>,
    outcomes: &mut [Option<Outcome>],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    let mut unstored = Unstored::at(now);
    let mut large = Vec::new();
    slice::lock_and_take(client, runs, |run, taken| {
        let Ok(position) = runs.binary_search_by(|known| (*known.id).cmp(&run.id)) else {
            return Ok(());
        };
        let stored = Stored {
            id: &run.id,
            version: run.version,
            is_closed: is_closed(&run.id, run.version, run.finished_at),
        };
        if let Some(queue) = queue.filter(|_| taken.is_empty()) {
            let lists = lists(parts, &runs[position].parts);
            if queue.is_for(&run.id, run.size_bound, run.finished_at, lists)? {
                large.push(runs[position]);
                return Ok(());
            }
        }
        let mut draft = Draft::new(&run.metadata, settings::maximum_size(), run.size_bound);
        let folded = taken.apply(&mut draft, run.created_at)?;
        let places = &runs[position].parts;
        let (changed, version) = apply(&stored, draft, folded.count, places, parts, outcomes)?;
        match version > run.version || folded.taken > 0 {
            true => unstored.add(run, changed, version, folded),
            false => Ok(()),
        }
    })?;
    unstored.store()?;
    match queue {
        Some(queue) if !large.is_empty() => {
            queue_or_write(client, &large, parts, queue, outcomes, now)
        }
        _ => Ok(()),
    }
}

/// A run as its row has it.
pub struct Stored<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its version.
    pub version: i64,
    /// True if it takes no writes any more.
    pub is_closed: bool,
}

/// Returns true if a run takes no writes any more.
pub fn is_closed(id: &str, version: i64, finished_at: Option<TimestampWithTimeZone>) -> bool {
    check_writable(id, version, finished_at).is_err()
}

/// Returns the lists at these places.
pub fn lists<'b, 'a>(
    parts: &'b [Part<'a>],
    places: &'b [u32],
) -> impl Iterator<Item = &'b List<'a>> {
    places
        .iter()
        .filter_map(|place| parts[*place as usize].list())
}

/// Applies the lists for one run to its document, in which so many lists that waited were folded. Returns the document if it
/// changed, and the run's version.
///
/// # Errors
///
/// [`Refusal::TooManyBytes`], [`Refusal::LastVersion`].
pub fn apply<'a>(
    stored: &Stored<'_>,
    mut draft: Draft<'a>,
    folded: i64,
    places: &[u32],
    parts: &[Part<'a>],
    outcomes: &mut [Option<Outcome>],
) -> Result<(Option<Changed>, i64), Refusal> {
    if places.len() > 1 && !stored.is_closed {
        draft.measure();
    }
    let mut applied = false;
    for (place, list) in places.iter().zip(lists(parts, places)) {
        let outcome = match stored.is_closed {
            true => Outcome::bare(wire::Outcome::Closed),
            false => apply_list(&mut draft, list)?,
        };
        applied |= outcome.word == wire::Outcome::Applied;
        outcomes[*place as usize] = Some(outcome);
    }
    let limit = settings::maximum_size();
    let refuse = |error| Refusal::of_draft(error, stored.id, limit);
    let changed = draft.finish().map_err(refuse)?;
    // Lists that take each other back change nothing, unless something was folded meanwhile.
    let own = match folded {
        0 => changed.is_some(),
        _ => applied,
    };
    let last = || Refusal::LastVersion {
        run: stored.id.to_owned(),
    };
    let grown = stored.version.checked_add(folded + i64::from(own));
    let version = grown.ok_or_else(last)?;
    set_version(places, version, outcomes);
    Ok((changed, version))
}

/// Fills in the version that a run has behind these parts.
pub fn set_version(places: &[u32], version: i64, outcomes: &mut [Option<Outcome>]) {
    for place in places {
        if let Some(outcome) = &mut outcomes[*place as usize] {
            outcome.version = Some(version);
        }
    }
}

/// Applies a list to a document.
///
/// # Errors
///
/// [`Refusal`] for a list that cannot be read.
pub fn apply_list<'a>(draft: &mut Draft<'a>, list: &List<'a>) -> Result<Outcome, Refusal> {
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
