//! The elements of an array, in one allocation.

use std::ops::{Deref, DerefMut};

use thin_vec::ThinVec;

use super::Json;

/// The elements of an array, used as a slice.
///
/// Its length stands in the allocation, so that a value of any kind fits into 24 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elements(ThinVec<Json>);

impl Elements {
    /// Returns an empty array.
    pub fn new() -> Elements {
        Elements::default()
    }

    /// Adds an element at the end.
    pub fn push(&mut self, element: Json) {
        self.0.push(element);
    }

    /// Takes out and returns the element at this position, if there is one.
    pub fn remove(&mut self, position: usize) -> Option<Json> {
        (position < self.0.len()).then(|| self.0.remove(position))
    }

    /// Keeps only the elements for which `keep` returns true.
    pub fn retain(&mut self, keep: impl FnMut(&Json) -> bool) {
        self.0.retain(keep);
    }

    /// Keeps only the last `count` elements.
    pub fn keep_last(&mut self, count: usize) {
        let first = self.0.len().saturating_sub(count);
        self.0.drain(..first);
    }

    pub(super) fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl Deref for Elements {
    type Target = [Json];

    fn deref(&self) -> &[Json] {
        &self.0
    }
}

impl DerefMut for Elements {
    fn deref_mut(&mut self) -> &mut [Json] {
        &mut self.0
    }
}

impl FromIterator<Json> for Elements {
    fn from_iter<I: IntoIterator<Item = Json>>(elements: I) -> Elements {
        let elements = elements.into_iter();
        // Collecting would make room for four at least, and most arrays that are read never grow.
        let mut exact = ThinVec::with_capacity(elements.size_hint().0);
        exact.extend(elements);
        Elements(exact)
    }
}

impl From<Vec<Json>> for Elements {
    fn from(elements: Vec<Json>) -> Elements {
        elements.into_iter().collect()
    }
}

impl IntoIterator for Elements {
    type Item = Json;
    type IntoIter = thin_vec::IntoIter<Json>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Elements {
    type Item = &'a Json;
    type IntoIter = std::slice::Iter<'a, Json>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
