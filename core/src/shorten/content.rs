//! What stands in one slot of a list.

use std::collections::VecDeque;
use std::mem;

use crate::Operation;

#[derive(Clone, Debug)]
pub(super) enum Content<T> {
    Gap,
    One(Box<Operation<T>>),
    /// Bounded appends to one key. Behind a pointer, so that few of them do not make every slot 16 bytes larger.
    #[expect(clippy::box_collection)]
    Appends(Box<VecDeque<Box<Operation<T>>>>),
}

impl<T> Content<T> {
    pub(super) fn len(&self) -> usize {
        match self {
            Content::Gap => 0,
            Content::One(_) => 1,
            Content::Appends(appends) => appends.len(),
        }
    }

    pub(super) fn last(&self) -> Option<&Operation<T>> {
        match self {
            Content::Gap => None,
            Content::One(operation) => Some(operation),
            Content::Appends(appends) => appends.back().map(Box::as_ref),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Operation<T>> {
        let (one, several) = match self {
            Content::Gap => (None, None),
            Content::One(operation) => (Some(operation), None),
            Content::Appends(appends) => (None, Some(appends.iter())),
        };
        one.into_iter()
            .chain(several.into_iter().flatten())
            .map(Box::as_ref)
    }

    /// Adds an append behind those that are here, of which it makes the first `needless` ones so.
    pub(super) fn append(&mut self, append: Operation<T>, needless: usize) {
        let append = Box::new(append);
        *self = match mem::replace(self, Content::Gap) {
            Content::One(first) if needless == 0 => {
                Content::Appends(Box::new([first, append].into()))
            }
            Content::Appends(mut appends) => {
                appends.drain(..needless);
                if appends.len() < appends.capacity() / 2 {
                    appends.shrink_to_fit();
                }
                if appends.len() == appends.capacity() {
                    appends.reserve_exact(growth(appends.len()));
                }
                appends.push_back(append);
                Content::Appends(appends)
            }
            Content::One(_) | Content::Gap => Content::One(append),
        };
    }
}

/// Returns how many more places to make where so many are full: a quarter, and no more than one for the first.
pub(super) fn growth(length: usize) -> usize {
    length / 4 + 1
}
