//! A batch of the caller's own, beside what the engine sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use runmeta_core::wire::{Outcome, Part, Target};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::turn::only_run;
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
            detail,
        } = row;
        let reason = unapplied.first().map(|(_, reason)| reason.as_str());
        let refusal = outcome
            .is_refusal()
            .then(|| Error::unapplied_part(&run, part, outcome, reason, detail.as_deref()));
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
    /// A batch of one run waits until those that were sent before it are answered. While another transaction has locked a run of the
    /// batch, it is tried now and then, and holds up no other.
    ///
    /// # Errors
    ///
    /// - The batch is no batch, or an operation in it is invalid: SQLSTATE 22023 or another of class 22. Nothing of it took
    ///   effect.
    /// - The sequence is not the next one: 55000.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout). The batch may have taken effect: send it
    ///   again with the same writer and sequence to find out.
    pub async fn send(&self, batch: &str, writer: Uuid, sequence: i64) -> Result<Vec<Sent>, Error> {
        let buffer = self.buffer();
        let text: Arc<str> = batch.into();
        let longest = buffer.settings.lock_timeout();
        let end = Instant::now() + buffer.settings.call_timeout;
        let turns = buffer.calls.turns.clone();
        let run = only_run(batch);
        // The turn, once it has come, until all attempts are over.
        let turn = Arc::new(OnceCell::new());
        let locks = Arc::new(AtomicU32::new(0));
        let group = self.group().cloned();
        let rows = self.ask_alone(move |server| {
            let met = locks.load(Relaxed);
            let batch = Flush {
                text: text.clone(),
                writer,
                sequence,
                lock_timeout: FIRST_LOCK_TIMEOUT
                    .saturating_mul(1 << met.min(16))
                    .min(longest),
            };
            let sending = server.send(batch, met > 0);
            let sending = match group.clone() {
                Some(group) => group.limit_send(sending),
                None => sending,
            };
            let waiting = run.clone().map(|run| turns.clone().wait(run));
            let (turn, locks) = (turn.clone(), locks.clone());
            Box::pin(async move {
                if let Some(waiting) = waiting {
                    let wait = timeout_at(end, turn.get_or_init(|| waiting));
                    wait.await.map_err(|_| Error::timed_out(WAITING))?;
                }
                let sent = sending.await;
                if sent.as_ref().is_err_and(Error::is_of_a_lock) {
                    locks.fetch_add(1, Relaxed);
                }
                sent
            })
        });
        Ok(rows.await?.into_iter().map(Sent::of).collect())
    }
}

const WAITING: &str = "waiting for other batches that change the run";

/// How long the first attempt waits for a lock. Each attempt that met one gives its connection back, and the next may wait twice as
/// long: a batch that always left after a moment would never come through a queue of others. A guess: longer than a commit takes.
const FIRST_LOCK_TIMEOUT: Duration = Duration::from_millis(50);
