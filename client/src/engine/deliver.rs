//! Delivering a batch: sending it, in parts if it must be, until each of its runs knows what became of its operations.
//!
//! - A batch that is rejected as a whole, for a reason that will not pass, is split in half until the run to blame is
//!   found, so that one run's operations do not take others with them. If the server rejects even a batch with nothing in it, none
//!   is to blame, and all are given up.
//! - One that is too much for the server's memory is split in half.
//! - Of one that waited too long for a lock, the runs whose rows are locked are set [aside](super::aside).
//! - What the server lost, because a standby took over, is sent again before everything else.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use super::attempt::{Attempt, NOTHING, Next, Refused, Sent, Statement};
use super::batch::Batch;
use super::{Action, Engine};
use crate::Error;
use crate::wire::sqlstate::Meaning;
use crate::wire::{Diagnosis, Row};

/// How often a run's operations that are too much for the server's memory are tried.
pub(super) const TRIES: u32 = 5;

#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// Batches to be sent, the next one last.
    work: Vec<Batch>,
    /// Texts that the server lost, to be sent before. Changed here and in [`lost`](super::lost).
    pub(super) lost: VecDeque<Arc<str>>,
    /// How often the first of them was too much for the server's memory.
    pub(super) lost_tries: u32,
    sending: Option<Sending>,
    /// A batch that was answered, and the answer, whose runs learn of it when the next batch is under way.
    answered: Option<(Batch, Vec<Row>)>,
    /// True if the server was found to reject whatever it is sent, false if it was found not to.
    rejects_all: Option<bool>,
}

#[derive(Debug)]
struct Sending {
    what: What,
    attempt: Attempt,
    /// When the last statement was sent.
    since: Instant,
}

#[derive(Debug)]
enum What {
    Batch(Batch),
    /// A text that the server lost.
    Lost,
    /// A batch with nothing in it, to learn whether the server rejects everything after it rejected this one.
    Nothing(Batch, Error),
}

impl Delivery {
    /// Returns true if nothing is to be sent or under way.
    pub(super) fn is_idle(&self) -> bool {
        self.work.is_empty()
            && self.lost.is_empty()
            && self.sending.is_none()
            && self.answered.is_none()
    }

    /// Returns true if a batch is under way, and nothing else is to be sent after it.
    pub(super) fn sends_last_batch(&self) -> bool {
        let sends_batch = |sending: &Sending| matches!(sending.what, What::Batch(_));
        self.work.is_empty()
            && self.lost.is_empty()
            && self.sending.as_ref().is_some_and(sends_batch)
    }

    pub(super) fn take_answered(&mut self) -> Option<(Batch, Vec<Row>)> {
        self.answered.take()
    }

    /// Returns true if the runs of a batch are still to learn of its answer.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.is_some()
    }

    /// Returns true if texts that the server lost are not sent again yet.
    pub(super) fn has_lost(&self) -> bool {
        let sends_lost = |sending: &Sending| matches!(sending.what, What::Lost);
        !self.lost.is_empty() || self.sending.as_ref().is_some_and(sends_lost)
    }

    pub(super) fn add(&mut self, batch: Batch) {
        if self.is_idle() {
            self.rejects_all = None;
        }
        self.work.push(batch);
    }

    /// Returns the batches that are to be sent or under way.
    pub(super) fn batches(&self) -> impl Iterator<Item = &Batch> {
        let under_way = self
            .sending
            .as_ref()
            .and_then(|sending| match &sending.what {
                What::Batch(batch) | What::Nothing(batch, _) => Some(batch),
                What::Lost => None,
            });
        self.work.iter().chain(under_way)
    }

    /// Returns the bytes of text that are kept for what is being sent: the text, and the copy on its way.
    pub(super) fn text_bytes(&self) -> usize {
        let sending = self.sending.as_ref();
        let lost: usize = self.lost.iter().map(|text| text.len()).sum();
        lost + 2 * sending.map_or(0, |sending| sending.attempt.text.len())
    }
}

