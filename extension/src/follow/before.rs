//! Before a run is written: it follows what was recorded for it, so that what a job writes comes behind its own claim.
//!
//! Whoever comes here has the rights of a writer. Following is done as the owner of the tables, as by the worker: it does
//! nothing that the worker would not do a moment later.

use std::collections::BTreeSet;

use pgrx::pg_sys::BuiltinOid::TEXTARRAYOID;
use pgrx::prelude::*;
use runmeta_core::wire::Target;

use super::{Locking, follow, transition, waiting};
use crate::inbox::Addressee;
use crate::layout::{self, ByRoot};
use crate::owner::{self, AsOwner};
use crate::refusal::Refusal;

thread_local! {
    static LOCK_ALL: ByRoot = const { ByRoot::new(
        include_str!("../flush/sql/lock_all.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID],
    ) };
}

/// Parents of parents that are made for one write. Documents in one family rarely go so deep: a guess.
const GENERATIONS: usize = 100;

/// Has a run follow that is about to be written, started or finished.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn one(run: &str) -> Result<(), Refusal> {
    match may_wait()? {
        true => these(&[run], false),
        false => Ok(()),
    }
}

/// Has the runs follow that are about to be written, those that are addressed from others too.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn addressed<'a>(runs: impl IntoIterator<Item = (&'a str, Target)>) -> Result<(), Refusal> {
    if !may_wait()? {
        return Ok(());
    }
    let (mut own, mut relatives) = (Vec::new(), BTreeSet::new());
    for (run, target) in runs {
        own.push(run);
        if target != Target::Own {
            relatives.insert((run, target == Target::Root));
        }
    }
    these(&own, own.len() > 1)?;
    if relatives.is_empty() {
        return Ok(());
    }
    let (runs, roots) = relatives
        .into_iter()
        .map(|(run, is_root)| (run, Some(is_root)))
        .unzip();
    let found = Spi::connect_mut(|client| Addressee::find_many(client, runs, roots))?;
    let relatives: Vec<&str> = found.iter().map(|(_, run)| run.id.as_str()).collect();
    relatives_follow(&relatives)
}

/// Has the runs follow that are addressed from others, but for those that somebody else has locked: what is brought to them waits in
/// the inbox, and whoever brings it waits for nobody.
fn relatives_follow(runs: &[&str]) -> Result<(), Refusal> {
    let wanted = waiting_for(runs)?;
    if wanted.is_empty() {
        return Ok(());
    }
    let _owner = AsOwner::of_transitions()?;
    let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
    follow(&names, Locking::Skip).map(drop)
}

/// Returns those of the runs for which something waits, in the order of their ids.
fn waiting_for(runs: &[&str]) -> Result<Vec<String>, Refusal> {
    let mut may_wait: Vec<&str> = runs
        .iter()
        .copied()
        .filter(|run| waiting::waits_for(run))
        .collect();
    if may_wait.is_empty() {
        return Ok(Vec::new());
    }
    may_wait.sort_unstable();
    may_wait.dedup();
    transition::waiting_among(&may_wait)
}

/// Returns false if nothing waits for any run. Where nobody counts, the table is asked, once for all runs.
fn may_wait() -> Result<bool, Refusal> {
    match (waiting::any(), waiting::is_counted()) {
        (false, _) => Ok(false),
        (true, true) => Ok(true),
        (true, false) => Ok(owner::has_transitions() && transition::any()?),
    }
}

/// Has runs follow. If something waits for one, all are locked first in the order of their ids where several are to be written:
/// then nobody waits in a circle.
fn these(runs: &[&str], are_several: bool) -> Result<(), Refusal> {
    let mut wanted = waiting_for(runs)?;
    if wanted.is_empty() {
        return Ok(());
    }
    let _owner = AsOwner::of_transitions()?;
    if are_several {
        for runs in layout::by_shard(runs)? {
            Spi::connect_mut(|client| {
                LOCK_ALL.with(|statement| statement.lock_by_index(client, runs).map(drop))
            })?;
        }
    }
    for _ in 0..GENERATIONS {
        let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let done = follow(&names, Locking::Await)?;
        if done.parents.is_empty() {
            return Ok(());
        }
        let mut parents: Vec<&str> = done.parents.iter().map(String::as_str).collect();
        parents.sort_unstable();
        parents.dedup();
        if transition::waiting_among(&parents)?.is_empty() {
            break;
        }
        let known = wanted.len();
        // Together with their children: whichever comes first is placed by the other.
        wanted.extend(parents.into_iter().map(str::to_owned));
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.len() == known {
            break;
        }
    }
    // The job works already, and its write must not fail for want of a parent that never comes.
    let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
    follow(&names, Locking::Insist).map(drop)
}
