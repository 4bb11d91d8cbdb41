//! The task that sends: one for all runs of the process, over one connection, one batch at a time.
//!
//! - Idle, it waits to be woken. The first operation after a pause is sent at once.
//! - Then it waits until the interval is over, unless a batch is full, somebody calls `flush`, or the client ends.
//! - A batch that is under way is sent until the server answers it. Nothing overtakes it, so order holds.
//! - What the server refuses as a whole, for a reason that will not pass, is halved and tried in parts, so that one run's
//!   operations do not take others down with them.
//! - Documents are read between batches: what was read then has all that was sent, and nothing else of ours.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::time::{Instant, sleep, sleep_until};
use tracing::Instrument;

use crate::Error;
use crate::answer::{Answer, Loaded};
use crate::backoff::Backoff;
use crate::batch::Batch;
use crate::buffer::Buffer;
use crate::document::Document;
use crate::gather::gather;
use crate::run_state::{Family, RunState};
use crate::transport::Transport;
use crate::writer::Writer;

/// Statements spent on finding what in a batch is refused, before the rest of it is given up: enough for two culprits
/// among a thousand runs.
const SEARCH: usize = 24;

/// Runs read in one statement. Their documents may have 256 kB each.
const READ_AT_ONCE: usize = 100;

pub(crate) struct Batcher {
    buffer: Arc<Buffer>,
    transport: Arc<dyn Transport>,
    writer: Writer,
    backoff: Backoff,
    last_flush: Option<Instant>,
}

impl Batcher {
    pub(crate) fn new(buffer: Arc<Buffer>, transport: Arc<dyn Transport>) -> Batcher {
        let settings = &buffer.settings;
        let backoff = Backoff::new(settings.first_pause, settings.longest_pause);
        let writer = Writer::new(settings.kept_bytes());
        Batcher {
            buffer,
            transport,
            writer,
            backoff,
            last_flush: None,
        }
    }

    /// Runs until the client ends and nothing is left to be sent.
    pub(crate) async fn run(mut self) {
        let unsent = WarnIfUnsent(self.buffer.clone());
        loop {
            while !self.is_due() {
                self.wait().await;
                if self.buffer.has_asked() {
                    self.read_documents().await;
                    self.buffer.tick();
                }
            }
            self.buffer.urgent.store(false, Relaxed);
            if let Some(batch) = gather(&self.buffer) {
                self.last_flush = Some(Instant::now());
                self.deliver(batch).await;
            }
            self.buffer.tick();
            if self.buffer.closing.load(Relaxed) && !self.buffer.has_scheduled() {
                break;
            }
        }
        drop(unsent);
    }

    /// Returns when the next flush may be, without being asked for.
    fn next_flush(&self) -> Instant {
        let interval = self.buffer.settings.interval;
        self.last_flush
            .map_or_else(Instant::now, |last| last + interval)
    }

    fn is_due(&self) -> bool {
        let buffer = &self.buffer;
        buffer.urgent.load(Relaxed)
            || buffer.closing.load(Relaxed)
            || buffer.has_scheduled() && (buffer.is_full() || self.next_flush() <= Instant::now())
    }

    /// Waits until something may have become due.
    async fn wait(&self) {
        if self.buffer.has_asked() {
            return;
        }
        tokio::select! {
            () = sleep_until(self.next_flush()), if self.buffer.has_scheduled() => {}
            () = self.buffer.wake.notified() => {}
        }
    }

    async fn deliver(&mut self, batch: Batch) {
        let mut parts = vec![batch];
        let mut search = SEARCH;
        while let Some(batch) = parts.pop() {
            let span = tracing::debug_span!(
                "runmeta.flush",
                sequence = self.writer.sequence(),
                runs = batch.runs(),
                operations = batch.operations(),
                bytes = batch.text.len(),
            );
            match self.send(&batch).instrument(span).await {
                Ok(answers) => {
                    let meter = &self.buffer.meter;
                    meter.flushes.fetch_add(1, Relaxed);
                    meter
                        .flushed_operations
                        .fetch_add(batch.operations() as u64, Relaxed);
                    meter
                        .flushed_bytes
                        .fetch_add(batch.text.len() as u64, Relaxed);
                    batch.settle(&self.buffer, answers);
                }
                Err(Refused { error, certain }) if certain && batch.can_split() && search > 0 => {
                    tracing::warn!(
                        "a batch of {} runs was refused and is sent in two: {error}",
                        batch.runs()
                    );
                    search -= 1;
                    let (first, second) = batch.split();
                    parts.extend([second, first]);
                }
                Err(Refused { error, certain }) => {
                    if !certain {
                        // The server may have taken an earlier attempt, and with it the number.
                        self.writer.begin_anew();
                    }
                    tracing::error!("a batch of {} runs was refused: {error}", batch.runs());
                    self.buffer.meter.note_error(&error);
                    batch.give_up(&self.buffer, &error);
                }
            }
            self.buffer
                .meter
                .text_bytes
                .store(self.writer.kept_bytes(), Relaxed);
            self.buffer.tick();
        }
    }

