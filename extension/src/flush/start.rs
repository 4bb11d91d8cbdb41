//! The starts of a batch: runs that do not exist are inserted, in the order of their ids.
//!
//! So two batches that start the same runs wait for each other at most one way. Nothing is locked yet then but parents
//! against deletion: rows come after this, and a row that another batch has inserted and not committed is not waited for
//! there.
//!
//! What remains is for runs that exist. A start that stands alone in the batch is decided as the single call does it, without
//! a lock, unless an attempt begins. All others are decided when their runs are locked.

use std::collections::{BTreeMap, HashMap, HashSet};

use pgrx::datetime::clock_timestamp;
use pgrx::prelude::*;
use runmeta_core::wire;

use super::batch::{Content, Part};
use super::family::SLICE;
use super::outcome::{Outcome, refuse};
use super::placement::{self, Place};
use crate::announce;
use crate::inbox;
use crate::jsonb::check_for_interrupts;
use crate::process;
use crate::refusal::Refusal;
use crate::run::{
    Attempt, NewRun, Parent, Placed, TakenId, check_final, check_unfinished, insert_many,
};
use crate::subtransaction;

/// A run may be deleted between the insertion that it prevents and the look at it. More than once is a guess at the most
/// that happens by chance; then it is there and hidden.
const TRIES: usize = 3;

/// Checks starts, statuses and finishes for what no run can have.
///
/// # Errors
///
/// What concerns the whole batch.
pub fn check(parts: &[Part<'_>], outcomes: &mut [Option<Outcome>]) -> Result<(), Refusal> {
    for (place, part) in parts.iter().enumerate() {
        check_for_interrupts();
        let checked = match &part.content {
            Content::Start(run) => run.check(),
            Content::Operations(_) => continue,
            Content::Status(change) => check_unfinished(change.status),
            Content::Finish(change) => check_final(change.status),
        };
        if let Err(refusal) = checked
            && outcomes[place].is_none()
        {
            refuse(parts, place, refusal, None, outcomes)?;
        }
    }
    Ok(())
}

/// Inserts the runs that are started and do not exist, and decides the starts for which no run has to be locked.
///
/// # Errors
///
/// What concerns the whole batch. Errors of Postgres are raised.
pub fn insert<'a>(parts: &'a [Part<'a>], outcomes: &mut [Option<Outcome>]) -> Result<(), Refusal> {
    let mut starts = Starts::default();
    for (place, part) in parts.iter().enumerate().rev() {
        if let Content::Start(run) = &part.content
            && outcomes[place].is_none()
        {
            starts.pending.entry(run.id).or_default().push((place, run));
        }
    }
    if starts.pending.is_empty() {
        return Ok(());
    }
    let (mut taken, mut found) = (HashSet::new(), HashMap::new());
    let (mut made, mut places) = (HashMap::new(), None);
    loop {
        starts.find(&mut found)?;
        if let Some(places) = &places {
            starts.refuse(parts, places, outcomes)?;
        }
        if starts.pending.is_empty() {
            break;
        }
        let (inserted, in_places) = insert_pending(&starts.runs(), &mut taken)?;
        for (id, version) in inserted {
            let of_run = starts.pending.remove(id);
            let Some((place, _)) = of_run.and_then(|of_run| of_run.last().copied()) else {
                continue;
            };
            if let Some(Place::In { root, .. }) = in_places.get(id) {
                announce::changed(root, id, version);
            }
            outcomes[place] = Some(Outcome {
                version: Some(version),
                ..Outcome::bare(wire::Outcome::Applied)
            });
            made.insert(id, place);
        }
        places = Some(in_places);
    }
    refuse_before(parts, &made, outcomes);
    decide_alone(parts, &found, outcomes)
}

/// Starts of runs that are neither inserted nor found, by run, those of one run in the reverse order of the batch.
#[derive(Default)]
struct Starts<'a> {
    pending: BTreeMap<&'a str, Vec<(usize, &'a NewRun<'a>)>>,
    tries: HashMap<&'a str, usize>,
}

