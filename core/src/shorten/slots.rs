//! The operations of a list in order, found by the first step of their key.
//!
//! An operation that became needless leaves a gap, and gaps are closed when they are more than a fifth of the slots. The
//! operations themselves stand behind pointers, so that neither gaps nor room to grow cost much: see
//! [`Operation::weight`].

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::{iter, mem};

use super::content::{Content, growth};
use super::into_iter::IntoIter;
use crate::{Key, Operation, Tree};

/// Earlier operations under the same first step that are looked at. A guess: people work on a few
/// keys at a time, and a bound keeps the cost of one operation level however long the list is.
pub(super) const LOOK_BACK: usize = 16;

/// Slots that are looked through one by one. Only longer lists have an index: most are sent before they get there.
const SCANNED: usize = 16;

/// The hash of slots that are not to be found.
const HIDDEN: u32 = 0;

/// The position of no slot.
const NONE: u32 = u32::MAX;

/// The slots of a list.
#[derive(Clone, Debug)]
pub(super) struct Slots<T> {
    slots: Vec<Slot<T>>,
    operations: usize,
    gaps: usize,
    /// Where the slots begin that later operations may touch.
    floor: usize,
    hasher: RandomState,
    /// The last slot for each hash, if more than [`SCANNED`] slots may be touched.
    last: HashMap<u32, u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Slot<T> {
    pub(super) content: Content<T>,
    /// The hash of the first step of the key. Different steps may share one: what is found is compared.
    hash: u32,
    /// The slot before with the same hash.
    previous: u32,
}

/// What stands in a slot.
pub(super) struct Earlier<'a, T> {
    pub(super) position: usize,
    /// The operation, or the last of several appends.
    pub(super) operation: &'a Operation<T>,
    pub(super) count: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots {
            slots: Vec::new(),
            operations: 0,
            gaps: 0,
            floor: 0,
            hasher: RandomState::new(),
            last: HashMap::new(),
        }
    }
}

impl<T> IntoIterator for Slots<T> {
    type Item = Operation<T>;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter {
            slots: self.slots.into_iter(),
            appends: VecDeque::new().into_iter(),
            left: self.operations,
        }
    }
}

impl<T> Slots<T> {
    pub(super) fn len(&self) -> usize {
        self.operations
    }

    /// Returns the number of slots, gaps included.
    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Operation<T>> {
        self.slots.iter().flat_map(|slot| slot.content.iter())
    }

    /// Returns the operations in the slot at a position.
    pub(super) fn at(&self, position: usize) -> impl Iterator<Item = &Operation<T>> {
        self.slots[position].content.iter()
    }

    /// Returns the slots under the key's first step that may be touched, the last one first.
    pub(super) fn earlier(&self, key: &Key) -> impl Iterator<Item = Earlier<'_, T>> + use<'_, T> {
        let positions = self.chain(self.hash(key));
        positions.filter_map(|position| {
            let content = &self.slots[position].content;
            content.last().map(|operation| Earlier {
                position,
                operation,
                count: content.len(),
            })
        })
    }

    /// Adds an operation on a key, which later ones may touch.
    pub(super) fn push(&mut self, operation: Operation<T>)
    where
        T: Tree,
    {
        let hash = operation.key().map_or(HIDDEN, |key| self.hash(key));
        self.add(operation, hash);
    }

    /// Adds an operation that later ones do not find, nor does it keep them from those before it.
    pub(super) fn push_hidden(&mut self, operation: Operation<T>) {
        self.add(operation, HIDDEN);
    }

    /// Adds an operation that touches every path: later ones find neither it nor those before.
    pub(super) fn push_for_all(&mut self, operation: Operation<T>) {
        self.add(operation, HIDDEN);
        self.floor = self.slots.len();
        self.last.clear();
    }

    /// Puts the sum in the place of an increment's value.
    pub(super) fn replace_value(&mut self, position: usize, sum: T) {
        if let Content::One(operation) = &mut self.slots[position].content
            && let Operation::Increment { value, .. } = operation.as_mut()
        {
            *value = sum;
        }
    }