impl Engine {
    /// Returns the next statement of the delivery, if there is one.
    pub(super) fn next_of_delivery(&mut self, now: Instant) -> Option<Action> {
        if self.delivery.sending.is_none() {
            let (what, text) = match self.delivery.lost.pop_front() {
                Some(text) => (What::Lost, text),
                None => {
                    let batch = self.delivery.work.pop()?;
                    let text = batch.text.clone();
                    (What::Batch(batch), text)
                }
            };
            self.begin(what, text, now);
        }
        let sending = self.delivery.sending.as_mut()?;
        sending.since = now;
        self.statements += 1;
        Some(match sending.attempt.statement(&self.writer) {
            Statement::Flush(flush) => {
                let (runs, operations) = match &sending.what {
                    What::Batch(batch) => (batch.runs(), batch.operations()),
                    _ => (0, 0),
                };
                Action::Flush {
                    flush,
                    runs,
                    operations,
                }
            }
            Statement::Diagnose => Action::Diagnose {
                writer: self.writer.id(),
                runs: match &sending.what {
                    What::Batch(batch) => batch.ids().cloned().collect(),
                    _ => Vec::new(),
                },
            },
        })
    }

    fn begin(&mut self, what: What, text: Arc<str>, now: Instant) {
        self.writer.renew();
        let lock_timeout = self.pace.lock_timeout(now);
        self.delivery.sending = Some(Sending {
            what,
            attempt: Attempt::new(text, lock_timeout),
            since: now,
        });
    }

    /// Takes over the answer to a batch.
    pub(super) fn flushed(&mut self, answer: Result<Vec<Row>, Error>, now: Instant) {
        let Some(sending) = &mut self.delivery.sending else {
            return;
        };
        let took = now - sending.since;
        if let (Ok(_), What::Batch(batch)) = (&answer, &sending.what) {
            self.pace.batch_took(took, batch.taken());
        }
        if let Err(error) = &answer
            && error.meaning() == Meaning::Locked
        {
            self.pace.waited(took);
        }
        let next = sending.attempt.answered(answer, &mut self.writer);
        self.go_on(next, now);
    }

    /// Takes over why a batch failed.
    pub(super) fn diagnosed(&mut self, diagnosis: Result<Diagnosis, Error>, now: Instant) {
        let Some(sending) = &mut self.delivery.sending else {
            return;
        };
        let next = sending.attempt.diagnosed(diagnosis, &mut self.writer);
        self.go_on(next, now);
    }

    fn go_on(&mut self, next: Next, now: Instant) {
        match next {
            Next::Now => self.went_well(),
            Next::Later(error) => self.went_wrong(&error, now),
            Next::Done(sent) => {
                let Some(Sending { what, attempt, .. }) = self.delivery.sending.take() else {
                    return;
                };
                if !matches!(sent, Sent::Gap(..)) {
                    self.went_well();
                }
                match what {
                    What::Batch(batch) => self.batch_sent(batch, sent, now),
                    What::Lost => self.lost_sent(attempt.text, sent, now),
                    What::Nothing(batch, error) => self.nothing_sent(batch, error, sent, now),
                }
            }
        }
    }

    fn batch_sent(&mut self, batch: Batch, sent: Sent, now: Instant) {
        match sent {
            Sent::Answered(rows) => {
                let meter = &self.buffer.meter;
                meter.flushed(batch.operations(), batch.text.len());
                if let Some(text) = batch.text_taken(&rows) {
                    // What was refused must not take effect after a failover: it was reported, or is sent otherwise.
                    self.writer.keep_instead(text);
                }
                if self.delivery.work.is_empty() {
                    self.completed(batch, Some(&rows), now);
                } else {
                    self.delivery.answered = Some((batch, rows));
                }
            }
            Sent::Arrived => {
                let meter = &self.buffer.meter;
                meter.flushed(batch.operations(), batch.text.len());
                self.completed(batch, None, now);
            }
            Sent::Gap(known, error) => {
                self.delivery.work.push(batch);
                self.resync(known, &error, now);
            }
            Sent::Doubtful(error) => self.reject(batch, &error),
            Sent::Refused(Refused::Locked(error, diagnosis)) => {
                self.locked(batch, &error, &diagnosis, now);
            }
            Sent::Refused(Refused::Rejected(error))
                if error.meaning() == Meaning::TooMuchMemory =>
            {
                self.too_much(batch, &error, now);
            }
            Sent::Refused(Refused::Rejected(error)) => match self.delivery.rejects_all {
                _ if !batch.can_split() => self.reject(batch, &error),
                Some(true) => self.reject(batch, &error),
                Some(false) => self.split(batch, &error),
                None => self.begin(What::Nothing(batch, error), NOTHING.into(), now),
            },
        }
    }

