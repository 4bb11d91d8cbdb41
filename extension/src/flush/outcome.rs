//! What became of a list.

use runmeta_core::wire;

use crate::jsonb::Jsonb;

/// What became of a list, as `runmeta.flush` returns it.
pub struct Outcome {
    /// The word for it.
    pub word: wire::Outcome,
    /// The document's version after the flush; `None` if there is no document.
    pub version: Option<i64>,
    /// Operations that were skipped; `None` if the list was refused.
    pub unapplied: Option<Jsonb<'static>>,
}

impl Outcome {
    /// Returns an outcome without a document.
    pub fn bare(word: wire::Outcome) -> Self {
        Outcome {
            word,
            version: None,
            unapplied: None,
        }
    }
}
