//! What becomes of one run by the changes of its job.

use std::collections::HashMap;

use runmeta_core::{Followed, Progress};

use super::adapter::Adapter;
use super::insert::New;
use super::place::Place;
use super::transition::Transition;
use crate::document::{Changed, Draft, list};
use crate::inbox::{Applied, Taken};
use crate::jsonb::{self, Jsonb};
use crate::owner;
use crate::refusal::Refusal;
use crate::run::State;
use crate::settings;

/// What the changes of a job do to its run's document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// They set the error, and merge what an attempt begins with.
    Follow,
    /// Nothing: what they would set does not fit the contract of the task.
    Stay,
}

/// A run as it is to be stored: its document, if that changed, and what was folded into it.
pub type Unstored = (State, Option<Changed>, Applied);

/// Has a run that is locked follow, behind what waited for it. `None` if nothing changes.
///
/// # Errors
///
/// [`Refusal`] for a run that cannot be stored, and a role that may not write it.
pub fn follow(
    mut state: State,
    document: &Jsonb<'_>,
    waited: &Taken,
    changes: &[Transition],
    adapters: &HashMap<i32, Adapter>,
    documents: Documents,
) -> Result<Option<Unstored>, Refusal> {
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
        if documents == Documents::Follow && followed != Followed::Unchanged {
            edit(&mut draft, change, followed, adapters)?;
        }
    }
    if !changed && folded.taken == 0 {
        return Ok(None);
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
    Ok(Some((state, document, folded)))
}

/// Returns the run that these changes make; `None` if its job is gone already and nobody has seen it.
///
/// # Errors
///
/// As [`follow`].
pub fn make<'a>(
    id: &'a str,
    changes: &'a [Transition],
    place: Option<Place>,
    adapters: &HashMap<i32, Adapter>,
    documents: Documents,
) -> Result<Option<New<'a>>, Refusal> {
    let first = changes.iter().find(|change| !change.is_deleted());
    let (Some(first), Some(place)) = (first, place) else {
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
        let followed = progress.follow(&change.row());
        // The first one too, which the run is made of and which so changes nothing.
        if documents == Documents::Follow {
            edit(&mut draft, change, followed, adapters)?;
        }
    }
    let refuse = |error| Refusal::of_draft(error, id, limit);
    let document = draft.finish().map_err(refuse)?.unwrap_or_else(|| Changed {
        bound: i32::try_from(jsonb::size(original.view())).unwrap_or(i32::MAX),
        metadata: original.clone(),
    });
    Ok(Some(New {
        id,
        place,
        task: changes
            .iter()
            .find_map(|change| change.task.as_deref().filter(|task| !task.is_empty())),
        progress,
        document,
        created_at: first.created_at.unwrap_or(first.at),
    }))
}

/// Does to the document what a change of the job does to it: what its attempt begins with, and its error.
fn edit<'a>(
    draft: &mut Draft<'a>,
    change: &'a Transition,
    followed: Followed,
    adapters: &'a HashMap<i32, Adapter>,
) -> Result<(), Refusal> {
    if followed == Followed::Began
        && let Some(adapter) = adapters.get(&change.adapter)
    {
        apply(draft, &adapter.start)?;
    }
    match &change.operations {
        Some(operations) => apply(draft, operations),
        None => Ok(()),
    }
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
