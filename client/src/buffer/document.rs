//! A run's document as this process sees it: the server's, and on top of it what was said here and is not yet there.
//!
//! `base` is the server's document at `version`. When a flush is answered with the version that was to be expected, its
//! operations are applied to `base` here too, by the same code that the server agrees with, and nothing needs to be read.
//! Any other version means that another writer was there, and none that the list waits in the server's inbox: the document is
//! `stale`, and if somebody reads it here it is fetched again. Operations that were not sent yet are applied to whatever the base is: they are never lost.
//!
//! A stale base goes on taking what is sent, as a read shows that at once and cannot wait for the server. What others take
//! out of the document it would keep for ever, so it is also fetched again when as much was applied to it as a document
//! commonly has: it stays below twice the server's limit, whether anybody reads it or not.
//!
//! `view` is base and operations together. It is made when somebody reads, kept up to date while they go on reading, and
//! given up after a while, so that writing alone costs nothing. Readers share it: they look at it without the run's lock,
//! as reading runs their code, which may say something. It is copied only if an operation comes while they look.

use std::sync::Arc;

use runmeta_core::{Key, Operation, Parsed, apply, lookup};
use serde_json::Value;

/// Operations after which a view that nobody reads is given up. A guess.
const UNREAD: u32 = 64;

/// Weight of the operations after which a stale base is fetched again, read or not. The default of `runmeta.maximum_size`: so
/// a document is read for at least as much that was sent.
const DRIFT: usize = 262_144;

#[derive(Debug)]
pub(crate) struct Document {
    base: Arc<Value>,
    version: i64,
    stale: bool,
    /// The weight of what was applied to the base since it is stale.
    drift: usize,
    wanted: bool,
    view: Option<Arc<Value>>,
    unread: u32,
}

impl Document {
    pub(crate) fn new(base: Value, version: i64) -> Document {
        Document {
            base: Arc::new(base),
            version,
            stale: false,
            drift: 0,
            wanted: false,
            view: None,
            unread: 0,
        }
    }

    /// Returns the version of the server's document that this one began with or was last told of.
    pub(crate) fn version(&self) -> i64 {
        self.version
    }

    /// Returns true if it should be fetched again: another writer changed it, and somebody reads it or it may have grown
    /// far beyond the server's.
    pub(crate) fn is_outdated(&self) -> bool {
        self.stale && (self.wanted || self.drift >= DRIFT)
    }

    /// Returns true if operations must be told to it as they are said.
    pub(crate) fn has_view(&self) -> bool {
        self.view.is_some()
    }

    /// Applies an operation that was just said.
    pub(crate) fn said(&mut self, operation: &Operation<Value>) {
        self.unread += 1;
        if self.unread > UNREAD {
            self.view = None;
        } else if let Some(view) = &mut self.view {
            apply(Arc::make_mut(view), &[Ok(operation.clone())]);
        }
    }

    /// Returns the document with `waiting` applied, which is everything said and not yet in the base.
    pub(crate) fn read(&mut self, waiting: impl FnOnce() -> Vec<Parsed<Value>>) -> Arc<Value> {
        self.unread = 0;
        self.wanted = true;
        let base = &self.base;
        let view = self.view.get_or_insert_with(|| {
            let (mut view, waiting) = (base.clone(), waiting());
            if !waiting.is_empty() {
                apply(Arc::make_mut(&mut view), &waiting);
            }
            view
        });
        view.clone()
    }

    /// Takes over what the server did with operations that were sent.
    pub(crate) fn sent(&mut self, operations: &[Parsed<Value>], effect: Effect) {
        match effect {
            Effect::Applied { version } => {
                apply(Arc::make_mut(&mut self.base), operations);
                self.stale |= version != Some(self.version + 1);
                self.version = version.unwrap_or(self.version);
                if self.stale {
                    self.drift += operations
                        .iter()
                        .flatten()
                        .map(Operation::weight)
                        .sum::<usize>();
                }
            }
            Effect::Unchanged { version } => {
                self.stale |= version != Some(self.version);
                self.version = version.unwrap_or(self.version);
            }
            Effect::Refused => self.view = None,
        }
        if self.stale {
            self.view = None;
        }
    }
}

/// What the server did with the operations on one run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// They changed the document, to this version if the server told.
    Applied { version: Option<i64> },
    /// They left it as it was.
    Unchanged { version: Option<i64> },
    /// They had no effect.
    Refused,
}

/// Returns the value at a key, if the key can be read and there is one.
pub(crate) fn value_at<'a>(document: &'a Value, key: &str) -> Option<&'a Value> {
    lookup(document, &Key::parse(key).ok()?)
}
