//! What became of a part of an entry.

use runmeta_core::wire;

use super::batch::Part;
use crate::jsonb::{Jsonb, Node, encode_array};
use crate::refusal::{ContractRefusal, Refusal};

/// What became of a part, as `runmeta.flush` returns it.
#[derive(Clone)]
pub struct Outcome {
    /// The word for it.
    pub word: wire::Outcome,
    /// The version of the run whose document or state the part is for: behind the lists for it that stand together, or
    /// behind this part. `None` if there is no such run, and for streams, which do not change the version.
    pub version: Option<i64>,
    /// Operations or chunks that were skipped; `None` if the list or the stream was refused. Why a part is invalid.
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

    /// Returns the outcome of a part that a run with this version did not take.
    ///
    /// # Errors
    ///
    /// The refusal, if it concerns the whole batch.
    pub fn refused(refusal: Refusal, version: Option<i64>) -> Result<Self, Refusal> {
        use wire::Outcome::{Closed, Invalid, NotFound, Stale, TooLarge};
        let (word, reason) = match &refusal {
            Refusal::NoSuchRun { .. }
            | Refusal::NoSuchParent { .. }
            | Refusal::NotAllowed { .. } => (NotFound, None),
            Refusal::Finished { .. }
            | Refusal::Closed { .. }
            | Refusal::LastVersion { .. }
            | Refusal::StreamClosed { .. } => (Closed, None),
            Refusal::StaleAttempt { .. } => (Stale, None),
            Refusal::TooLarge { .. } | Refusal::TooManyBytes => (TooLarge, None),
            Refusal::AttemptNotBegun { .. } => (Invalid, Some("attempt_not_begun")),
            Refusal::BadDocument(_) => (Invalid, Some("bad_metadata")),
            Refusal::BadLength { .. } => (Invalid, Some("bad_length")),
            Refusal::FinalStatus { .. } => (Invalid, Some("final_status")),
            Refusal::HiddenRun { .. } => (Invalid, Some("id_is_taken")),
            Refusal::LastDepth { .. } => (Invalid, Some("last_depth")),
            Refusal::NotPositive { .. } => (Invalid, Some("bad_attempt")),
            Refusal::TooManyTags { .. } => (Invalid, Some("too_many_tags")),
            Refusal::Contract(ContractRefusal::DoesNotFit { .. }) => (Invalid, Some("contract")),
            Refusal::Unapplied { reason, .. } => (Invalid, Some(reason.code())),
            Refusal::UnfinishedStatus { .. } => (Invalid, Some("unfinished_status")),
            _ => return Err(refusal),
        };
        let unapplied = reason.map(|reason| {
            let message = match &refusal {
                Refusal::Contract(ContractRefusal::DoesNotFit { detail, .. }) => detail.clone(),
                refusal => refusal.message(),
            };
            let element = Node::of_members([
                Some(("detail", Node::text(&message))),
                Some(("reason", Node::text(reason))),
            ]);
            // Two short texts are not more than JSONB can hold.
            encode_array([element].into_iter()).unwrap_or_else(|_| Jsonb::empty_array())
        });
        Ok(Outcome {
            word,
            version,
            unapplied,
        })
    }
}

/// Notes that the part at this place is refused, and with a start everything that its entry was to do behind it.
///
/// # Errors
///
/// As [`Outcome::refused`].
pub fn refuse(
    parts: &[Part<'_>],
    place: usize,
    refusal: Refusal,
    version: Option<i64>,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), Refusal> {
    let outcome = Outcome::refused(refusal, version)?;
    if parts[place].is_start() {
        let entry = parts[place].entry;
        let behind = (place + 1..parts.len()).take_while(|behind| parts[*behind].entry == entry);
        for behind in behind {
            // Of a parent's or root's version nothing is known, and a stream has none.
            let part = &parts[behind];
            let has_version = part.is_own() && part.stream().is_none();
            let version = outcome.version.filter(|_| has_version);
            outcomes[behind] = Some(Outcome {
                version,
                ..Outcome::bare(outcome.word)
            });
        }
    }
    outcomes[place] = Some(outcome);
    Ok(())
}
