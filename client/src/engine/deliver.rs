//! Sending batches: each until the server has answered it, exactly once and in order.
//!
//! - What was not answered is sent again, unchanged and with the same number, after a pause that grows. Nothing overtakes it.
//! - What the server lost, because a standby took over, is sent again first.
//! - What is refused as a whole, for a reason that will not pass, is halved until what is to blame is found, so that one run's
//!   operations do not take others down with them. If the server refuses even a batch with nothing in it, none is to blame.
//! - What waits too long for a lock is found in the same way and set aside: a transaction that holds a run's row holds up that
//!   run, not all others. Nothing else is sent for the run until that has arrived.
//! - If an attempt of a refused batch was never answered, it may have taken effect all the same, or may yet. A batch for a run
//!   that does not exist, with the same number, tells: it is a duplicate, or has taken the number away from that attempt.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::Instrument;
use uuid::Uuid;

use crate::Error;
use crate::answer::{Answer, Outcome};
use crate::backoff::Backoff;
use crate::batch::Batch;
use crate::buffer::Buffer;
use crate::transport::Transport;
use crate::writer::Writer;

/// A batch with nothing in it.
const NOTHING: &str = "[]";

/// After it waited in vain for a lock, a batch rests so many times as long: all others wait with it.
const REST: u32 = 4;

/// What the longest wait for a lock leads to where only one is held.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The shortest wait for a lock, while those who wait in vain are found.
const LEAST_PATIENCE: Duration = Duration::from_millis(20);

pub(crate) struct Sender {
    buffer: Arc<Buffer>,
    transport: Arc<dyn Transport>,
    writer: Writer,
    backoff: Backoff,
    aside: Vec<Aside>,
}

/// A batch that waits for somebody to let go of a lock.
struct Aside {
    batch: Batch,
    /// How long it will wait for the lock the next time, and when.
    patience: Duration,
    until: Instant,
}

/// What became of a text.
enum Sent {
    Answered(Vec<Answer>),
    /// It took effect, but the answer was lost.
    Arrived,
    /// It had no effect and never will.
    Refused(Error),
    /// It had no effect, as it waited too long for a lock.
    Locked(Error),
    /// It is refused now, and it cannot be known whether it took effect before.
    Doubtful(Error),
    /// The server misses batches after that number.
    Gap(i64, Error),
}

/// Why a batch is not taken.
enum Refused {
    Certainly(Error),
    /// An attempt that was never answered may have taken effect.
    InDoubt(Error),
    /// Somebody holds a lock.
    Locked(Error),
}

impl Sender {
    pub(crate) fn new(buffer: Arc<Buffer>, transport: Arc<dyn Transport>) -> Sender {
        let settings = &buffer.settings;
        let backoff = Backoff::new(settings.first_pause, settings.longest_pause);
        let writer = Writer::new(settings.kept_bytes());
        Sender {
            buffer,
            transport,
            writer,
            backoff,
            aside: Vec::new(),
        }
    }

    /// Returns when a batch that was set aside is to be tried again.
    pub(crate) fn next_aside(&self) -> Option<Instant> {
        self.aside.iter().map(|aside| aside.until).min()
    }

    /// Tries one batch again whose rest is over. The others wait for another turn, so that everything else goes on.
    pub(crate) async fn deliver_aside(&mut self) {
        let now = Instant::now();
        if let Some(at) = self.aside.iter().position(|aside| aside.until <= now) {
            let aside = self.aside.swap_remove(at);
            let batch = aside.batch.written_again();
            self.deliver_within(batch, aside.patience).await;
        }
    }

    /// Sends a batch, in parts if it must be, and tells the runs what became of their operations.
    pub(crate) async fn deliver(&mut self, batch: Batch) {
        let patience = self.buffer.settings.first_patience();
        self.deliver_within(batch, patience).await;
    }

