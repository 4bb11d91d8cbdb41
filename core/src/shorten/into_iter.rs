//! The operations of a list that is taken apart.

use std::collections::vec_deque;
use std::vec;

use super::content::Content;
use super::slots::Slot;
use crate::Operation;

/// The operations of a [`Shortened`](super::Shortened) list, in order.
#[derive(Debug)]
pub struct IntoIter<T> {
    pub(super) slots: vec::IntoIter<Slot<T>>,
    /// The rest of the appends of the slot before.
    pub(super) appends: vec_deque::IntoIter<Box<Operation<T>>>,
    pub(super) left: usize,
}

impl<T> Iterator for IntoIter<T> {
    type Item = Operation<T>;

    fn next(&mut self) -> Option<Operation<T>> {
        let operation = loop {
            if let Some(append) = self.appends.next() {
                break append;
            }
            match self.slots.next()?.content {
                Content::Gap => {}
                Content::One(operation) => break operation,
                Content::Appends(appends) => self.appends = appends.into_iter(),
            }
        };
        self.left -= 1;
        Some(*operation)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for IntoIter<T> {}