    /// Lets the runs of a batch that was answered learn of it.
    pub(super) fn complete_answered(&mut self, now: Instant) {
        if let Some((batch, rows)) = self.delivery.take_answered() {
            self.completed(batch, Some(&rows), now);
        }
    }

    fn completed(&mut self, batch: Batch, rows: Option<&[Row]>, now: Instant) {
        if batch.was_aside {
            self.aside.one_went_through(now);
        }
        if let Some(next) = batch.complete(&self.buffer, rows) {
            self.delivery.work.push(next);
        }
    }

    fn nothing_sent(&mut self, batch: Batch, error: Error, sent: Sent, now: Instant) {
        let rejects_all = match sent {
            Sent::Gap(known, gap) => {
                self.delivery.work.push(batch);
                return self.resync(known, &gap, now);
            }
            Sent::Refused(Refused::Rejected(_)) | Sent::Doubtful(_) => true,
            Sent::Answered(_) | Sent::Arrived | Sent::Refused(Refused::Locked(..)) => false,
        };
        self.delivery.rejects_all = Some(rejects_all);
        match rejects_all {
            true => self.reject(batch, &error),
            false => self.split(batch, &error),
        }
    }

    fn split(&mut self, batch: Batch, error: &Error) {
        tracing::warn!(
            runs = batch.runs(),
            error = %error,
            "a batch was rejected and is sent in two halves"
        );
        let (first, second) = batch.halves();
        self.delivery.work.extend([second, first]);
    }

    fn reject(&mut self, batch: Batch, error: &Error) {
        tracing::error!(runs = batch.runs(), error = %error, "a batch was rejected");
        self.buffer.meter.note_error(error);
        batch.reject(&self.buffer, error);
    }

    fn too_much(&mut self, mut batch: Batch, error: &Error, now: Instant) {
        if batch.can_split() {
            return self.split(batch, error);
        }
        batch.tries += 1;
        match batch.tries > TRIES {
            true => self.reject(batch, error),
            false => {
                self.note_aside(&batch, error);
                self.aside.push_unknown(batch, now);
            }
        }
    }

    fn locked(&mut self, mut batch: Batch, error: &Error, diagnosis: &Diagnosis, now: Instant) {
        let locked: HashSet<String> = diagnosis.locked.iter().cloned().collect();
        if !locked.is_empty() {
            let (free, held) = batch.without(&locked);
            for batch in held {
                self.note_aside(&batch, error);
                self.aside.push_locked(batch, now);
            }
            self.delivery.work.extend(free);
        } else if batch.can_split() {
            let (first, second) = batch.halves();
            self.delivery.work.extend([second, first]);
        } else {
            batch.tries += 1;
            self.note_aside(&batch, error);
            self.aside.push_unknown(batch, now);
        }
        if self.is_shutting_down() {
            self.aside.hurry(now);
        }
    }

    fn note_aside(&self, batch: &Batch, error: &Error) {
        tracing::warn!(
            run = batch.ids().next().map_or("", |id| id),
            error = %error,
            "a run is locked by another transaction and is sent later"
        );
        self.buffer.meter.retries.fetch_add(1, Relaxed);
        self.buffer.meter.note_error(error);
    }

    /// Takes up batches that were set aside.
    pub(super) fn take_up(&mut self, batches: Vec<Batch>) {
        let (first, again): (Vec<_>, Vec<_>) =
            batches.into_iter().partition(|batch| batch.tries == 0);
        let together = Batch::join(first, self.pace.room());
        for mut batch in again.into_iter().map(Batch::written_again).chain(together) {
            batch.was_aside = true;
            batch.take_up();
            self.delivery.add(batch);
        }
    }
}