    async fn deliver_within(&mut self, batch: Batch, patience: Duration) {
        self.writer.rest();
        let mut parts = vec![(batch, patience)];
        let mut refuses_all = None;
        while let Some((batch, patience)) = parts.pop() {
            let span = tracing::debug_span!(
                "runmeta.flush",
                sequence = self.writer.sequence(),
                runs = batch.runs(),
                operations = batch.operations(),
                bytes = batch.text.len(),
            );
            match self.send(&batch, patience).instrument(span).await {
                Ok(answers) => {
                    self.buffer
                        .meter
                        .flushed(batch.operations(), batch.text.len());
                    if let Some(text) = answers.as_ref().and_then(|all| batch.text_taken(all)) {
                        // What was refused must not take effect after a failover: it was told, or is tried in another way.
                        self.writer.keep_instead(text);
                    }
                    let next = batch.settle(&self.buffer, answers);
                    parts.extend(next.map(|next| (next, patience)));
                }
                Err(Refused::Locked(_)) if batch.can_split() => {
                    // All others wait while it is found.
                    let patience = (patience / 2).max(LEAST_PATIENCE);
                    let (first, second) = batch.split();
                    parts.extend([(second, patience), (first, patience)]);
                }
                Err(Refused::Locked(error)) => self.set_aside(batch, patience, &error),
                Err(Refused::Certainly(error)) if batch.can_split() => {
                    let refuses_all = match refuses_all {
                        Some(known) => known,
                        None => *refuses_all.insert(self.refuses_all().await),
                    };
                    if refuses_all {
                        self.give_up(batch, &error);
                    } else {
                        tracing::warn!(
                            "a batch of {} runs was refused and is sent in two: {error}",
                            batch.runs()
                        );
                        let (first, second) = batch.split();
                        parts.extend([(second, patience), (first, patience)]);
                    }
                }
                Err(Refused::Certainly(error) | Refused::InDoubt(error)) => {
                    self.give_up(batch, &error);
                }
            }
            self.buffer.log_refusals();
            self.buffer
                .meter
                .text_bytes
                .store(self.writer.kept_bytes(), Relaxed);
            self.buffer.tick();
        }
    }

    fn give_up(&self, batch: Batch, error: &Error) {
        tracing::error!("a batch of {} runs was refused: {error}", batch.runs());
        self.buffer.meter.note_error(error);
        batch.give_up(&self.buffer, error);
    }

    fn set_aside(&mut self, batch: Batch, patience: Duration, error: &Error) {
        // At most a fifth of the time is spent in vain, however many are locked.
        let many = u32::try_from(self.aside.len() + 1).unwrap_or(u32::MAX);
        let rest = (patience * REST).saturating_mul(many).min(LONGEST_REST);
        tracing::warn!(
            run = batch.name(),
            "somebody holds a lock for long; trying again in {rest:?}: {error}"
        );
        self.buffer.meter.retries.fetch_add(1, Relaxed);
        self.buffer.meter.note_error(error);
        let longest = (self.buffer.settings.longest_patience() / many).max(LEAST_PATIENCE);
        self.aside.push(Aside {
            batch: batch.without_text(),
            patience: (patience * 2).min(longest),
            until: Instant::now() + rest,
        });
    }

    /// Sends a batch until the server answers it, and before it what the server turns out to have lost. Returns no answers
    /// if they are lost.
    async fn send(
        &mut self,
        batch: &Batch,
        patience: Duration,
    ) -> Result<Option<Vec<Answer>>, Refused> {
        let mut again: VecDeque<Arc<str>> = VecDeque::new();
        loop {
            let text = again.front().unwrap_or(&batch.text).clone();
            let answers = match self.send_text(&text, patience).await {
                Sent::Answered(answers) => Some(answers),
                Sent::Arrived => None,
                Sent::Gap(known, error) => {
                    again = self.resync(known, again);
                    self.went_wrong(error).await;
                    continue;
                }
                Sent::Refused(_) | Sent::Doubtful(_) if again.pop_front().is_some() => {
                    self.count_lost(1);
                    continue;
                }
                Sent::Locked(error) if !again.is_empty() => {
                    self.went_wrong(error).await;
                    continue;
                }
                Sent::Refused(error) => return Err(Refused::Certainly(error)),
                Sent::Doubtful(error) => return Err(Refused::InDoubt(error)),
                Sent::Locked(error) => return Err(Refused::Locked(error)),
            };
            if again.pop_front().is_none() {
                return Ok(answers);
            }
            // The run may have been closed or filled meanwhile.
            let is_refused = |answer: &Answer| answer.outcome.is_refusal();
            if answers.iter().flatten().any(is_refused) {
                self.count_lost(1);
            }
        }
    }

