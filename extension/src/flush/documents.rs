//! The documents of a flush: the lists are applied to each, and what changed is stored.

use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use runmeta_core::wire;

use super::batch::List;
use super::family::Addressed;
use super::outcome::Outcome;
use super::plan;
use super::slice::{self, Unstored};
use super::update::update;
use super::visit::Row;
use crate::document::{Draft, list, unapplied_list};
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;
use crate::run::check_writable;
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
    let now = pgrx::datum::clock_timestamp();
    for runs in runs.chunks(slice::RUNS) {
        // A connection a slice: its rows are freed with it.
        Spi::connect_mut(|client| match plan::is_possible() {
            true => in_one_pass(client, runs, lists, &mut outcomes, now),
            false => locked_first(client, runs, lists, &mut outcomes, now),
        })?;
    }
    Ok(outcomes)
}

/// Has one statement lock, change and store the runs.
fn in_one_pass(
    client: &mut SpiClient<'_>,
    runs: &[Addressed],
    lists: &[List<'_>],
    outcomes: &mut [Outcome],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    let gone = update(client, runs, now, |position, row| {
        apply(&row, &runs[position], lists, outcomes)
    })?;
    for position in gone {
        for place in &runs[position].lists {
            outcomes[*place as usize] = Outcome::bare(wire::Outcome::NotFound);
        }
    }
    Ok(())
}

/// Locks the runs, and stores what changes of them by other statements. Takes 1.3 times as long as one pass.
fn locked_first(
    client: &mut SpiClient<'_>,
    runs: &[Addressed],
    lists: &[List<'_>],
    outcomes: &mut [Outcome],
    now: TimestampWithTimeZone,
) -> Result<(), Refusal> {
    let mut unstored = Unstored::new(now);
    let ids = runs.iter().map(|run| &*run.id).collect();
    slice::lock(client, ids, |run| {
        let Ok(position) = runs.binary_search_by(|known| (*known.id).cmp(&run.id)) else {
            return Ok(());
        };
        let row = Row {
            root: &run.root,
            id: &run.id,
            metadata: &run.metadata,
            version: run.version,
            finished_at: run.finished_at,
        };
        match apply(&row, &runs[position], lists, outcomes)? {
            Some(document) => unstored.add(run, document),
            None => Ok(()),
        }
    })?;
    unstored.store()
}

/// Applies the lists for one run, and returns its document if it changed.
fn apply<'a>(
    row: &Row<'a>,
    run: &Addressed,
    lists: &[List<'a>],
    outcomes: &mut [Outcome],
) -> Result<Option<Jsonb<'static>>, Refusal> {
    let limit = settings::maximum_size();
    let closed = check_writable(row.id, row.version, row.finished_at).is_err();
    let mut draft = Draft::new(row.metadata, limit);
    if run.lists.len() > 1 && !closed {
        draft.measure();
    }
    let places = || run.lists.iter().map(|place| *place as usize);
    for place in places() {
        outcomes[place] = match closed {
            true => Outcome::bare(wire::Outcome::Closed),
            false => apply_list(&mut draft, &lists[place])?,
        };
    }
    let refuse = |error| Refusal::of_draft(error, row.id, limit);
    let document = draft.finish().map_err(refuse)?;
    let version = row.version + i64::from(document.is_some());
    places().for_each(|place| outcomes[place].version = Some(version));
    Ok(document)
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
