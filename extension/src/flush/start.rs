//! The starts of a batch: runs that do not exist are inserted, in the order of their ids.
//!
//! So two batches that start the same runs wait for each other at most one way. Nothing is locked yet then but parents
//! against deletion: rows come after this, and a row that another batch has inserted and not committed is not waited for
//! there.
//!
//! What remains is for runs that exist. A start that stands alone in the batch is decided as the single call does it, without
//! a lock, unless an attempt begins. All others are decided when their runs are locked.

use std::collections::{HashMap, HashSet};

use pgrx::datetime::clock_timestamp;
use pgrx::prelude::*;
use runmeta_core::wire;

use super::batch::{Content, Part};
use super::family::SLICE;
use super::outcome::{Outcome, refuse};
use super::placement::{self, Choice, Place, Start, Starts};
use crate::announce;
use crate::inbox;
use crate::jsonb::check_for_interrupts;
use crate::layout;
use crate::process;
use crate::refusal::Refusal;
use crate::run::{
    Attempt, Parent, Placed, TakenId, check_final, check_unfinished, id_is_taken, insert_many,
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
            Content::Operations(_) | Content::Stream(_) => continue,
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
    let mut starts: Vec<Start<'a>> = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        if let Content::Start(run) = &part.content
            && outcomes[place].is_none()
        {
            starts.push((place, run));
        }
    }
    // Of those of one run, the order stays.
    starts.sort_by_key(|(_, run)| run.id);
    let of_one_run = |left: &Start<'_>, right: &Start<'_>| left.1.id == right.1.id;
    let mut pending: Vec<Pending<'_, 'a>> = starts
        .chunk_by(of_one_run)
        .map(|starts| Pending {
            starts,
            tries: 0,
            is_awaited: false,
        })
        .collect();
    let alone = Alone::among(parts, &pending);
    let (mut taken, mut made) = (HashSet::new(), HashMap::new());
    loop {
        pending = leave_out_found(pending, parts, &alone, outcomes)?;
        if pending.is_empty() {
            break;
        }
        let runs: Vec<Starts<'_, 'a>> = pending.iter().map(|run| run.starts).collect();
        let (choices, versions) = insert_pending(&runs, &mut taken)?;
        let mut left = Vec::new();
        for ((run, choice), version) in pending.into_iter().zip(choices).zip(versions) {
            check_for_interrupts();
            let run = run.after_refusal(choice.refused, parts, outcomes)?;
            match (version, choice.place) {
                (Some(version), Place::In { root, .. }) => {
                    let (start, new) = run.starts[0];
                    announce::changed(&root, new.id, version);
                    outcomes[start] = Some(Outcome {
                        version: Some(version),
                        ..Outcome::bare(wire::Outcome::Applied)
                    });
                    made.insert(new.id, start);
                }
                (_, Place::In { .. } | Place::AboveParent) => {
                    left.extend(run.after_try(parts, outcomes)?);
                }
                (_, Place::NoParent | Place::TooDeep) => {}
            }
        }
        pending = left;
    }
    refuse_before(parts, &made, outcomes);
    Ok(())
}

/// Starts of a run that is neither inserted nor found.
struct Pending<'s, 'a> {
    /// From the first that is not refused.
    starts: Starts<'s, 'a>,
    tries: usize,
    /// It was looked for after the [commits under way](layout::appear).
    is_awaited: bool,
}

/// Runs of which the batch has nothing but one start, which is decided without a lock.
struct Alone<'a>(HashMap<&'a str, u32>);

