//! Selecting keys of a document in this process, as the server does it for a watch.

use std::collections::HashMap;
use std::sync::Arc;

use runmeta_core::{Json, Key, Members, Operation, apply};

use super::Snapshot;
use crate::buffer::document::Document;

/// Runs of a set of which it is known what the watcher saw last, some 100 bytes each. Beyond, all are forgotten, and their next
/// state is passed on whatever changed. A guess.
const MOST_RUNS: usize = 10_000;

/// Returns a document with these keys only, as `view.sql` does.
pub(crate) fn selected(document: &str, keys: &[Key]) -> String {
    let mut object = Json::Object(Members::new());
    // What the server sends is a document.
    if let Ok(mut document) = Document::new(document, 0) {
        let set = keys.iter().filter_map(|key| {
            let value = Json::parse(&document.text_at(key, [])?).ok()?;
            let key = key.clone();
            Some(Ok(Operation::Set { key, value }))
        });
        apply(&mut object, &set.collect::<Vec<_>>());
    }
    object.to_string()
}

/// Selects keys for one watcher, and leaves out states that differ in nothing that it sees.
#[derive(Debug)]
pub(super) struct Selection {
    keys: Arc<[Key]>,
    /// Of each run, the content that the watcher saw last.
    seen: HashMap<Box<str>, u64>,
}

impl Selection {
    pub(super) fn new(keys: Arc<[Key]>) -> Selection {
        let seen = HashMap::new();
        Selection { keys, seen }
    }

    /// Returns what the watcher is to see of a state, if anything.
    pub(super) fn select(&mut self, whole: &Snapshot) -> Option<Snapshot> {
        if whole.is_gone() {
            self.seen.remove(whole.id());
            return Some(whole.clone());
        }
        let mut fields = whole.fields().clone();
        fields.metadata = selected(&fields.metadata, &self.keys).into();
        let snapshot = Snapshot::new(fields);
        let content = snapshot.content();
        if self.seen.len() >= MOST_RUNS && !self.seen.contains_key(whole.id()) {
            self.seen.clear();
        }
        let before = self.seen.insert(whole.id().into(), content);
        (before != Some(content)).then_some(snapshot)
    }
}