impl<'a> Starts<'a> {
    /// Returns the first start of each run.
    fn runs(&self) -> BTreeMap<&'a str, &'a NewRun<'a>> {
        let first = |(id, of_run): (&&'a str, &Vec<(usize, &'a NewRun<'a>)>)| {
            of_run.last().map(|(_, run)| (*id, *run))
        };
        self.pending.iter().filter_map(first).collect()
    }

    /// Moves the runs that exist to those that are found.
    fn find(&mut self, found: &mut HashMap<&'a str, Attempt>) -> Result<(), Refusal> {
        let ids: Vec<&'a str> = self.pending.keys().copied().collect();
        for ids in ids.chunks(SLICE) {
            let attempts = Spi::connect_mut(|client| Attempt::find_many(client, ids))?;
            for attempt in attempts {
                if let Some((id, _)) = self.pending.remove_entry(attempt.id.as_str()) {
                    found.insert(id, attempt);
                }
            }
        }
        Ok(())
    }

    /// Refuses the first start of each run that has no place or was tried often enough. The next one of the run is tried.
    fn refuse(
        &mut self,
        parts: &[Part<'_>],
        places: &HashMap<&str, Place<'_>>,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), Refusal> {
        let mut gone = Vec::new();
        for (id, of_run) in &mut self.pending {
            let Some((place, run)) = of_run.last().copied() else {
                continue;
            };
            let (run_id, parent) = (run.id.to_owned(), run.parent.unwrap_or_default().to_owned());
            let refusal = match places.get(id) {
                Some(Place::NoParent) => Refusal::NoSuchParent {
                    run: run_id,
                    parent,
                },
                Some(Place::TooDeep) => Refusal::LastDepth { run: parent },
                _ => {
                    let tries = self.tries.entry(id).or_insert(0);
                    *tries += 1;
                    if *tries < TRIES {
                        continue;
                    }
                    Refusal::HiddenRun { run: run_id }
                }
            };
            refuse(parts, place, refusal, None, outcomes)?;
            of_run.pop();
            if of_run.is_empty() {
                gone.push(*id);
            }
        }
        gone.iter().for_each(|id| drop(self.pending.remove(id)));
        Ok(())
    }
}

/// Runs that were inserted, with their versions.
type Inserted<'a> = HashMap<&'a str, i64>;

/// Inserts those of the runs that have a place and whose ids are free. That all are is tried first. A run whose parent was
/// to be inserted with it and was not, because its id is taken, may have got into a wrong tree: then all is done again, with
/// what is known by then.
fn insert_pending<'a>(
    runs: &BTreeMap<&'a str, &'a NewRun<'a>>,
    taken: &mut HashSet<&'a str>,
) -> Result<(Inserted<'a>, HashMap<&'a str, Place<'a>>), Refusal> {
    let mut ids = TakenId::IsAnError;
    loop {
        check_for_interrupts();
        let places = placement::find(runs, taken)?;
        let mut misplacing = HashSet::new();
        let inserted = subtransaction::keep_or_undo(|| {
            let inserted = insert_placed(runs, &places, ids)?;
            misplacing = find_misplacing(&inserted, &places)?;
            Ok(misplacing.is_empty().then_some(inserted))
        })?;
        if let Some(inserted) = inserted {
            return Ok((inserted, places));
        }
        taken.extend(misplacing.into_iter().flatten());
        ids = TakenId::IsLeftOut;
    }
}

