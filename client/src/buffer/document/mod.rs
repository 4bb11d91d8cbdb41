//! A run's document as this process knows it: the server's, and what is read of it while operations wait.
//!
//! The base is the server's document at `version`. When a batch is answered with the version that was expected, its
//! operations are applied to the base too, by the same code that the server agrees with, and nothing needs to be read. Any
//! other version means that another writer was there, and none that the list waits in the server's inbox: the document is
//! `stale`, and if somebody reads it here it is read again from the server.
//!
//! A stale base goes on taking what is sent, as a read shows that at once and cannot wait for the server. What others take
//! out of the document it would keep for ever, so it is also read again when as much was applied to it as a document
//! commonly has: it stays below twice the server's limit, whether anybody reads it or not.
//!
//! The base is its JSON text and 12 bytes for each member at the top: at most 4 times the compact text, where a tree takes
//! 12 times that of an array of numbers. Only what an operation or a read touches is looked into ([`node`]), so nothing is
//! kept between reads. At 2 cores that others use too, in a document of 1 kB, of 10 kB and of 260 kB (11,000 members):
//! - reading a number at the top takes 0.2, 0.2 and 0.3 µs, and 0.7 µs while an increment of it waits;
//! - taking over an increment that was sent takes 0.8, 1.5 and 25 µs, most of it for writing the text anew;
//! - reading what stands below a container of 260 kB that waiting operations step into takes 0.4 ms, as that level of the
//!   container is looked through.

mod array;
mod index;
mod node;
mod object;
mod scan;
mod tree;

use std::borrow::Cow;
use std::fmt;

use runmeta_core::{Json, Key, Operation, Parsed, apply};

use index::Index;
use node::{Node, borrowed};
use object::Object;
use scan::Span;

pub(crate) use scan::end_of_string;

/// Weight of the operations after which a stale base is read again from the server, read here or not. The default of
/// `runmeta.maximum_size`: so a document is read for at least as much that was sent.
const DRIFT: usize = 262_144;

#[derive(Debug)]
pub(crate) struct Document {
    text: Box<str>,
    spans: Box<[Span]>,
    version: i64,
    stale: bool,
    /// The weight of what was applied to the base since it is stale.
    drift: usize,
    wanted: bool,
}

/// A text is no JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnObject;

impl fmt::Display for NotAnObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the document is not a JSON object")
    }
}

impl std::error::Error for NotAnObject {}

/// What the server did with the operations on one run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// They changed the document, to this version if the server returned one.
    Applied { version: Option<i64> },
    /// They left it as it was.
    Unchanged { version: Option<i64> },
    /// They had no effect.
    Unapplied,
}

impl Document {
    /// Takes a document that the server sent. Only its members at the top are looked at, so it may nest however deep.
    ///
    /// # Errors
    ///
    /// The text is no JSON object, or has 4 GiB.
    pub(crate) fn new(text: impl Into<Box<str>>, version: i64) -> Result<Document, NotAnObject> {
        let text = text.into();
        let (text, spans) = match index::spans(&text).ok_or(NotAnObject)? {
            spans if index::is_in_order(&text, &spans) => (text, spans),
            _ => Object::of_text(&text)
                .and_then(|object| object.to_text())
                .ok_or(NotAnObject)?,
        };
        Ok(Document {
            text,
            spans: spans.into(),
            version,
            stale: false,
            drift: 0,
            wanted: false,
        })
    }

    /// Returns the version of the server's document that this one began with or that an answer gave since.
    #[cfg(test)]
    pub(crate) fn version(&self) -> i64 {
        self.version
    }

    /// Returns true if it should be read again from the server: another writer changed it, and somebody reads it or it may
    /// have grown far beyond the server's.
    pub(crate) fn is_outdated(&self) -> bool {
        self.stale && (self.wanted || self.drift >= DRIFT)
    }

    /// Returns the JSON text of the value at a key, if there is one. `waiting` is everything that was recorded and is not
    /// in the base, in order.
    pub(crate) fn text_at<'o>(
        &mut self,
        key: &Key,
        waiting: impl IntoIterator<Item = Cow<'o, Operation<Json>>>,
    ) -> Option<String> {
        self.wanted = true;
        let name = key.steps().next().map_or("", |step| step.name);
        // Operations on other members at the top change nothing here; those on the same may make what the key needs.
        let touches = |operation: &Operation<Json>| match operation.key() {
            Some(key) if key.is_plain() => key.as_str() == name,
            Some(key) => key.steps().next().is_some_and(|step| step.name == name),
            None => true,
        };
        let waiting = waiting.into_iter().filter(|operation| touches(operation));
        let waiting: Vec<_> = waiting.collect();
        let mut text = String::new();
        let document = self.with(waiting.iter().map(|operation| &**operation));
        document
            .write_at(&mut key.steps(), &mut text)
            .map(|()| text)
    }

    /// Returns the JSON text of the whole document. `waiting` is everything that was recorded and is not in the base, in
    /// order.
    pub(crate) fn text<'o>(
        &mut self,
        waiting: impl IntoIterator<Item = Cow<'o, Operation<Json>>>,
    ) -> String {
        self.wanted = true;
        let waiting: Vec<_> = waiting.into_iter().collect();
        let mut text = String::with_capacity(self.text.len());
        let document = self.with(waiting.iter().map(|operation| &**operation));
        document.write(&mut text);
        text
    }

    /// Takes over what the server did with operations that were sent.
    pub(crate) fn sent(&mut self, operations: &[Operation<Json>], effect: Effect) {
        match effect {
            Effect::Applied { version } => {
                self.apply(operations);
                self.stale |= version != Some(self.version + 1);
                self.version = version.unwrap_or(self.version);
                if self.stale {
                    self.drift += operations.iter().map(Operation::weight).sum::<usize>();
                }
            }
            Effect::Unchanged { version } => {
                self.stale |= version != Some(self.version);
                self.version = version.unwrap_or(self.version);
            }
            Effect::Unapplied => {}
        }
    }

    fn apply(&mut self, operations: &[Operation<Json>]) {
        if operations.is_empty() {
            return;
        }
        let mut document = self.with(operations);
        if let Some((text, spans)) = document.open_object().and_then(|object| object.to_text()) {
            self.text = text;
            self.spans = spans.into();
        }
    }

    /// Returns the document with operations applied, looked into as far as they go.
    fn with<'a>(&'a self, operations: impl IntoIterator<Item = &'a Operation<Json>>) -> Node<'a> {
        let index = Index::new(&self.text, Cow::Borrowed(&self.spans));
        let mut document = Node::Object(Box::new(Object::of_index(index)));
        let operations = operations.into_iter();
        let operations: Vec<Parsed<_>> = operations.map(|one| Ok(borrowed(one))).collect();
        apply(&mut document, &operations);
        document
    }
}

#[cfg(test)]
mod tests;
