//! In which trees the runs belong that a batch starts, and how deep.
//!
//! A parent is found in the table, or is started by the same batch, before or behind its child.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use pgrx::prelude::*;

use super::family::SLICE;
use crate::jsonb::check_for_interrupts;
use crate::refusal::Refusal;
use crate::run::{NewRun, Parent};

/// Where a run belongs.
#[derive(Clone)]
pub enum Place {
    /// In this tree, so many steps below its root.
    In {
        /// The first run of the tree.
        root: Rc<str>,
        /// Steps up to that one.
        depth: i32,
        /// The position of the parent, if the batch has to start that first.
        relies_on: Option<usize>,
    },
    /// Above its parent: so the run exists.
    AboveParent,
    /// Nowhere: there is no such parent.
    NoParent,
    /// Under a parent whose depth is the last one that there is.
    TooDeep,
}

/// Returns the position of the run with this id among runs in the order of their ids.
///
/// # Errors
///
/// Where it would stand, if it is not among them.
pub fn position(runs: &[&NewRun<'_>], id: &str) -> Result<usize, usize> {
    runs.binary_search_by(|run| run.id.cmp(id))
}

/// Finds the places of runs, which come in the order of their ids, and keeps the trees of their parents from being pruned
/// before the transaction ends. Ids in `taken` cannot be started.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn find(runs: &[&NewRun<'_>], taken: &HashSet<&str>) -> Result<Vec<Place>, Refusal> {
    let mut parents: Vec<&str> = runs.iter().filter_map(|run| run.parent).collect();
    parents.sort_unstable();
    parents.dedup();
    let mut stored = HashMap::new();
    for parents in parents.chunks(SLICE) {
        Spi::connect_mut(|client| Parent::find_many(client, parents, &mut stored))?;
    }
    let in_batch = |parent: &str| match stored.contains_key(parent) || taken.contains(parent) {
        true => None,
        false => position(runs, parent).ok(),
    };
    let mut places: Vec<Option<Place>> = runs.iter().map(|_| None).collect();
    let mut path = Vec::new();
    for first in 0..runs.len() {
        check_for_interrupts();
        let mut next = Some(first);
        while let Some(run) = next.filter(|run| places[*run].is_none()) {
            // What runs are that are each other's parents.
            places[run] = Some(Place::NoParent);
            path.push(run);
            next = runs[run].parent.and_then(in_batch);
        }
        while let Some(run) = path.pop() {
            let id = runs[run].id;
            let place = match runs[run].parent {
                None => Place::In {
                    root: id.into(),
                    depth: 0,
                    relies_on: None,
                },
                Some(parent) => match (stored.get(parent), in_batch(parent)) {
                    (Some(stored), _) if *stored.root == *id => Place::AboveParent,
                    (Some(stored), _) => below(&stored.root, stored.depth, None),
                    (None, Some(started)) => match &places[started] {
                        Some(Place::In { root, depth, .. }) => below(root, *depth, Some(started)),
                        _ => Place::NoParent,
                    },
                    (None, None) => Place::NoParent,
                },
            };
            places[run] = Some(place);
        }
    }
    let places = places.into_iter();
    Ok(places
        .map(|place| place.unwrap_or(Place::NoParent))
        .collect())
}

fn below(root: &Rc<str>, depth: i32, relies_on: Option<usize>) -> Place {
    match depth.checked_add(1) {
        Some(depth) => Place::In {
            root: Rc::clone(root),
            depth,
            relies_on,
        },
        None => Place::TooDeep,
    }
}
