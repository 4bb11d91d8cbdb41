//! The rows of an answer, and what the one of a start, a status or a finish means.

use crate::Error;
use crate::buffer::document::{Document, Effect};
use crate::buffer::state::{CommandKind, Completed, Pending, RunState};
use crate::wire::{Outcome, Part, Row, Target};

/// The rows of an answer, which come in the order of the parts in the batch.
pub(super) struct Rows<'a> {
    all: &'a [Row],
    /// Behind the one that was found last.
    next: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn new(all: &'a [Row]) -> Rows<'a> {
        Rows { all, next: 0 }
    }

    pub(super) fn find(
        &mut self,
        run: &str,
        part: Part,
        target: Target,
        stream: Option<&str>,
    ) -> Option<&'a Row> {
        let is_meant = |row: &Row| {
            (row.part, row.target, row.stream.as_deref()) == (part, target, stream)
                && row.run == run
        };
        if part == Part::Stream {
            // Streams of one run come in any order.
            let earlier = self.all.iter().take(self.next).rev();
            self.next -= earlier.take_while(|row| row.run == run).count();
        }
        let (before, after) = self.all.split_at(self.next);
        let found = after.iter().position(is_meant).map(|at| before.len() + at);
        let found = found.or_else(|| before.iter().position(is_meant))?;
        self.next = found + 1;
        self.all.get(found)
    }
}

/// Returns what the server did to the document.
pub(super) fn effect_of(row: &Row) -> Effect {
    let version = row.version;
    match row.outcome {
        Outcome::Applied => Effect::Applied { version },
        Outcome::Unchanged => Effect::Unchanged { version },
        outcome if outcome.is_refusal() => Effect::Unapplied,
        // A version in the answer is that of now, not of then.
        _ => Effect::Applied { version: None },
    }
}

/// Takes over what a command did to the document.
pub(super) fn take_over(pending: &mut Pending, kind: &CommandKind, row: Option<&Row>) {
    let Some(row) = row else { return };
    let effect = match (kind, row.outcome) {
        (_, Outcome::Duplicate) => return,
        (CommandKind::Start { metadata, .. }, Outcome::Applied) => match (metadata, row.version) {
            // It is new, so its document is known.
            (Some(metadata), Some(1)) => {
                pending.document = Document::new(metadata.clone(), 1).ok();
                return;
            }
            // Another attempt: the metadata was merged into a document of which we know an older version, if any.
            _ => Effect::Applied { version: None },
        },
        (CommandKind::Start { .. }, _) => return,
        // The version grows, the document stays.
        _ => effect_of(row),
    };
    if let Some(document) = &mut pending.document {
        document.sent(&[], effect);
    }
}

/// Returns what a caller learns of its command.
pub(super) fn completed(state: &RunState, row: Option<&Row>) -> Result<Completed, Error> {
    match row {
        None => Ok(Completed {
            outcome: Outcome::Duplicate,
            version: None,
        }),
        Some(row) if row.outcome.is_refusal() => {
            let reason = row.unapplied.first().map(|(_, reason)| reason.as_str());
            Err(Error::unapplied_part(
                &state.id,
                row.part,
                row.outcome,
                reason,
                row.detail.as_deref(),
            ))
        }
        Some(row) => Ok(Completed {
            outcome: row.outcome,
            version: row.version,
        }),
    }
}
