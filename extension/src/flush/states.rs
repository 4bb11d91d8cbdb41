//! The runs of a batch that also starts runs, sets their status or finishes them. They are locked first, all parts for a run
//! take effect in the order of the batch, and the run is stored once.

use std::cmp::Reverse;
use std::collections::HashMap;

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::TEXTARRAYOID;
use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use runmeta_core::wire;

use super::batch::{Content, Part};
use super::documents::{Stored, apply, apply_list, is_closed, lists, queue_or_write, set_version};
use super::family::Addressed;
use super::outcome::{Outcome, refuse};
use super::queue::Queue;
use super::slice;
use super::stream::Placed;
use crate::document::{Changed, Draft};
use crate::inbox::{Applied, Taken};
use crate::jsonb::{Jsonb, check_for_interrupts};
use crate::layout::ByRoot;
use crate::refusal::Refusal;
use crate::run::{State, UnstoredStates, check_open};
use crate::settings;
use crate::stream::Holder;

thread_local! {
    static LOCK_ALL: ByRoot = const { ByRoot::new(
        include_str!("sql/lock_all.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
}

/// Locks the runs, has their parts take effect, and fills in what became of each. What is to be done to streams is added to
/// `streams`, with the runs as they are at that place of the batch: it is done when all runs are locked.
///
/// # Errors
///
/// What concerns the whole batch. Errors of Postgres are raised.
pub fn write(
    parts: &[Part<'_>],
    runs: &[Addressed],
    queue: &Queue,
    outcomes: &mut [Option<Outcome>],
    streams: &mut Vec<Placed>,
) -> Result<(), Refusal> {
    let now = clock_timestamp();
    let batch = Batch { parts, queue, now };
    let runs: Vec<&Addressed> = runs.iter().collect();
    if !decides_for_others(parts, &runs, outcomes) {
        return batch.write(&runs, outcomes, streams);
    }
    for runs in lock_by_depth(&runs)? {
        batch.write(&runs, outcomes, streams)?;
    }
    Ok(())
}

/// Returns true if the start of a run that is to be locked decides whether lists of its entry reach a parent or a root that
/// is to be locked too.
fn decides_for_others(
    parts: &[Part<'_>],
    runs: &[&Addressed],
    outcomes: &[Option<Outcome>],
) -> bool {
    let mut places = runs.iter().flat_map(|run| &run.parts);
    places.any(|place| {
        let place = *place as usize;
        !parts[place].is_own() && waits_for_start(parts, place, outcomes)
    })
}

/// Returns true if the entry of this part starts its run, and it is not known yet whether that is refused.
fn waits_for_start(parts: &[Part<'_>], place: usize, outcomes: &[Option<Outcome>]) -> bool {
    let entry = parts[place].entry;
    let of_entry = (0..place)
        .rev()
        .take_while(|before| parts[*before].entry == entry);
    let first = of_entry.last();
    first.is_some_and(|first| parts[first].is_start() && outcomes[first].is_none())
}

/// Locks all runs in their order, so that they may be worked off in another one: the lowest of each tree first. Then it is
/// known whether the start of a run is refused when the lists of its entry come to its parent and its root. Within a depth
/// they stay in their order.
fn lock_by_depth<'r>(runs: &[&'r Addressed]) -> Result<Vec<Vec<&'r Addressed>>, Refusal> {
    let mut depths = HashMap::with_capacity(runs.len());
    for slice in slice::all(runs) {
        Spi::connect_mut(|client| {
            let rows = slice::read(client, &LOCK_ALL, slice)?;
            for row in rows {
                check_for_interrupts();
                let id = row.get::<&str>(1)?.unwrap_or_default();
                if let Ok(at) = slice.binary_search_by(|run| (*run.id).cmp(id)) {
                    depths.insert(&*slice[at].id, row.get::<i32>(2)?.unwrap_or(0));
                }
            }
            Ok::<_, Refusal>(())
        })?;
    }
    let depth = |run: &&Addressed| Reverse(depths.get(&*run.id).copied().unwrap_or(0));
    let mut sorted = runs.to_vec();
    sorted.sort_by_key(depth);
    let alike = |left: &&Addressed, right: &&Addressed| depth(left) == depth(right);
    Ok(sorted.chunk_by(alike).map(<[_]>::to_vec).collect())
}

/// What the work on each run needs of the batch.
struct Batch<'b, 'a> {
    parts: &'b [Part<'a>],
    queue: &'b Queue,
    now: TimestampWithTimeZone,
}

impl<'a> Batch<'_, 'a> {
    /// Works off runs, which come in the order in which they are locked.
    fn write(
        &self,
        runs: &[&Addressed],
        outcomes: &mut [Option<Outcome>],
        streams: &mut Vec<Placed>,
    ) -> Result<(), Refusal> {
        for runs in slice::all(runs) {
            // A connection a slice: its rows are freed with it.
            Spi::connect_mut(|client| self.write_slice(client, runs, outcomes, streams))?;
        }
        Ok(())
    }

    fn write_slice(
        &self,
        client: &mut SpiClient<'_>,
        runs: &[&Addressed],
        outcomes: &mut [Option<Outcome>],
        streams: &mut Vec<Placed>,
    ) -> Result<(), Refusal> {
        let mut unstored = UnstoredStates::at(self.now);
        let mut large = Vec::new();
        slice::lock_states(client, runs, |mut state, document, taken| {
            let found = runs.binary_search_by(|run| (*run.id).cmp(&state.attempt.id));
            let Ok(position) = found else {
                return Ok(());
            };
            let run = runs[position];
            if self.has_only_lists(run) && taken.is_empty() && self.is_for_queue(&state, run)? {
                large.push(run);
                return Ok(());
            }
            let document = match taken.is_empty() && self.needs_no_document(run) {
                true => Jsonb::empty_object(),
                false => document()?,
            };
            let before = state.attempt.version;
            let (changed, folded) =
                self.apply(&mut state, &document, &taken, run, outcomes, streams)?;
            match state.attempt.version > before || folded.taken > 0 {
                true => unstored.add(state, changed, folded),
                false => Ok(()),
            }
        })?;
        unstored.store()?;
        queue_or_write(client, &large, self.parts, self.queue, outcomes, self.now)
    }

    fn has_only_lists(&self, run: &Addressed) -> bool {
        lists(self.parts, &run.parts).count() == run.parts.len()
    }

    fn is_for_queue(&self, state: &State, run: &Addressed) -> Result<bool, Refusal> {
        let lists = lists(self.parts, &run.parts);
        let (id, finished_at) = (&state.attempt.id, state.attempt.finished_at);
        self.queue.is_for(id, state.size_bound, finished_at, lists)
    }

    /// Returns true if a run gets only a status or chunks: then its document, which may be a large one, is not read.
    fn needs_no_document(&self, run: &Addressed) -> bool {
        let is_change = |place: &u32| {
            let content = &self.parts[*place as usize].content;
            matches!(
                content,
                Content::Stream(_) | Content::Status(_) | Content::Finish(_)
            )
        };
        run.parts.iter().all(is_change)
    }

    /// Has the parts for a run take effect, behind what waited for it. Returns the document if it changed.
    fn apply(
        &self,
        state: &mut State,
        document: &Jsonb<'_>,
        taken: &Taken,
        run: &Addressed,
        outcomes: &mut [Option<Outcome>],
        streams: &mut Vec<Placed>,
    ) -> Result<(Option<Changed>, Applied), Refusal> {
        let limit = settings::maximum_size();
        let mut draft = Draft::new(document, limit, state.size_bound);
        let folded = taken.apply(&mut draft, state.created_at)?;
        if self.has_only_lists(run) {
            let attempt = &state.attempt;
            let stored = Stored {
                id: &attempt.id,
                version: attempt.version,
                is_closed: is_closed(&attempt.id, attempt.version, attempt.finished_at),
            };
            let places = run.parts.iter().copied();
            let places: Vec<u32> = places
                .filter(|place| self.is_next(*place, outcomes))
                .collect();
            let (changed, version) =
                apply(&stored, draft, folded.count, &places, self.parts, outcomes)?;
            state.attempt.version = version;
            return Ok((changed, folded));
        }
        let last = || Refusal::LastVersion {
            run: state.attempt.id.clone(),
        };
        let version = state.attempt.version.checked_add(folded.count);
        state.attempt.version = version.ok_or_else(last)?;
        if lists(self.parts, &run.parts).count() > 1 {
            draft.measure();
        }
        let mut group = Vec::new();
        for place in run.parts.iter().copied() {
            check_for_interrupts();
            if !self.is_next(place, outcomes) {
                continue;
            }
            match &self.parts[place as usize].content {
                Content::Operations(list) => {
                    let attempt = &state.attempt;
                    let closed = is_closed(&attempt.id, attempt.version, attempt.finished_at);
                    outcomes[place as usize] = Some(match closed {
                        true => Outcome::bare(wire::Outcome::Closed),
                        false => apply_list(&mut draft, list)?,
                    });
                    group.push(place);
                }
                Content::Stream(_) => {
                    let closed = check_open(&state.attempt.id, state.attempt.finished_at).is_err();
                    // Taken for done: what became of it is filled in later.
                    outcomes[place as usize] = Some(Outcome::bare(match closed {
                        true => wire::Outcome::Closed,
                        false => wire::Outcome::Unchanged,
                    }));
                    if !closed {
                        streams.push(Placed {
                            place: place as usize,
                            run: holder(state),
                        });
                    }
                }
                change => {
                    end_group(&mut group, state, outcomes);
                    let changed = self.change(state, change, &mut draft);
                    self.fill_in(place, changed, state, outcomes)?;
                }
            }
        }
        end_group(&mut group, state, outcomes);
        let refuse = |error| Refusal::of_draft(error, &state.attempt.id, limit);
        Ok((draft.finish().map_err(refuse)?, folded))
    }

    /// Returns true if a part is to take effect now: it is not refused already, nor can it be by a start that another run
    /// has before it.
    fn is_next(&self, place: u32, outcomes: &[Option<Outcome>]) -> bool {
        let place = place as usize;
        outcomes[place].is_none() && !waits_for_start(self.parts, place, outcomes)
    }

    /// Has a start, a status or a finish take effect, and returns whether it changes the run.
    fn change<'d>(
        &self,
        state: &mut State,
        change: &Content<'d>,
        draft: &mut Draft<'d>,
    ) -> Result<bool, Refusal> {
        match change {
            Content::Start(run) => state.start(run, draft, self.now),
            Content::Status(to) => state.set_status(to.status, to.attempt, self.now),
            Content::Finish(to) => state.finish(to.status, to.attempt, self.now),
            Content::Operations(_) | Content::Stream(_) => Ok(false),
        }
    }

    fn fill_in(
        &self,
        place: u32,
        changed: Result<bool, Refusal>,
        state: &State,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), Refusal> {
        let version = Some(state.attempt.version);
        let word = match changed {
            Ok(true) => wire::Outcome::Applied,
            Ok(false) => wire::Outcome::Unchanged,
            Err(refusal) => {
                return refuse(self.parts, place as usize, refusal, version, outcomes);
            }
        };
        outcomes[place as usize] = Some(Outcome {
            version,
            ..Outcome::bare(word)
        });
        Ok(())
    }
}

/// Returns a run as it is now, for its streams.
fn holder(state: &State) -> Holder {
    Holder {
        root: state.attempt.root.clone(),
        id: state.attempt.id.clone(),
        created_at: state.created_at,
        attempt: state.attempt.number,
        finished_at: state.attempt.finished_at,
    }
}

/// Gives lists that stand together one version, if one of them changed the document.
fn end_group(group: &mut Vec<u32>, state: &mut State, outcomes: &mut [Option<Outcome>]) {
    let applied = |place: &u32| {
        let outcome = outcomes[*place as usize].as_ref();
        outcome.is_some_and(|outcome| outcome.word == wire::Outcome::Applied)
    };
    // Lists are applied to runs only that can have another version.
    state.attempt.version += i64::from(group.iter().any(applied));
    set_version(group, state.attempt.version, outcomes);
    group.clear();
}
