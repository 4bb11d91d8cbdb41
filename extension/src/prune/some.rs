//! Pruning a part of the runs, a step at a time.

use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use super::{Candidate, Deleted, FINISHED, SLICE, candidates, delete, limit, trees};
use crate::refusal::Refusal;

/// Runs that one step deletes, but for a tree that has more: its transaction holds their locks until it commits. A guess.
const RUNS: i64 = 1000;

/// What a step did.
pub struct Step {
    /// Runs that are gone, which nobody has announced yet.
    pub deleted: Deleted,
    /// Behind which root the next step begins.
    pub reached: Candidate,
    /// Nothing is left behind that root.
    pub is_last: bool,
}

/// Deletes trees of which every run finished before a time and whose root is one of one's own, among the next roots behind one. A tree that is not finished, or that somebody uses, is passed.
///
/// Roots are looked at in the order in which they finished, and those of others are passed too: so a step is bounded, however many
/// there are.
///
/// # Errors
///
/// As [`super::prune`].
pub fn prune_some(
    client: &mut SpiClient<'_>,
    before: TimestampWithTimeZone,
    is_own: impl Fn(&str) -> bool,
    after: &Candidate,
) -> Result<Step, Refusal> {
    let limit = limit(client, before)?;
    let found = candidates(client, limit, after)?;
    let own: Vec<String> = found
        .iter()
        .filter(|candidate| is_own(&candidate.root))
        .map(|candidate| candidate.root.clone())
        .collect();
    let finished = trees(client, &FINISHED, own, limit)?;
    let (mut chosen, mut runs) = (Vec::new(), 0);
    let mut reached = after.clone();
    let is_last = found.len() < SLICE as usize;
    for candidate in found {
        if let Some(count) = finished.get(&candidate.root) {
            runs += count;
            if runs > RUNS && !chosen.is_empty() {
                let (_, deleted) = delete(client, chosen, limit)?;
                return Ok(Step {
                    deleted,
                    reached,
                    is_last: false,
                });
            }
            chosen.push(candidate.root.clone());
        }
        reached = candidate;
    }
    let (_, deleted) = delete(client, chosen, limit)?;
    Ok(Step {
        deleted,
        reached,
        is_last,
    })
}
