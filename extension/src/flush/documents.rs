//! The documents of a flush: the lists are applied to each, and what changed is stored.

use pgrx::prelude::*;
use runmeta_core::wire;

use super::batch::List;
use super::family::Addressed;
use super::outcome::Outcome;
use super::slice::{self, Unstored};
use crate::document::{Draft, list, unapplied_list};
use crate::refusal::Refusal;
use crate::run::Locked;
use crate::settings;

/// Applies the lists to the documents they are for, and returns what became of each list.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn write(lists: &[List<'_>], runs: &[Addressed]) -> Result<Vec<Outcome>, Refusal> {
    let mut outcomes: Vec<Outcome> = lists
        .iter()
        .map(|_| Outcome::bare(wire::Outcome::NotFound))
        .collect();
    let mut unstored = Unstored::new(pgrx::datum::clock_timestamp());
    for runs in runs.chunks(slice::RUNS) {
        // A connection a slice: its rows are freed with it.
        Spi::connect_mut(|client| {
            slice::lock(client, runs, |position, run| {
                apply(run, &runs[position], lists, &mut outcomes, &mut unstored)
            })?;
            unstored.store()
        })?;
    }
    Ok(outcomes)
}

/// Applies the lists for one run, and keeps its document to be stored if it changed.
fn apply(
    run: Locked,
    addressed: &Addressed,
    lists: &[List<'_>],
    outcomes: &mut [Outcome],
    unstored: &mut Unstored,
) -> Result<(), Refusal> {
    let limit = settings::maximum_size();
    let closed = run.check_open().is_err();
    let mut draft = Draft::new(&run.metadata, limit, run.size_bound);
    if addressed.lists.len() > 1 && !closed {
        draft.measure();
    }
    let places = || addressed.lists.iter().map(|place| *place as usize);
    for place in places() {
        outcomes[place] = match closed {
            true => Outcome::bare(wire::Outcome::Closed),
            false => apply_list(&mut draft, &lists[place])?,
        };
    }
    let refuse = |error| Refusal::of_draft(error, &run.id, limit);
    let document = draft.finish().map_err(refuse)?;
    let version = run.version + i64::from(document.is_some());
    places().for_each(|place| outcomes[place].version = Some(version));
    match document {
        Some(document) => unstored.add(run, document),
        None => Ok(()),
    }
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