fn insert_placed<'a>(
    runs: &BTreeMap<&'a str, &'a NewRun<'a>>,
    places: &HashMap<&'a str, Place<'a>>,
    taken: TakenId,
) -> Result<Inserted<'a>, Refusal> {
    let mut inserted = HashMap::new();
    let placed = runs.values().filter_map(|run| match places.get(run.id) {
        Some(Place::In { root, depth, .. }) => Some(Placed {
            run,
            root,
            depth: *depth,
        }),
        _ => None,
    });
    insert_many(placed, taken, clock_timestamp(), |id, version| {
        if let Some((id, _)) = runs.get_key_value(id) {
            inserted.insert(*id, version);
        }
    })?;
    Ok(inserted)
}

/// Returns the parents of inserted runs that another session started elsewhere, as `None`, or that are hidden.
fn find_misplacing<'a>(
    inserted: &Inserted<'a>,
    places: &HashMap<&'a str, Place<'a>>,
) -> Result<HashSet<Option<&'a str>>, Refusal> {
    let relied_on = inserted.keys().filter_map(|id| match places.get(id) {
        Some(Place::In { relies_on, .. }) => relies_on.filter(|id| !inserted.contains_key(id)),
        _ => None,
    });
    let relied_on: HashSet<&str> = relied_on.collect();
    let ids: Vec<&str> = relied_on.iter().copied().collect();
    let mut stored = HashMap::new();
    for ids in ids.chunks(SLICE) {
        Spi::connect_mut(|client| Parent::find_many(client, ids, &mut stored))?;
    }
    let misplacing =
        relied_on
            .into_iter()
            .filter_map(|id| match (stored.get(id), places.get(id)) {
                (None, _) => Some(Some(id)),
                (Some(stored), Some(Place::In { root, depth, .. }))
                    if stored.root == **root && stored.depth == *depth =>
                {
                    None
                }
                (Some(_), _) => Some(None),
            });
    Ok(misplacing.collect())
}

/// Refuses what entries before the start that made a run were to do for it.
fn refuse_before(
    parts: &[Part<'_>],
    made: &HashMap<&str, usize>,
    outcomes: &mut [Option<Outcome>],
) {
    for (place, (part, outcome)) in parts.iter().zip(outcomes).enumerate() {
        if outcome.is_none() && made.get(part.run).is_some_and(|start| place < *start) {
            *outcome = Some(Outcome::bare(wire::Outcome::NotFound));
        }
    }
}

/// Decides the starts of runs of which the batch has nothing else, as they were found, unless an attempt begins.
fn decide_alone(
    parts: &[Part<'_>],
    found: &HashMap<&str, Attempt>,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), Refusal> {
    // The lock of a row raises 40001 if the run has changed since the snapshot.
    if found.is_empty() || process::has_one_snapshot() {
        return Ok(());
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for part in parts {
        *counts.entry(part.run).or_default() += 1;
    }
    let mut unchanged = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        check_for_interrupts();
        let (Content::Start(run), Some(attempt)) = (&part.content, found.get(part.run)) else {
            continue;
        };
        if outcomes[place].is_some() || counts.get(part.run) != Some(&1) {
            continue;
        }
        match attempt.on_start(run.attempt) {
            Ok(None) => unchanged.push((place, attempt)),
            Ok(Some(_)) => {}
            Err(refusal) => refuse(parts, place, refusal, Some(attempt.version), outcomes)?,
        }
    }
    for unchanged in unchanged.chunks(SLICE) {
        Spi::connect_mut(|client| {
            let names = unchanged
                .iter()
                .map(|(_, attempt)| (&*attempt.root, &*attempt.id));
            let names: Vec<(&str, &str)> = names.collect();
            let may_wait = inbox::may_wait(client, &names)?;
            for ((place, attempt), may_wait) in unchanged.iter().zip(may_wait) {
                let version = match may_wait {
                    true => attempt.live_version(client)?,
                    false => attempt.version,
                };
                outcomes[*place] = Some(Outcome {
                    version: Some(version),
                    ..Outcome::bare(wire::Outcome::Unchanged)
                });
            }
            Ok::<_, Refusal>(())
        })?;
    }
    Ok(())
}
