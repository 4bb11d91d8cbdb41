//! What became of a list.

use crate::jsonb::Jsonb;

/// What became of a list, as `runmeta.flush` returns it.
pub struct Outcome {
    /// The word for it.
    pub word: &'static str,
    /// The document's version after the flush; `None` if there is no document.
    pub version: Option<i64>,
    /// Operations that were skipped; `None` if the list was refused.
    pub unapplied: Option<Jsonb<'static>>,
}

impl Outcome {
    /// Returns an outcome without a document.
    pub fn bare(word: &'static str) -> Self {
        Outcome {
            word,
            version: None,
            unapplied: None,
        }
    }

    /// Returns the word for the refusal of a whole list that has this name.
    pub fn refusal(name: &str) -> Option<&'static str> {
        ["too_large", "not_found", "closed"]
            .into_iter()
            .find(|word| *word == name)
    }
}
