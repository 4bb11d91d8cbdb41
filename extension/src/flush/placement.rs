//! In which trees the runs belong that a batch starts, and how deep.
//!
//! A parent is found in the table, or is started by the same batch, before or behind its child.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use pgrx::prelude::*;

use super::family::SLICE;
use crate::jsonb::check_for_interrupts;
use crate::layout;
use crate::refusal::Refusal;
use crate::run::{NewRun, Parent};

/// A start's position in the batch, and the run that it describes.
pub type Start<'a> = (usize, &'a NewRun<'a>);

/// The starts of a run in the order of the batch, of which there is one at least.
pub type Starts<'s, 'a> = &'s [Start<'a>];

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

/// What became of the starts of a run.
pub struct Choice {
    /// Why the first ones cannot make it: `NoParent` or `TooDeep`.
    pub refused: Vec<Place>,
    /// Where the next one puts it; if there is none, the last that was refused.
    pub place: Place,
}

/// Finds the places of runs, which come in the order of their ids, and keeps the trees of their parents from being pruned
/// before the transaction ends. Each run belongs where the first of its starts puts it that has a place. Ids in `taken`
/// cannot be started.
///
/// Of runs that are each other's parents, the one that comes first in the batch is looked at first.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn find(runs: &[Starts<'_, '_>], taken: &HashSet<&str>) -> Result<Vec<Choice>, Refusal> {
    let starts = runs.iter().flat_map(|starts| starts.iter());
    let mut parents: Vec<&str> = starts.filter_map(|(_, run)| run.parent).collect();
    parents.sort_unstable();
    parents.dedup();
    let mut stored = HashMap::new();
    for parents in parents.chunks(SLICE) {
        Spi::connect_mut(|client| {
            Parent::find_many(client, parents, &mut stored)?;
            let is_missing =
                |parent: &&str| !stored.contains_key(*parent) && position(runs, parent).is_err();
            let missing: Vec<&str> = parents.iter().copied().filter(is_missing).collect();
            match layout::appear(client, &missing)? {
                true => Parent::find_many(client, &missing, &mut stored),
                false => Ok(()),
            }
        })?;
    }
    let in_batch = |parent: &str| match stored.contains_key(parent) || taken.contains(parent) {
        true => None,
        false => position(runs, parent).ok(),
    };
    let mut choices: Vec<Option<Choice>> = runs.iter().map(|_| None).collect();
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_unstable_by_key(|run| runs[*run][0].0);
    let mut path = Vec::new();
    for first in order {
        check_for_interrupts();
        if choices[first].is_none() {
            choices[first] = Some(Choice::nowhere());
            path.push((first, Vec::new()));
        }
        while let Some((run, mut refused)) = path.pop() {
            let (_, new) = runs[run][refused.len()];
            let place = match new.parent {
                None => Place::In {
                    root: new.id.into(),
                    depth: 0,
                    relies_on: None,
                },
                Some(parent) => match (stored.get(parent), in_batch(parent)) {
                    (Some(stored), _) if *stored.root == *new.id => Place::AboveParent,
                    (Some(stored), _) => below(&stored.root, stored.depth, None),
                    (None, Some(started)) => match &choices[started] {
                        None => {
                            // One that comes back to a run on the path finds no parent there.
                            choices[started] = Some(Choice::nowhere());
                            path.push((run, refused));
                            path.push((started, Vec::new()));
                            continue;
                        }
                        Some(Choice {
                            place: Place::In { root, depth, .. },
                            ..
                        }) => below(root, *depth, Some(started)),
                        Some(_) => Place::NoParent,
                    },
                    (None, None) => Place::NoParent,
                },
            };
            let is_refused = matches!(place, Place::NoParent | Place::TooDeep);
            if is_refused {
                refused.push(place.clone());
            }
            if is_refused && refused.len() < runs[run].len() {
                path.push((run, refused));
            } else {
                choices[run] = Some(Choice { refused, place });
            }
        }
    }
    let choices = choices.into_iter();
    Ok(choices
        .map(|choice| choice.unwrap_or_else(Choice::nowhere))
        .collect())
}

impl Choice {
    fn nowhere() -> Self {
        Choice {
            refused: Vec::new(),
            place: Place::NoParent,
        }
    }
}

/// Returns the position of the run with this id among runs in the order of their ids.
///
/// # Errors
///
/// Where it would stand, if it is not among them.
pub fn position(runs: &[Starts<'_, '_>], id: &str) -> Result<usize, usize> {
    runs.binary_search_by(|starts| starts[0].1.id.cmp(id))
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
