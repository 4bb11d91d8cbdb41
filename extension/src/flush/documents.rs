//! The documents of a flush: the lists are applied to each, and what changed is stored.

use pgrx::prelude::*;
use runmeta_core::wire;

use super::batch::List;
use super::family::Addressed;
use super::outcome::Outcome;
use super::slice::{self, Unstored};
use crate::document::{Draft, list, unapplied_list};
use crate::inbox::Taken;
use crate::refusal::Refusal;
use crate::run::Locked;
use crate::settings;

/// Applies the lists to the documents they are for, and fills in what became of each.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn write(
    lists: &[List<'_>],
    runs: &[Addressed],
    outcomes: &mut [Outcome],
) -> Result<(), Refusal> {
    let mut unstored = Unstored::new(pgrx::datum::clock_timestamp());
    for runs in runs.chunks(slice::RUNS) {
        // A connection a slice: its rows are freed with it.
        Spi::connect_mut(|client| {
            slice::lock(client, runs, |position, run, taken| {
                apply(run, &taken, &runs[position], lists, outcomes, &mut unstored)
            })?;
            unstored.store()
        })?;
    }
    Ok(())
}

/// Applies what waited for one run and the lists for it, and keeps its document to be stored if it changed.
fn apply(
    run: Locked,
    taken: &Taken,
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
    let folded = taken.apply(&mut draft, run.created_at)?;
    let mut changed = false;
    let places = || addressed.lists.iter().map(|place| *place as usize);
    for place in places() {
        outcomes[place] = match closed {
            true => Outcome::bare(wire::Outcome::Closed),
            false => apply_list(&mut draft, &lists[place])?,
        };
        changed |= outcomes[place].word == wire::Outcome::Applied;
    }
    let refuse = |error| Refusal::of_draft(error, &run.id, limit);
    let document = draft.finish().map_err(refuse)?;
    // Lists that take each other back change nothing, unless something was folded meanwhile.
    let own = match folded.count {
        0 => document.is_some(),
        _ => changed,
    };
    let last = || Refusal::LastVersion {
        run: run.id.clone(),
    };
    let version = run
        .version
        .checked_add(folded.count + i64::from(own))
        .ok_or_else(last)?;
    places().for_each(|place| outcomes[place].version = Some(version));
    match version > run.version || folded.taken > 0 {
        true => unstored.add(run, document, version, folded),
        false => Ok(()),
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
