//! Many runs: storing their documents by one statement.

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{
    INT4ARRAYOID, INT8ARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID,
};
use pgrx::prelude::*;

use super::Locked;
use super::unstored_documents::{UnstoredDocuments, settle};
use crate::announce;
use crate::document::Changed;
use crate::inbox::Applied;
use crate::one_pass::plan::ByIndex;
use crate::refusal::Refusal;

thread_local! {
    // By index: of 100,000 runs in 16 partitions, Postgres would read all for a batch of 1,000, in 124 ms instead of 11.
    static STORE: ByIndex = const { ByIndex::new(
        include_str!("sql/store_many.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID, INT4ARRAYOID],
    ) };
}

/// New versions of documents that are not stored yet.
#[derive(Default)]
pub struct Unstored {
    roots: Vec<String>,
    ids: Vec<String>,
    versions: Vec<i64>,
    documents: UnstoredDocuments,
    /// When the runs changed: when they are stored, if `None`.
    at: Option<TimestampWithTimeZone>,
}

impl Unstored {
    /// Makes an empty collection. Its runs change at this time.
    pub fn at(time: TimestampWithTimeZone) -> Self {
        Unstored {
            at: Some(time),
            ..Unstored::default()
        }
    }

    /// Adds a version of a run and its document, if that changed, and what was folded. Stores what there is before that,
    /// if it were too much otherwise.
    ///
    /// # Errors
    ///
    /// As [`store`](Self::store).
    pub fn add(
        &mut self,
        run: Locked,
        changed: Option<Changed>,
        version: i64,
        folded: Applied,
    ) -> Result<(), Refusal> {
        if !self.documents.has_room(changed.as_ref()) {
            self.store()?;
        }
        self.roots.push(run.root);
        self.ids.push(run.id);
        self.versions.push(version);
        self.documents.add(changed, folded);
        Ok(())
    }

    /// Stores what was added, in one statement, and has it announced.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotStored`]. Errors of Postgres are raised.
    pub fn store(&mut self) -> Result<(), Refusal> {
        let count = self.ids.len();
        if count == 0 {
            return Ok(());
        }
        let empty = Unstored {
            at: self.at,
            ..Unstored::default()
        };
        let added = std::mem::replace(self, empty);
        for ((root, id), version) in added.roots.iter().zip(&added.ids).zip(&added.versions) {
            announce::changed(root, id, *version);
        }
        // A connection of its own, in which the arguments are made: they are freed with it.
        Spi::connect_mut(|client| {
            let arguments = [
                added.roots.into(),
                added.ids.into(),
                added.documents.documents.into(),
                added.versions.into(),
                added.at.unwrap_or_else(clock_timestamp).into(),
                added.documents.bounds.into(),
            ];
            if STORE.with(|statement| statement.run(client, &arguments))? != count {
                return Err(Refusal::NotStored);
            }
            settle(added.documents.folded, client)
        })
    }
}