    /// Adds an append behind those in a slot, of which it makes the first `needless` ones so.
    pub(super) fn append_at(&mut self, position: usize, append: Operation<T>, needless: usize) {
        self.slots[position].content.append(append, needless);
        self.operations = self.operations + 1 - needless;
    }

    /// Takes out what stands in these slots, all of them among the [earlier](Self::earlier) ones under the key's first step.
    pub(super) fn remove(&mut self, key: &Key, positions: &[usize]) {
        if positions.is_empty() {
            return;
        }
        let hash = self.hash(key);
        let chain: Vec<usize> = self.chain(hash).collect();
        let mut later = None;
        for at in chain {
            if !positions.contains(&at) {
                later = Some(at);
                continue;
            }
            let gap = Slot {
                content: Content::Gap,
                hash: HIDDEN,
                previous: NONE,
            };
            let removed = mem::replace(&mut self.slots[at], gap);
            self.operations -= removed.content.len();
            self.gaps += 1;
            match later {
                Some(later) => self.slots[later].previous = removed.previous,
                None if self.is_indexed() => drop(self.last.insert(hash, removed.previous)),
                None => {}
            }
        }
        if self.gaps * 4 > self.slots.len() - self.gaps {
            self.close_gaps();
        }
    }

    fn add(&mut self, operation: Operation<T>, hash: u32) {
        if self.slots.len() == self.slots.capacity() {
            self.slots.reserve_exact(growth(self.slots.len()));
        }
        self.slots.push(Slot {
            content: Content::One(Box::new(operation)),
            hash,
            previous: NONE,
        });
        self.operations += 1;
        let first_indexed = self.slots.len() - self.floor == SCANNED + 1;
        let unlinked = if first_indexed {
            self.floor
        } else {
            self.slots.len() - 1
        };
        self.link_from(unlinked);
    }

    fn close_gaps(&mut self) {
        let gap = |slot: &Slot<T>| matches!(slot.content, Content::Gap);
        self.floor -= self.slots[..self.floor]
            .iter()
            .filter(|slot| gap(slot))
            .count();
        self.slots.retain(|slot| !gap(slot));
        self.gaps = 0;
        if self.slots.len() < self.slots.capacity() / 2 {
            self.slots.shrink_to_fit();
        }
        self.last.clear();
        self.link_from(self.floor);
    }

    /// Finds out what is previous to each slot from a position on.
    fn link_from(&mut self, first: usize) {
        for at in first..self.slots.len() {
            let hash = self.slots[at].hash;
            if hash == HIDDEN {
                continue;
            }
            self.slots[at].previous = match self.is_indexed() {
                // What is no position is none: a list of 4 billion operations does not fit into memory.
                true => self
                    .last
                    .insert(hash, u32::try_from(at).unwrap_or(NONE))
                    .unwrap_or(NONE),
                false => self
                    .scan(hash, at)
                    .and_then(|at| u32::try_from(at).ok())
                    .unwrap_or(NONE),
            };
        }
    }

    /// Returns the last [`LOOK_BACK`] slots with a hash, the last one first.
    fn chain(&self, hash: u32) -> impl Iterator<Item = usize> {
        let last = match self.is_indexed() {
            true => self.last.get(&hash).copied().and_then(position),
            false => self.scan(hash, self.slots.len()),
        };
        iter::successors(last, |at| position(self.slots[*at].previous)).take(LOOK_BACK)
    }

    /// Returns the last slot with a hash that may be touched and stands before a position.
    fn scan(&self, hash: u32, before: usize) -> Option<usize> {
        (self.floor..before)
            .rev()
            .find(|at| self.slots[*at].hash == hash)
    }

    fn is_indexed(&self) -> bool {
        self.slots.len() - self.floor > SCANNED
    }

    fn hash(&self, key: &Key) -> u32 {
        let first = key.steps().next().map_or("", |step| step.name);
        // The upper half of the hash, which is never that of hidden slots.
        (self.hasher.hash_one(first) >> 32) as u32 | 1
    }
}

fn position(at: u32) -> Option<usize> {
    (at != NONE).then_some(at as usize)
}