impl<'a> Alone<'a> {
    fn among(parts: &[Part<'a>], starts: &[Pending<'_, 'a>]) -> Self {
        let mut counts = HashMap::new();
        // Where all statements see the same snapshot, the lock of a row raises 40001 if the run has changed since.
        if !starts.is_empty() && !process::has_one_snapshot() {
            for part in parts {
                check_for_interrupts();
                *counts.entry(part.run).or_default() += 1;
            }
        }
        Alone(counts)
    }

    fn contains(&self, run: &str) -> bool {
        self.0.get(run) == Some(&1)
    }
}

/// Leaves out runs that exist, and decides the starts of those that can be decided without a lock.
fn leave_out_found<'s, 'a>(
    pending: Vec<Pending<'s, 'a>>,
    parts: &[Part<'_>],
    alone: &Alone<'_>,
    outcomes: &mut [Option<Outcome>],
) -> Result<Vec<Pending<'s, 'a>>, Refusal> {
    let mut found = vec![false; pending.len()];
    for (slice, found) in pending.chunks(SLICE).zip(found.chunks_mut(SLICE)) {
        let ids: Vec<&str> = slice.iter().map(Pending::id).collect();
        Spi::connect_mut(|client| {
            let mut unchanged = Vec::new();
            for attempt in Attempt::find_many(client, &ids)? {
                let Ok(position) = ids.binary_search(&attempt.id.as_str()) else {
                    continue;
                };
                found[position] = true;
                let (start, run) = slice[position].starts[0];
                if !alone.contains(run.id) {
                    continue;
                }
                match attempt.on_start(run.attempt) {
                    Ok(None) => unchanged.push((start, attempt)),
                    Ok(Some(_)) => {}
                    Err(refusal) => {
                        refuse(parts, start, refusal, Some(attempt.version), outcomes)?;
                    }
                }
            }
            let names = unchanged.iter();
            let names = names.map(|(_, attempt)| (attempt.root.as_str(), attempt.id.as_str()));
            let may_wait = inbox::may_wait(client, &names.collect::<Vec<_>>())?;
            for ((start, attempt), may_wait) in unchanged.iter().zip(may_wait) {
                let version = match may_wait {
                    true => attempt.live_version(client)?,
                    false => attempt.version,
                };
                outcomes[*start] = Some(Outcome {
                    version: Some(version),
                    ..Outcome::bare(wire::Outcome::Unchanged)
                });
            }
            Ok::<_, Refusal>(())
        })?;
    }
    let left = pending.into_iter().zip(found).filter(|(_, found)| !found);
    Ok(left.map(|(run, _)| run).collect())
}

impl Pending<'_, '_> {
    fn id(&self) -> &str {
        self.starts[0].1.id
    }

    /// Refuses the first starts, which have no place.
    fn after_refusal(
        mut self,
        refused: Vec<Place>,
        parts: &[Part<'_>],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Self, Refusal> {
        for place in refused {
            let (start, run) = self.starts[0];
            let parent = run.parent.unwrap_or_default().to_owned();
            let refusal = match place {
                Place::TooDeep => Refusal::LastDepth { run: parent },
                _ => Refusal::NoSuchParent {
                    run: run.id.to_owned(),
                    parent,
                },
            };
            refuse(parts, start, refusal, None, outcomes)?;
            self.starts = &self.starts[1..];
        }
        Ok(self)
    }

    /// Refuses the first start of a run whose id was taken and that was not found, if that happened too often, and returns
    /// the run if it is to be tried again.
    fn after_try(
        mut self,
        parts: &[Part<'_>],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Option<Self>, Refusal> {
        self.tries += 1;
        if self.tries == TRIES {
            let (start, run) = self.starts[0];
            if !self.is_awaited {
                self.is_awaited = true;
                if Spi::connect_mut(|client| layout::appear(client, &[run.id]))? {
                    self.tries = 0;
                    return Ok(Some(self));
                }
            }
            refuse(parts, start, id_is_taken(run.id), None, outcomes)?;
            self.starts = &self.starts[1..];
            self.tries = 0;
        }
        Ok((!self.starts.is_empty()).then_some(self))
    }
}

/// Inserts those of the runs that have a place and whose ids are free, and returns the place of each, and its version if it
/// was inserted. That all are free is tried first. A run whose parent was to be inserted with it and was not, because its id
/// is taken, may have got into a wrong tree: then all is done again, with what is known by then.
fn insert_pending<'a>(
    runs: &[Starts<'_, 'a>],
    taken: &mut HashSet<&'a str>,
) -> Result<(Vec<Choice>, Vec<Option<i64>>), Refusal> {
    let mut ids = TakenId::IsAnError;
    loop {
        check_for_interrupts();
        let choices = placement::find(runs, taken)?;
        let mut misplacing = HashSet::new();
        let versions = subtransaction::keep_or_undo(|| {
            let versions = insert_placed(runs, &choices, ids)?;
            misplacing = find_misplacing(runs, &choices, &versions)?;
            Ok(misplacing.is_empty().then_some(versions))
        })?;
        if let Some(versions) = versions {
            return Ok((choices, versions));
        }
        taken.extend(misplacing.into_iter().flatten());
        ids = TakenId::IsLeftOut;
    }
}

fn insert_placed(
    runs: &[Starts<'_, '_>],
    choices: &[Choice],
    taken: TakenId,
) -> Result<Vec<Option<i64>>, Refusal> {
    let placed = runs.iter().zip(choices).filter_map(|(starts, choice)| {
        let Place::In { root, depth, .. } = &choice.place else {
            return None;
        };
        Some(Placed {
            run: starts[choice.refused.len()].1,
            root,
            depth: *depth,
        })
    });
    let mut versions = vec![None; runs.len()];
    insert_many(placed, taken, clock_timestamp(), |id, version| {
        if let Ok(position) = placement::position(runs, id) {
            versions[position] = Some(version);
        }
    })?;
    Ok(versions)
}

/// Returns the parents of inserted runs that another session started elsewhere, as `None`, or that are hidden.
fn find_misplacing<'a>(
    runs: &[Starts<'_, 'a>],
    choices: &[Choice],
    versions: &[Option<i64>],
) -> Result<HashSet<Option<&'a str>>, Refusal> {
    let mut relied_on = HashSet::new();
    for (choice, version) in choices.iter().zip(versions) {
        if let Place::In {
            relies_on: Some(parent),
            ..
        } = choice.place
            && version.is_some()
            && versions[parent].is_none()
        {
            relied_on.insert(parent);
        }
    }
    let ids: Vec<&str> = relied_on
        .iter()
        .map(|parent| runs[*parent][0].1.id)
        .collect();
    let mut stored = HashMap::new();
    for ids in ids.chunks(SLICE) {
        Spi::connect_mut(|client| Parent::find_many(client, ids, &mut stored))?;
    }
    let misplacing = relied_on.into_iter().filter_map(|parent| {
        let id = runs[parent][0].1.id;
        match (stored.get(id), &choices[parent].place) {
            (None, _) => Some(Some(id)),
            (Some(stored), Place::In { root, depth, .. })
                if stored.root == *root && stored.depth == *depth =>
            {
                None
            }
            (Some(_), _) => Some(None),
        }
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
