//! Streams that changed, each once: with its last chunk, and whether it was closed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::StreamEntry;
use crate::announce::Item;

/// Streams that changed, in the order of their runs and names.
#[derive(Default)]
pub struct Streams(BTreeMap<(String, String), Stream>);

struct Stream {
    root: String,
    last: i64,
    closed: bool,
}

impl Stream {
    fn extend(&mut self, last: i64, closed: bool) {
        self.last = self.last.max(last);
        self.closed |= closed;
    }
}

impl Streams {
    /// Adds a change. Two sessions may announce theirs in another order than that of their commits, so the greatest number
    /// counts, and a stream that was closed stays so: whoever reads it sees whether it was opened again.
    pub fn add(&mut self, change: &StreamEntry<'_>) {
        let key = (change.id.to_owned(), change.name.to_owned());
        let stream = self.0.entry(key).or_insert_with(|| Stream {
            root: change.root.to_owned(),
            last: change.last,
            closed: false,
        });
        stream.extend(change.last, change.closed);
    }

    /// Adds the changes of another set.
    pub fn extend(&mut self, other: Streams) {
        for (key, stream) in other.0 {
            match self.0.entry(key) {
                Entry::Vacant(vacant) => drop(vacant.insert(stream)),
                Entry::Occupied(mut known) => known.get_mut().extend(stream.last, stream.closed),
            }
        }
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the changes as they are put into the outbox.
    pub fn entries(&self) -> impl Iterator<Item = StreamEntry<'_>> {
        self.0.iter().map(|((id, name), stream)| StreamEntry {
            root: &stream.root,
            id,
            name,
            last: stream.last,
            closed: stream.closed,
        })
    }

    /// Returns the changes as they are announced.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.entries().map(|change| Item::Stream {
            root: change.root,
            id: change.id,
            stream: change.name,
            last: change.last,
            closed: change.closed,
        })
    }
}
