//! What a batch does that was not seen before.

use pgrx::prelude::*;
use runmeta_core::wire::{self, Target};

use super::batch::{Content, Part};
use super::contract;
use super::family::{Addressed, Roots, SLICE};
use super::outcome::{Outcome, refuse};
use super::queue::Queue;
use super::{documents, family, start, states, stream};
use crate::follow;
use crate::layout;
use crate::owner;
use crate::refusal::Refusal;

/// Rounds for runs that are deleted between the look at them and their lock. A guess, as for a single start.
const ROUNDS: usize = 3;

/// Has all parts of a batch take effect, and returns what became of each.
///
/// # Errors
///
/// What concerns the whole batch. Errors of Postgres are raised.
pub fn write(parts: &[Part<'_>], writer: Option<pgrx::Uuid>) -> Result<Vec<Outcome>, Refusal> {
    let starts = parts.iter().filter_map(|part| match &part.content {
        Content::Start(run) => Some((run.parent?, Target::Own)),
        _ => None,
    });
    let written = parts.iter().map(|part| (part.run, part.member().target()));
    follow::before::addressed(starts.chain(written))?;
    let queue = Queue::new(writer);
    let outcomes = match owner::runs_have_triggers() {
        false => {
            let mut outcomes: Vec<Option<Outcome>> = parts.iter().map(|_| None).collect();
            attempt(parts, &queue, &mut outcomes)?;
            await_missed(parts, &outcomes)?;
            outcomes
        }
        true => contract::without_refused(parts, |outcomes| attempt(parts, &queue, outcomes))?,
    };
    // Nothing was found for those that are left.
    let not_found = || Outcome::bare(wire::Outcome::NotFound);
    let outcomes = outcomes.into_iter();
    Ok(outcomes
        .map(|outcome| outcome.unwrap_or_else(not_found))
        .collect())
}

/// Waits for [commits under way](layout::appear) where a part has found no run.
///
/// # Errors
///
/// [`Refusal::CommittedMeanwhile`] if one is there now: what its part has for a parent or root comes before what later parts have for
/// them, which took effect.
fn await_missed(parts: &[Part<'_>], outcomes: &[Option<Outcome>]) -> Result<(), Refusal> {
    if !layout::is_distributed() {
        return Ok(());
    }
    let missed = parts.iter().zip(outcomes);
    let missed = missed.filter(|(_, outcome)| outcome.is_none());
    let mut missed: Vec<&str> = missed.map(|(part, _)| part.run).collect();
    missed.sort_unstable();
    missed.dedup();
    for ids in missed.chunks(SLICE) {
        if Spi::connect_mut(|client| layout::appear(client, ids))? {
            return Err(Refusal::CommittedMeanwhile);
        }
    }
    Ok(())
}

/// Has the parts take effect of which it is not known what becomes, and returns the runs that they are for.
fn attempt(
    parts: &[Part<'_>],
    queue: &Queue,
    outcomes: &mut [Option<Outcome>],
) -> Result<Vec<Addressed>, Refusal> {
    if parts.iter().any(Part::changes_state) {
        return write_states(parts, queue, outcomes);
    }
    queue.fill(parts, outcomes)?;
    let is_list = |place: usize| parts[place].list().is_some();
    let mut runs = Vec::new();
    for roots in [Roots::Guessed, Roots::Found] {
        let is_left = |place: usize| outcomes[place].is_none() && is_list(place);
        let of_round = family::resolve(parts, roots, is_left)?;
        documents::write(parts, &of_round, queue, outcomes)?;
        let is_missed = |run: &Addressed| {
            let mut parts = run.parts.iter();
            run.is_guess && parts.any(|place| outcomes[*place as usize].is_none())
        };
        let are_found = !of_round.iter().any(is_missed);
        runs.extend(of_round);
        if are_found {
            break;
        }
    }
    stream::write(parts, Vec::new(), outcomes)?;
    Ok(runs)
}

fn write_states(
    parts: &[Part<'_>],
    queue: &Queue,
    outcomes: &mut [Option<Outcome>],
) -> Result<Vec<Addressed>, Refusal> {
    start::check(parts, outcomes)?;
    start::insert(parts, outcomes)?;
    let waiting = queue.admit_left(parts, outcomes)?;
    let mut streams = Vec::new();
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        if round > 0 {
            start::insert(parts, outcomes)?;
        }
        let mut runs = family::resolve(parts, Roots::Found, |place| {
            let waits = waiting.binary_search_by_key(&place, |waiting| waiting.place);
            outcomes[place].is_none() && waits.is_err()
        })?;
        stream::set_apart(parts, &mut runs);
        states::write(parts, &runs, queue, outcomes, &mut streams)?;
        all.extend(runs);
        if !is_undecided(parts, outcomes) {
            break;
        }
    }
    for place in 0..parts.len() {
        if parts[place].is_start() && outcomes[place].is_none() {
            // It is there, and row-level security keeps it from being locked.
            let run = parts[place].run.to_owned();
            refuse(parts, place, Refusal::NotAllowed { run }, None, outcomes)?;
        }
    }
    stream::write(parts, streams, outcomes)?;
    queue.insert(waiting, outcomes)?;
    Ok(all)
}

/// Returns true if a start has found its run and could not lock it.
fn is_undecided(parts: &[Part<'_>], outcomes: &[Option<Outcome>]) -> bool {
    let mut parts = parts.iter().zip(outcomes);
    parts.any(|(part, outcome)| part.is_start() && outcome.is_none())
}
