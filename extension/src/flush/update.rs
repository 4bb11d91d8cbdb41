//! [One pass](crate::one_pass) over a slice of a flush. A row of which nothing changes is not locked: its lists have taken
//! effect as of the statement's snapshot.
//!
//! 1,000 documents of 70 bytes take 5.5 ms of the backend's time, 1.6 times that of a bare `UPDATE` of as many, of which
//! 0.9 are Postgres' reading of the batch.

use std::collections::HashSet;

use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use super::family::Addressed;
use super::slice;
use crate::announce;
use crate::document::Changed;
use crate::jsonb::check_for_interrupts;
use crate::one_pass::{self, visit::Row};
use crate::refusal::Refusal;

/// A run whose document changed.
struct Change {
    /// Its position among the runs of the slice.
    position: usize,
    /// The first run of its tree, if that is another one.
    root: Option<Box<str>>,
    version: i64,
}

/// Calls `apply` with each run that exists and its position in `runs`, stores what that returns as the document's next
/// version, and has it announced. Returns the positions of runs that were deleted meanwhile.
///
/// # Errors
///
/// Those of `apply`, and [`Refusal::NotStored`]. Errors of Postgres are raised.
pub fn update(
    client: &mut SpiClient<'_>,
    runs: &[&Addressed],
    now: TimestampWithTimeZone,
    mut apply: impl FnMut(usize, Row<'_>) -> Result<Option<Changed>, Refusal>,
) -> Result<Vec<usize>, Refusal> {
    let ids: Vec<&str> = runs.iter().map(|run| &*run.id).collect();
    let mut changes: Vec<Change> = Vec::with_capacity(runs.len());
    let mut next = 0;
    let mut visitor = |row: Row<'_>| {
        check_for_interrupts();
        let Some(position) = position(runs, next, row.id) else {
            return Ok(None);
        };
        next = position + 1;
        // The row is evaluated again.
        changes.pop_if(|last| last.position == position);
        let change = Change {
            position,
            root: (row.root != row.id).then(|| row.root.into()),
            version: row.version + 1,
        };
        let document = apply(position, row)?;
        if document.is_some() {
            changes.push(change);
        }
        Ok(document)
    };
    let stored = one_pass::update(client, ids, None, now, &mut visitor)?;
    let gone = match stored == changes.len() {
        true => Vec::new(),
        false => gone(client, runs, &changes, stored)?,
    };
    for change in changes {
        if !gone.contains(&change.position) {
            let id = &*runs[change.position].id;
            announce::changed(change.root.as_deref().unwrap_or(id), id, change.version);
        }
    }
    Ok(gone)
}

/// Finds a row's run. Rows come in the order of the runs, so it is nearly always the next one.
fn position(runs: &[&Addressed], next: usize, id: &str) -> Option<usize> {
    match runs.get(next) {
        Some(run) if *run.id == *id => Some(next),
        _ => runs.binary_search_by(|run| (*run.id).cmp(id)).ok(),
    }
}

/// Returns which of the changes were not stored because the run is gone, or hidden by a policy by now.
fn gone(
    client: &mut SpiClient<'_>,
    runs: &[&Addressed],
    changes: &[Change],
    stored: usize,
) -> Result<Vec<usize>, Refusal> {
    let changed: Vec<&Addressed> = changes.iter().map(|change| runs[change.position]).collect();
    let mut there = HashSet::new();
    slice::lock(client, &changed, |run| {
        there.insert(run.id);
        Ok(())
    })?;
    let positions = changes.iter().map(|change| change.position);
    let gone: Vec<usize> = positions
        .filter(|position| !there.contains(&*runs[*position].id))
        .collect();
    match gone.len() == changes.len().saturating_sub(stored) {
        true => Ok(gone),
        false => Err(Refusal::NotStored),
    }
}