    async fn send_text(&mut self, text: &Arc<str>, patience: Duration) -> Sent {
        self.buffer
            .meter
            .text_bytes
            .store(self.writer.kept_bytes() + 2 * text.len(), Relaxed);
        let mut certain = true;
        loop {
            let (writer, sequence) = (self.writer.id(), self.writer.sequence());
            match self.transport.flush(text, writer, sequence, patience).await {
                Ok(answers) => {
                    self.went_well();
                    self.writer.answered(text.clone());
                    return Sent::Answered(answers);
                }
                Err(error) => match error.last_sequence_known() {
                    Some(known) => return Sent::Gap(known, error),
                    None if error.is_locked() => {
                        self.went_well();
                        if certain {
                            return Sent::Locked(error);
                        }
                        // The lock may be that of an attempt that went unanswered and is still at work.
                        return match self.find_out(text, error).await {
                            Sent::Refused(error) => Sent::Locked(error),
                            found => found,
                        };
                    }
                    None if passes(&error) => {
                        certain &= error.is_certain();
                        self.went_wrong(error).await;
                    }
                    None => {
                        self.went_well();
                        return match certain {
                            true => Sent::Refused(error),
                            false => self.find_out(text, error).await,
                        };
                    }
                },
            }
        }
    }

    /// Finds out whether an attempt that was never answered took effect, after another was refused. If it did not, it never
    /// will: its number is taken now, should it still be on its way.
    async fn find_out(&mut self, text: &Arc<str>, refused: Error) -> Sent {
        let claim = format!(r#"[{{"run":"{}","operations":[]}}]"#, Uuid::new_v4());
        let patience = self.buffer.settings.first_patience();
        loop {
            let (writer, sequence) = (self.writer.id(), self.writer.sequence());
            match self
                .transport
                .flush(&claim, writer, sequence, patience)
                .await
            {
                Ok(answers) => {
                    self.went_well();
                    let is_duplicate = |answer: &Answer| answer.outcome == Outcome::Duplicate;
                    if answers.iter().any(is_duplicate) {
                        self.writer.answered(text.clone());
                        return Sent::Arrived;
                    }
                    self.writer.answered(NOTHING.into());
                    return Sent::Refused(refused);
                }
                Err(error) => match error.last_sequence_known() {
                    Some(known) => return Sent::Gap(known, error),
                    None if passes(&error) => self.went_wrong(error).await,
                    None => {
                        // Whether it has the number cannot be known, so no other batch may have it.
                        self.went_well();
                        self.writer.begin_anew();
                        return Sent::Doubtful(refused);
                    }
                },
            }
        }
    }

    /// Returns true if the server refuses whatever it is sent.
    async fn refuses_all(&mut self) -> bool {
        let patience = self.buffer.settings.first_patience();
        let sent = self.send_text(&NOTHING.into(), patience).await;
        matches!(sent, Sent::Refused(_) | Sent::Doubtful(_))
    }

    fn resync(&mut self, known: i64, behind: VecDeque<Arc<str>>) -> VecDeque<Arc<str>> {
        let resync = self.writer.resync(known);
        let mut again = resync.again;
        tracing::warn!(
            known,
            again = again.len(),
            "the server misses batches that it had acknowledged; sending them again"
        );
        if resync.lost > 0 {
            self.count_lost(resync.lost.unsigned_abs());
        }
        again.extend(behind);
        again
    }

    fn count_lost(&self, batches: u64) {
        self.buffer.meter.lost_batches.fetch_add(batches, Relaxed);
        let lost = Error::unexpected(format!(
            "the server lost {batches} acknowledged batches, or parts of them, which cannot be sent again"
        ));
        self.buffer.meter.note_error(&lost);
        tracing::error!("{lost}");
    }

    pub(crate) fn went_well(&mut self) {
        self.backoff.reset();
        self.buffer.set_trouble(None);
    }

    pub(crate) async fn went_wrong(&mut self, error: Error) {
        let pause = self.backoff.pause();
        if error.is_retryable() {
            tracing::warn!("trying again in {pause:?}: {error}");
        } else {
            tracing::error!("this will not mend itself; trying again in {pause:?}: {error}");
        }
        self.buffer.meter.retries.fetch_add(1, Relaxed);
        self.buffer.set_trouble(Some(error));
        self.buffer.tick();
        sleep(pause).await;
    }
}

/// Returns true if the same statement may go well another time.
fn passes(error: &Error) -> bool {
    !error.is_answer() || error.is_retryable()
}