    /// Sends a batch until the server answers it, and before it what the server turns out to have lost.
    async fn send(&mut self, batch: &Batch) -> Result<Vec<Answer>, Refused> {
        let mut again: VecDeque<Arc<str>> = VecDeque::new();
        let mut certain = true;
        loop {
            let text = again.front().unwrap_or(&batch.text).clone();
            self.buffer
                .meter
                .text_bytes
                .store(self.writer.kept_bytes() + 2 * text.len(), Relaxed);
            match self
                .transport
                .flush(&text, self.writer.id(), self.writer.sequence())
                .await
            {
                Ok(answers) => {
                    self.went_well();
                    self.writer.answered(text);
                    if again.pop_front().is_none() {
                        return Ok(answers);
                    }
                }
                Err(error) => match error.last_sequence_known() {
                    Some(known) => {
                        again = self.resync(known, again);
                        self.went_wrong(error).await;
                    }
                    None if !error.is_answer() || error.is_retryable() => {
                        certain &= error.is_answer();
                        self.went_wrong(error).await;
                    }
                    None if again.pop_front().is_some() => self.count_lost(1),
                    None => return Err(Refused { error, certain }),
                },
            }
        }
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
            "the server lost {batches} acknowledged batches that were kept no more"
        ));
        self.buffer.meter.note_error(&lost);
        tracing::error!("{lost}");
    }

    fn went_well(&mut self) {
        self.backoff.reset();
        self.buffer.set_trouble(None);
    }

    async fn went_wrong(&mut self, error: Error) {
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

    async fn read_documents(&mut self) {
        let mut asked = self.buffer.take_asked();
        asked.sort_by(|left, right| left.id.cmp(&right.id));
        asked.dedup_by(|left, right| Arc::ptr_eq(left, right));
        if asked.len() > READ_AT_ONCE {
            self.buffer.ask_again(asked.split_off(READ_AT_ONCE));
        }
        if asked.is_empty() {
            return;
        }
        let requests: Vec<u64> = asked.iter().map(|state| state.lock().fetch.asked).collect();
        let wanted: Vec<_> = asked
            .iter()
            .map(|state| {
                (
                    state.id.to_string(),
                    state.family().map(|family| family.root.to_string()),
                )
            })
            .collect();
        match self.transport.load(&wanted).await {
            Ok(loaded) => {
                self.went_well();
                let mut loaded: Vec<Option<Loaded>> = loaded.into_iter().map(Some).collect();
                for (state, request) in asked.iter().zip(requests) {
                    let found = loaded
                        .iter_mut()
                        .find(|run| run.as_ref().is_some_and(|run| *run.id == *state.id));
                    take_over(
                        state,
                        request,
                        found
                            .and_then(Option::take)
                            .ok_or_else(|| Error::no_such_run(&state.id)),
                    );
                }
            }
            Err(error) if error.is_answer() && !error.is_retryable() => {
                for (state, request) in asked.iter().zip(requests) {
                    take_over(state, request, Err(error.clone()));
                }
            }
            Err(error) => {
                self.buffer.ask_again(asked);
                self.went_wrong(error).await;
            }
        }
    }
}

fn take_over(state: &RunState, request: u64, result: Result<Loaded, Error>) {
    let mut pending = state.lock();
    pending.fetch.made = request;
    match result {
        Ok(run) => {
            state.set_family(Family {
                root: run.root.into(),
                parent: run.parent.map(Into::into),
            });
            pending.document = Some(Document::new(run.document, run.version));
            pending.fetch.failure = None;
        }
        Err(error) => pending.fetch.failure = Some(error),
    }
}

/// A batch was answered with an error that will not pass.
struct Refused {
    error: Error,
    /// True if every attempt was answered, so that none can have taken effect.
    certain: bool,
}

/// Tells when the task ends with operations unsent: the runtime was shut down before the client.
struct WarnIfUnsent(Arc<Buffer>);

impl Drop for WarnIfUnsent {
    fn drop(&mut self) {
        let weight = self.0.meter.weight.load(Relaxed);
        if weight > 0 && !self.0.closed.load(Relaxed) {
            tracing::error!(
                "the runtime ended before the client: operations of {weight} bytes were not sent; call shutdown()"
            );
        }
    }
}
