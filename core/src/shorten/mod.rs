//! Shortening a list of operations as it grows, so that its effect stays the same on every document.
//!
//! - An update makes everything before it needless.
//! - An increment is added to an earlier one of the same key.
//! - A set makes earlier operations on the same key needless, and so does a delete.
//! - Of bounded appends to the same key, only as many stay as the last one keeps.
//!
//! Each only if nothing between the two touches an overlapping path. Increments and bounded appends move to the place
//! of the first one on their key: what stands between touches other paths, and changes the same before as after.
//!
//! Paths with positions are only added up and appended to, and never dropped: deleting `$.a.0` moves what `$.a.0` means
//! next. A delete by a path of several steps creates no containers, so it makes only deletes and removes needless.
//!
//! Sums are exact decimals, so adding early changes no result, but for one corner: where the document
//! holds a number within one increment of the 131,072 digits that Postgres can store, the increments
//! one by one may be refused where their sum is not, or the other way round.

mod content;
mod into_iter;
mod rule;
mod slots;

pub use into_iter::IntoIter;

use crate::{Operation, Tree};
use rule::Effect;
use slots::Slots;

/// A list of operations that is shortened while operations are pushed.
///
/// ```
/// use runmeta_core::{Json, Operation, Shortened};
///
/// let mut list = Shortened::new();
/// for _ in 0..1000 {
///     let operation = r#"{"type":"increment","key":"rows","value":1}"#;
///     list.push(Operation::parse(&Json::parse(operation)?)?);
/// }
/// let list: Json = list.into_iter().map(|operation| operation.to_json()).collect();
/// assert_eq!(list.to_string(), r#"[{"key":"rows","type":"increment","value":1000}]"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Shortened<T> {
    slots: Slots<T>,
    /// The sum of the weights of the operations that are left.
    weight: usize,
}

impl<T> Default for Shortened<T> {
    fn default() -> Self {
        Shortened {
            slots: Slots::default(),
            weight: 0,
        }
    }
}

impl<T: Tree> Shortened<T> {
    /// Returns an empty list.
    pub fn new() -> Self {
        Shortened::default()
    }

    /// Returns the number of operations that are left.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns the sum of the [weights](Operation::weight) of the operations that are left.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Returns true if no operation is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the operations that are left, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Operation<T>> {
        self.slots.iter()
    }

    /// Adds an operation at the end and drops what it makes needless.
    pub fn push(&mut self, operation: Operation<T>) {
        let effect = self.effect(&operation);
        self.weight = self.weight_after(&operation, &effect);
        match effect {
            Effect::Update => {
                self.slots = Slots::default();
                self.slots.push_for_all(operation);
            }
            Effect::All => self.slots.push_for_all(operation),
            Effect::Refused => self.slots.push_hidden(operation),
            Effect::Sum(position, sum) => self.slots.replace_value(position, sum),
            Effect::Append(position, needless) => {
                self.slots.append_at(position, operation, needless);
            }
            Effect::Needless(positions) => {
                if let Some(key) = operation.key() {
                    self.slots.remove(key, &positions);
                }
                self.slots.push(operation);
            }
        }
    }

    /// Returns the [weight](Self::weight) that the list would have after [`push`](Self::push).
    pub fn weight_with(&self, operation: &Operation<T>) -> usize {
        self.weight_after(operation, &self.effect(operation))
    }

    fn weight_after(&self, operation: &Operation<T>, effect: &Effect<T>) -> usize {
        let with = self.weight + operation.weight();
        with.saturating_sub(match effect {
            Effect::All | Effect::Refused => 0,
            Effect::Update => self.weight,
            Effect::Needless(positions) => {
                let slots = positions.iter().map(|position| self.slots.at(*position));
                slots.flatten().map(Operation::weight).sum()
            }
            Effect::Append(position, needless) => {
                let appends = self.slots.at(*position).take(*needless);
                appends.map(Operation::weight).sum()
            }
            // The sum takes the place of a value, and the operation is not added.
            Effect::Sum(position, sum) => {
                let value = self.slots.at(*position).find_map(Operation::value);
                let old = value.map_or(0, Tree::weight);
                return (self.weight + sum.weight()).saturating_sub(old);
            }
        })
    }

    fn effect(&self, operation: &Operation<T>) -> Effect<T> {
        rule::effect(operation, |key| self.slots.earlier(key))
    }
}

impl<T> IntoIterator for Shortened<T> {
    type Item = Operation<T>;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        self.slots.into_iter()
    }
}

impl<T: Tree> Extend<Operation<T>> for Shortened<T> {
    fn extend<I: IntoIterator<Item = Operation<T>>>(&mut self, operations: I) {
        operations
            .into_iter()
            .for_each(|operation| self.push(operation));
    }
}

impl<T: Tree> FromIterator<Operation<T>> for Shortened<T> {
    fn from_iter<I: IntoIterator<Item = Operation<T>>>(operations: I) -> Self {
        let mut list = Shortened::new();
        list.extend(operations);
        list
    }
}

#[cfg(test)]
mod tests;
