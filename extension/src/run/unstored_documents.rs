//! The documents of runs that are not stored yet, and what was folded into them.

use pgrx::spi::SpiClient;

use crate::document::Changed;
use crate::inbox::Applied;
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;

/// Bytes of documents that one statement stores, but for a single larger one. Postgres holds about four copies of them:
/// 4,000 documents of 262 kB took 18 MB beside the bare session.
pub(super) const BYTES: usize = 2 * 1024 * 1024;

/// One place for each run, in the order in which the runs were added.
#[derive(Default)]
pub(super) struct UnstoredDocuments {
    /// `None` where the document did not change.
    pub(super) documents: Vec<Option<Jsonb<'static>>>,
    pub(super) bounds: Vec<Option<i32>>,
    pub(super) folded: Vec<Applied>,
    bytes: usize,
}

impl UnstoredDocuments {
    /// Returns true if one statement can store this document with those that are there.
    pub(super) fn has_room(&self, changed: Option<&Changed>) -> bool {
        self.bytes + memory(changed) <= BYTES
    }

    pub(super) fn add(&mut self, changed: Option<Changed>, folded: Applied) {
        self.bytes += memory(changed.as_ref());
        let (document, bound) = match changed {
            Some(changed) => (Some(changed.metadata), Some(changed.bound)),
            None => (None, None),
        };
        self.documents.push(document);
        self.bounds.push(bound);
        self.folded.push(folded);
    }
}

fn memory(changed: Option<&Changed>) -> usize {
    changed.map_or(0, |changed| changed.metadata.memory())
}

/// Ends what was folded into runs that are stored now.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub(super) fn settle(folded: Vec<Applied>, client: &mut SpiClient<'_>) -> Result<(), Refusal> {
    folded
        .into_iter()
        .try_for_each(|folded| folded.settle(client))
}
