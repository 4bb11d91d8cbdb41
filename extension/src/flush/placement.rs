//! In which trees the runs belong that a batch starts, and how deep.
//!
//! A parent is found in the table, or is started by the same batch, before or behind its child.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use pgrx::prelude::*;

use super::family::SLICE;
use crate::jsonb::check_for_interrupts;
use crate::refusal::Refusal;
use crate::run::{NewRun, Parent};

/// Where a run belongs.
#[derive(Clone)]
pub enum Place<'a> {
    /// In this tree, so many steps below its root.
    In {
        /// The first run of the tree.
        root: Rc<str>,
        /// Steps up to that one.
        depth: i32,
        /// The parent, if the batch has to start that first.
        relies_on: Option<&'a str>,
    },
    /// Above its parent: so the run exists.
    AboveParent,
    /// Nowhere: there is no such parent.
    NoParent,
    /// Under a parent whose depth is the last one that there is.
    TooDeep,
}

/// Finds the places of runs, given by their ids, and keeps the trees of their parents from being pruned before the
/// transaction ends. Ids in `taken` cannot be started.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn find<'a>(
    runs: &BTreeMap<&'a str, &'a NewRun<'a>>,
    taken: &HashSet<&'a str>,
) -> Result<HashMap<&'a str, Place<'a>>, Refusal> {
    let mut parents: Vec<&str> = runs.values().filter_map(|run| run.parent).collect();
    parents.sort_unstable();
    parents.dedup();
    let mut stored = HashMap::new();
    for parents in parents.chunks(SLICE) {
        Spi::connect_mut(|client| Parent::find_many(client, parents, &mut stored))?;
    }
    let in_batch = |parent: &str| match stored.contains_key(parent) || taken.contains(parent) {
        true => None,
        false => runs.get(parent).copied(),
    };
    let mut places = HashMap::with_capacity(runs.len());
    let mut path = Vec::new();
    for run in runs.values() {
        check_for_interrupts();
        let mut next = Some(*run);
        while let Some(run) = next.filter(|run| !places.contains_key(run.id)) {
            // What runs are that are each other's parents.
            places.insert(run.id, Place::NoParent);
            path.push(run);
            next = run.parent.and_then(in_batch);
        }
        while let Some(run) = path.pop() {
            let place = match run.parent {
                None => Place::In {
                    root: run.id.into(),
                    depth: 0,
                    relies_on: None,
                },
                Some(parent) => match (stored.get(parent), in_batch(parent)) {
                    (Some(stored), _) if stored.root == run.id => Place::AboveParent,
                    (Some(stored), _) => below(stored.root.as_str().into(), stored.depth, None),
                    (None, Some(started)) => match places.get(started.id) {
                        Some(Place::In { root, depth, .. }) => {
                            below(Rc::clone(root), *depth, Some(started.id))
                        }
                        _ => Place::NoParent,
                    },
                    (None, None) => Place::NoParent,
                },
            };
            places.insert(run.id, place);
        }
    }
    Ok(places)
}

fn below<'a>(root: Rc<str>, depth: i32, relies_on: Option<&'a str>) -> Place<'a> {
    match depth.checked_add(1) {
        Some(depth) => Place::In {
            root,
            depth,
            relies_on,
        },
        None => Place::TooDeep,
    }
}
