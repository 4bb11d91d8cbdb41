//! In which trees the runs belong that are made.
//!
//! A parent is found in the table, or is made together with its child. A run whose parent does not exist waits for a minute,
//! or until its job writes it; then it becomes a run without a parent, because its job works whether it has one or not.

use std::collections::HashMap;
use std::rc::Rc;

use pgrx::prelude::*;

use super::head::Head;
use crate::refusal::Refusal;
use crate::run::Parent;

/// Where a run belongs.
#[derive(Clone)]
pub struct Place {
    /// Its parent.
    pub parent: Option<String>,
    /// The first run of its tree.
    pub root: Rc<str>,
    /// Steps up to that one.
    pub depth: i32,
    /// It was to have a parent, which does not exist.
    pub is_orphan: bool,
}

/// Where runs belong, by their ids, and the parents for which others wait.
pub struct Places {
    /// Those that are made now.
    pub known: HashMap<String, Place>,
    /// Parents that do not exist.
    pub missing: Vec<String>,
}

/// Finds the places of runs, and keeps the trees of their parents from being pruned before the transaction ends.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn find(heads: &[Head]) -> Result<Places, Refusal> {
    let mut parents: Vec<&str> = heads
        .iter()
        .filter_map(|head| head.parent.as_deref())
        .collect();
    parents.sort_unstable();
    parents.dedup();
    let mut stored = HashMap::new();
    if !parents.is_empty() {
        Spi::connect_mut(|client| Parent::find_many(client, &parents, &mut stored))?;
    }
    let mut known: HashMap<String, Place> = HashMap::with_capacity(heads.len());
    // Of a job that came and went no run is made.
    let mut left: Vec<&Head> = heads.iter().filter(|head| head.is_there).collect();
    loop {
        let before = left.len();
        left.retain(|head| match place(head, &stored, &known) {
            Some(place) => known.insert(head.run.clone(), place).is_some(),
            None => true,
        });
        if left.len() == before {
            break;
        }
    }
    let mut missing = Vec::new();
    for head in left {
        match (head.is_late, &head.parent) {
            (false, Some(parent)) => missing.push(parent.clone()),
            _ => {
                let place = Place {
                    is_orphan: true,
                    ..root(&head.run)
                };
                known.insert(head.run.clone(), place);
            }
        }
    }
    Ok(Places { known, missing })
}

fn place(
    head: &Head,
    stored: &HashMap<String, Parent>,
    known: &HashMap<String, Place>,
) -> Option<Place> {
    let Some(parent) = &head.parent else {
        return Some(root(&head.run));
    };
    let below = |root: &Rc<str>, depth: i32| {
        Some(Place {
            parent: Some(parent.clone()),
            root: Rc::clone(root),
            depth: depth.checked_add(1)?,
            is_orphan: false,
        })
    };
    match (stored.get(parent), known.get(parent)) {
        (Some(stored), _) => below(&stored.root, stored.depth),
        (None, Some(made)) => below(&made.root, made.depth),
        (None, None) => None,
    }
}

fn root(run: &str) -> Place {
    Place {
        parent: None,
        root: run.into(),
        depth: 0,
        is_orphan: false,
    }
}
