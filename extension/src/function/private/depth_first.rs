//! `runmeta._depth_first(ids, parent_ids)`, which puts a tree in the order in which it is printed.
//!
//! SQL's own way, `SEARCH DEPTH FIRST`, keeps the whole path of each row: the memory grows with the square of
//! the depth, 750 MB for a chain of 5,000 runs. This takes about 35 bytes a run beside its id, so that a tree of a
//! million runs stays below `runmeta.maximum_memory`; with a text for each id and a hash table it was 280.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::jsonb::check_for_interrupts;

/// No run.
const NONE: u32 = u32::MAX;

/// Returns each id below its parent, children in the order in which they are given, with its depth. The first
/// id is the top.
#[pg_extern(sql = false)]
fn depth_first(
    ids: Array<'_, &str>,
    parent_ids: Array<'_, &str>,
) -> Answer<TableIterator<'static, (name!(id, String), name!(depth, i32))>> {
    answer(|| {
        let ids = Texts::new(ids.iter().map(Option::unwrap_or_default));
        let rows = walk(&parents(&ids, &parent_ids));
        let rows = rows
            .into_iter()
            .map(move |(position, depth)| (ids.get(position).to_owned(), depth));
        Ok(TableIterator::new(rows))
    })
}

/// Texts, one behind the other in one buffer.
struct Texts {
    buffer: String,
    ends: Vec<usize>,
}

impl Texts {
    fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut all = Texts {
            buffer: String::new(),
            ends: Vec::new(),
        };
        for text in texts {
            check_for_interrupts();
            all.buffer.push_str(text);
            all.ends.push(all.buffer.len());
        }
        all
    }

    fn count(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, position: u32) -> &str {
        let position = position as usize;
        let end = |position: usize| self.ends.get(position).copied().unwrap_or_default();
        let start = position.checked_sub(1).map_or(0, end);
        self.buffer.get(start..end(position)).unwrap_or_default()
    }
}

/// Returns the position of each run's parent, and none for the top.
fn parents(ids: &Texts, parent_ids: &Array<'_, &str>) -> Vec<u32> {
    let mut by_id: Vec<u32> = (0..).take(ids.count()).collect();
    by_id.sort_unstable_by(|left, right| {
        check_for_interrupts();
        ids.get(*left).cmp(ids.get(*right))
    });
    let position = |parent: &str| {
        check_for_interrupts();
        let found = by_id.binary_search_by(|position| ids.get(*position).cmp(parent));
        found.ok().and_then(|found| by_id.get(found).copied())
    };
    let mut parents: Vec<u32> = parent_ids
        .iter()
        .take(ids.count())
        .map(|parent| parent.and_then(position).unwrap_or(NONE))
        .collect();
    parents.resize(ids.count(), NONE);
    if let Some(top) = parents.first_mut() {
        *top = NONE;
    }
    parents
}

/// Walks from the first run down, and returns positions and depths. A run that has no way up to the first is left out.
fn walk(parents: &[u32]) -> Vec<(u32, i32)> {
    // Of each run its first child, and the sibling after it. Linked from the last run to the first, which keeps their
    // order.
    let mut first = vec![NONE; parents.len()];
    let mut next = vec![NONE; parents.len()];
    for (position, parent) in parents.iter().enumerate().rev() {
        check_for_interrupts();
        if let (Some(first), Some(next)) = (first.get_mut(*parent as usize), next.get_mut(position))
        {
            *next = std::mem::replace(first, u32::try_from(position).unwrap_or(NONE));
        }
    }
    let at = |links: &[u32], position: u32| links.get(position as usize).copied().unwrap_or(NONE);
    let mut rows = Vec::with_capacity(parents.len());
    let (mut position, mut depth) = (if parents.is_empty() { NONE } else { 0 }, 0);
    while position != NONE {
        check_for_interrupts();
        rows.push((position, depth));
        if at(&first, position) != NONE {
            (position, depth) = (at(&first, position), depth + 1);
            continue;
        }
        while position != NONE && at(&next, position) == NONE {
            (position, depth) = (at(parents, position), depth - 1);
        }
        position = at(&next, position);
    }
    rows
}
