//! A batch of the caller's own, beside what the engine sends.

use std::sync::Arc;

use runmeta_core::wire::{Outcome, Part, Target};
use uuid::Uuid;

use crate::wire::{Flush, Row};
use crate::{Client, Error};

/// What became of one part of an entry of a batch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sent {
    /// The run of the entry.
    pub run: String,
    /// `start`, `operations`, `stream`, `status` or `finish`.
    pub part: &'static str,
    /// Whose document it was for: `self`, `parent` or `root`.
    pub target: &'static str,
    /// The stream that it was for.
    pub stream: Option<String>,
    /// What became of it: `applied`, `unchanged`, `queued`, `too_large`, `not_found`, `closed`, `stale`, `invalid` or `duplicate`.
    pub outcome: &'static str,
    /// The version of the document, if it is known.
    pub version: Option<i64>,
    /// Positions of operations that had no effect, and why.
    pub unapplied: Vec<(usize, String)>,
    refusal: Option<Error>,
}

impl Sent {
    fn of(row: Row) -> Sent {
        let Row {
            run,
            part,
            target,
            stream,
            outcome,
            version,
            unapplied,
        } = row;
        let reason = unapplied.first().map(|(_, reason)| reason.as_str());
        let refusal = outcome
            .is_refusal()
            .then(|| Error::unapplied_part(&run, part, outcome, reason));
        Sent {
            run,
            part: Part::name(part),
            target: Target::name(target),
            stream,
            outcome: Outcome::name(outcome),
            version,
            unapplied,
            refusal,
        }
    }

    /// Returns why the part had no effect, with the SQLSTATE of the corresponding SQL function, if it was refused.
    pub fn refusal(&self) -> Option<&Error> {
        self.refusal.as_ref()
    }
}

impl Client {
    /// Sends a batch, the argument of `runmeta.flush` as JSON text, at once and beside what is recorded. Sends it again with the
    /// same writer and sequence until it was answered, so that it takes effect once.
    ///
    /// A writer's sequence begins with 1, and counts batches: the next one may be sent when this one was answered. Batches that nobody
    /// orders may each have a writer of their own.
    ///
    /// # Errors
    ///
    /// - The batch is no batch, or an operation in it is invalid: SQLSTATE 22023 or another of class 22. Nothing of it took
    ///   effect.
    /// - The sequence is not the next one: 55000.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout). The batch may have taken effect: send it
    ///   again with the same writer and sequence to find out.
    pub async fn send(&self, batch: &str, writer: Uuid, sequence: i64) -> Result<Vec<Sent>, Error> {
        let text: Arc<str> = batch.into();
        let lock_timeout = self.buffer().settings.lock_timeout();
        let rows = self.ask(move |server| {
            server.send(Flush {
                text: text.clone(),
                writer,
                sequence,
                lock_timeout,
            })
        });
        Ok(rows.await?.into_iter().map(Sent::of).collect())
    }
}
