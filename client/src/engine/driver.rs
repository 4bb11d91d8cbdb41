//! The task that sends: one for all runs of the process, over one connection, one batch at a time.
//!
//! - Idle, it waits to be woken. The first operation after a pause is sent at once.
//! - Then it waits until the interval is over, unless a batch is full, somebody calls `flush`, or the client ends.
//! - Documents are read between batches: what was read then has all that was sent, and nothing else of ours.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::Error;
use crate::answer::Loaded;
use crate::buffer::Buffer;
use crate::document::Document;
use crate::gather::gather;
use crate::run_state::{Family, RunState};
use crate::sender::Sender;
use crate::transport::Transport;

/// Runs read in one statement. Their documents may have 256 kB each.
const READ_AT_ONCE: usize = 100;

/// How long nothing is gathered after there was nothing to be gathered. Short, so that what comes meanwhile hardly waits.
const STUCK: Duration = Duration::from_millis(10);

pub(crate) struct Batcher {
    buffer: Arc<Buffer>,
    transport: Arc<dyn Transport>,
    sender: Sender,
    last_flush: Option<Instant>,
    /// Set when nothing of what waits could be sent: all of it waits for what was set aside.
    stuck_until: Option<Instant>,
    _ending: Ending,
}

impl Batcher {
    pub(crate) fn new(buffer: Arc<Buffer>, transport: Arc<dyn Transport>) -> Batcher {
        Batcher {
            sender: Sender::new(buffer.clone(), transport.clone()),
            _ending: Ending(buffer.clone()),
            buffer,
            transport,
            last_flush: None,
            stuck_until: None,
        }
    }

    /// Runs until the client ends and nothing is left to be sent.
    pub(crate) async fn run(mut self) {
        loop {
            self.stuck_until = self.stuck_until.filter(|until| *until > Instant::now());
            // Those who read and those who flush take turns, so that neither keeps the other waiting.
            if self.buffer.has_asked() {
                self.read_documents().await;
                self.buffer.tick();
            }
            if self
                .sender
                .next_aside()
                .is_some_and(|next| next <= Instant::now())
            {
                self.sender.deliver_aside().await;
                self.stuck_until = None;
            }
            if !self.is_due() {
                self.wait().await;
                continue;
            }
            self.buffer.urgent.store(false, Relaxed);
            // Before looking what there is: what was said before the last handle went must not be overlooked.
            let closing = self.buffer.closing.load(Acquire);
            if let Some(batch) = gather(&self.buffer) {
                self.last_flush = Some(Instant::now());
                self.sender.deliver(batch).await;
                self.buffer.tick();
                continue;
            }
            if self.buffer.has_scheduled() || closing && self.sender.next_aside().is_some() {
                self.stuck_until = Some(Instant::now() + STUCK);
            } else if closing {
                break;
            }
        }
    }

    /// Returns when the next flush may be, without being asked for.
    fn next_flush(&self) -> Instant {
        let interval = self.buffer.settings.interval;
        self.last_flush
            .map_or_else(Instant::now, |last| last + interval)
    }

    /// Returns true if nobody wants to wait for the interval.
    fn hurries(&self) -> bool {
        self.buffer.urgent.load(Relaxed) || self.buffer.closing.load(Relaxed)
    }

    fn is_due(&self) -> bool {
        let buffer = &self.buffer;
        if self.stuck_until.is_some() {
            return false;
        }
        // What waits for something that was set aside fills no batch.
        let is_full = self.sender.next_aside().is_none() && buffer.is_full();
        self.hurries() || buffer.has_scheduled() && (is_full || self.next_flush() <= Instant::now())
    }

    /// Waits until something may have become due.
    async fn wait(&self) {
        if self.buffer.has_asked() {
            return;
        }
        let next_aside = self.sender.next_aside();
        let aside = async { sleep_until(next_aside.unwrap_or_else(Instant::now)).await };
        let next = match (self.hurries(), self.stuck_until) {
            (true, Some(until)) => until,
            (_, until) => self.next_flush().max(until.unwrap_or_else(Instant::now)),
        };
        tokio::select! {
            () = sleep_until(next), if self.hurries() || self.buffer.has_scheduled() => {}
            () = aside, if next_aside.is_some() => {}
            () = self.buffer.wake.notified() => {}
        }
    }

    async fn read_documents(&mut self) {
        let mut asked = self.buffer.take_asked();
        let mut seen = HashSet::new();
        asked.retain(|state| seen.insert(Arc::as_ptr(state) as usize));
        if asked.len() > READ_AT_ONCE {
            self.buffer.ask_again(asked.split_off(READ_AT_ONCE));
        }
        if !asked.is_empty() {
            self.read(asked).await;
        }
    }

    async fn read(&mut self, asked: Vec<Arc<RunState>>) {
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
                self.sender.went_well();
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
            // Others need not suffer for the one at which the server stumbles.
            Err(error) if error.is_final_answer() && asked.len() > 1 => {
                tracing::warn!("{} runs are read one by one: {error}", asked.len());
                for state in asked {
                    Box::pin(self.read(vec![state])).await;
                    self.buffer.tick();
                }
            }
            Err(error) if error.is_final_answer() => {
                for (state, request) in asked.iter().zip(requests) {
                    take_over(state, request, Err(error.clone()));
                }
            }
            Err(error) => {
                self.buffer.ask_again(asked);
                self.sender.went_wrong(error).await;
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
            match run.document {
                Ok(document) => {
                    pending.document = Some(Document::new(document, run.version));
                    pending.fetch.failure = None;
                }
                Err(error) => pending.fetch.failure = Some(error),
            }
        }
        Err(error) => pending.fetch.failure = Some(error),
    }
}

/// Tells everybody when the task has ended, whatever ended it.
struct Ending(Arc<Buffer>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended.store(true, Relaxed);
        self.0.tick();
        let weight = self.0.meter.weight.load(Relaxed);
        if weight > 0 && !self.0.closed.load(Relaxed) {
            tracing::error!(
                "the runtime ended before the client: operations of {weight} bytes were not sent; call shutdown()"
            );
        }
    }
}
