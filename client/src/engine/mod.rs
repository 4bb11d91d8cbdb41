//! The engine: everything that moves, decided by one pure function.
//!
//! [`Engine::step`] takes what happened and returns what is to be done. It does no I/O and knows no clock, so tests drive it
//! through a million cases without a runtime. The [`driver`] is the loop around it.
//!
//! | question | file |
//! |---|---|
//! | When does a batch leave, and how long are the pauses? | [`pace`] |
//! | What is in it? | [`gather`], [`batch`], [`text`] |
//! | How is a lost answer retried? | [`attempt`], [`writer`] |
//! | What if the server lost what it had acknowledged? | [`lost`] |
//! | What happens when it is rejected, or a row is locked? | [`deliver`], [`aside`] |
//! | What does the answer mean for its runs? | [`complete`], [`answer`], [`by_key`] |
//! | When are runs read? | [`read`] |
//! | Who waits for what, and until when? | [`request`], [`waiting`] |
//! | When is the client over? | [`ending`] |

mod answer;
mod aside;
mod attempt;
pub(crate) mod backoff;
mod batch;
mod by_key;
mod complete;
mod deliver;
pub(crate) mod driver;
mod ending;
mod gather;
mod lost;
mod pace;
mod read;
mod request;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod waiting;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::Error;
use crate::buffer::{Buffer, lock};
use crate::wire::sqlstate::Meaning;
use crate::wire::{Diagnosis, Flush, Loaded, Row, Wanted};
use aside::Aside;
use deliver::Delivery;
use ending::Shutdown;
use gather::{Which, gather};
use pace::Pace;
use read::Reads;
use waiting::WaitingList;
use writer::Writer;

/// While the client ends, no pause takes more than one part in so many of the time that is left: a server that comes back is
/// found in time.
const SHUTDOWN_SHARE: u32 = 8;

/// The longest pause while a whole table is locked, since the end of that cannot be foreseen. A guess: a bar that stands still for a
/// second longer is not noticed.
const LONGEST_FOR_LOCK: Duration = Duration::from_secs(1);

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// Something was recorded or asked for.
    Woken,
    /// The time came that [`Engine::due`] named.
    Timer,
    /// The server answered a batch, or did not.
    Flushed(Result<Vec<Row>, Error>),
    /// The server answered why a batch failed, or which rows are locked.
    Diagnosed(Result<Diagnosis, Error>),
    /// The server answered a read.
    Loaded(Result<Vec<Loaded>, Error>),
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    Flush {
        flush: Flush,
        runs: usize,
        operations: usize,
    },
    Diagnose {
        writer: Uuid,
        runs: Vec<Arc<str>>,
    },
    Load(Vec<Wanted>),
    /// Nothing is left to be done, ever.
    End,
}

#[derive(Debug)]
pub(crate) struct Engine {
    buffer: Arc<Buffer>,
    writer: Writer,
    pace: Pace,
    delivery: Delivery,
    aside: Aside,
    reads: Reads,
    waiting: WaitingList,
    /// A flush or a diagnosis is under way.
    is_busy: bool,
    /// The batch after the one under way was gathered, or could not be.
    looked_ahead: bool,
    /// The diagnosis that is under way looks at what is set aside.
    looks_aside: bool,
    /// What cannot leave before something else happens.
    stuck: Stuck,
    /// When so many runs have commands, starts whose callers are gone are taken out.
    withdraw_at: usize,
    /// Statements sent so far.
    statements: u64,
    /// Why the last statement failed; `None` after one that did not.
    trouble: Option<Error>,
    /// The last handle is gone, or `shutdown` was called.
    is_closing: bool,
    shutdown: Option<Shutdown>,
    has_ended: bool,
}

/// Which runs cannot leave now, because they are read or belong together with others that are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stuck {
    Nothing,
    /// Those for which somebody waits.
    Awaited,
    All,
}

impl Engine {
    pub(crate) fn new(buffer: Arc<Buffer>, now: Instant) -> Engine {
        let settings = &buffer.settings;
        Engine {
            writer: Writer::new(settings.kept_bytes(), now),
            pace: Pace::new(settings, now),
            delivery: Delivery::default(),
            aside: Aside::default(),
            reads: Reads::new(settings),
            waiting: WaitingList::default(),
            is_busy: false,
            looked_ahead: false,
            looks_aside: false,
            stuck: Stuck::Nothing,
            withdraw_at: 64,
            statements: 0,
            trouble: None,
            is_closing: false,
            shutdown: None,
            has_ended: false,
            buffer,
        }
    }

    /// Takes what happened and returns what is to be done.
    pub(crate) fn step(&mut self, now: Instant, input: Input) -> Vec<Action> {
        self.writer.set_now(now);
        if !matches!(input, Input::Timer) {
            self.stuck = Stuck::Nothing;
        }
        self.complete_answered(now);
        match input {
            Input::Woken | Input::Timer => {}
            Input::Flushed(answer) => {
                self.is_busy = false;
                self.looked_ahead = false;
                self.flushed(answer, now);
                self.reads.look_again();
            }
            Input::Diagnosed(diagnosis) => {
                self.is_busy = false;
                match std::mem::take(&mut self.looks_aside) {
                    true => self.looked_aside(diagnosis, now),
                    false => self.diagnosed(diagnosis, now),
                }
                // What was set aside can be read.
                self.reads.look_again();
            }
            Input::Loaded(answer) => self.reads.loaded(answer, &self.buffer, now),
        }
        for request in self.buffer.take_requests() {
            self.take_request(request, now);
        }
        if self.waiting.expire(now, self.trouble.as_ref()) {
            self.withdraw_at = 0;
            self.withdraw_starts();
        }
        if self.looks_ahead() {
            self.look_ahead();
        }
        let mut actions = Vec::new();
        if !self.is_busy
            && let Some(action) = self.next_statement(now)
        {
            self.is_busy = true;
            actions.push(action);
        }
        // What the server lost comes first: a document is read with it.
        if !self.delivery.has_lost() {
            actions.extend(self.reads.next(now).map(Action::Load));
        }
        if self.is_over(now) {
            self.end();
            actions = vec![Action::End];
        }
        let texts = self.writer.kept_bytes() + self.delivery.text_bytes();
        self.buffer.meter.text_bytes.store(texts, Relaxed);
        self.buffer.log_unapplied();
        actions
    }

    /// Returns when [`step`](Engine::step) is to be called if nothing else happens.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let sends = (!self.is_busy).then(|| {
            let next = match self.delivery.is_idle() {
                false => Some(now),
                true => [self.gather_due(now), self.aside.due()]
                    .into_iter()
                    .flatten()
                    .min(),
            };
            // Whatever is due waits until the pause is over.
            let paused = self.pace.paused_until(now);
            next.map(|next| paused.map_or(next, |until| next.max(until)))
        });
        let shutdown = self.shutdown.as_ref().map(|shutdown| shutdown.deadline);
        let works = self.delivery.has_answered() || self.looks_ahead();
        let all = [
            works.then_some(now),
            sends.flatten(),
            self.reads.due(now).filter(|_| !self.delivery.has_lost()),
            self.waiting.due(),
            shutdown,
        ];
        all.into_iter().flatten().min()
    }

    /// Lets nothing wait longer than it must.
    fn hurry(&mut self, now: Instant) {
        self.pace.hurry();
        self.aside.hurry(now);
        self.stuck = Stuck::Nothing;
    }

    fn next_statement(&mut self, now: Instant) -> Option<Action> {
        if self.pace.paused_until(now).is_some() {
            return None;
        }
        if let Some(action) = self.next_of_delivery(now) {
            return Some(action);
        }
        if self.aside.due().is_some_and(|due| due <= now) {
            self.looks_aside = true;
            self.statements += 1;
            return Some(Action::Diagnose {
                writer: self.writer.id(),
                runs: self.aside.runs(),
            });
        }
        if self.gather_due(now)? > now {
            return None;
        }
        let with_recorded = self.recorded_due(now) <= now;
        let which = match with_recorded {
            true => Which::All,
            false => Which::Awaited,
        };
        match gather(&self.buffer, self.pace.room(), which) {
            Some(batch) => {
                if with_recorded && batch.has_recorded() {
                    self.pace.batch_left(now);
                }
                self.delivery.add(batch);
                self.next_of_delivery(now)
            }
            None => {
                self.stuck = match with_recorded {
                    true => Stuck::All,
                    false => Stuck::Awaited,
                };
                None
            }
        }
    }

    /// Returns true if the next batch should be gathered while one is under way: the server then waits for nothing between
    /// the two.
    fn looks_ahead(&self) -> bool {
        let is_under_way = self.is_busy && !self.looked_ahead && self.delivery.sends_last_batch();
        is_under_way && lock(&self.buffer.lists).flushed.len() >= self.buffer.settings.look_ahead
    }

    fn look_ahead(&mut self) {
        self.looked_ahead = true;
        if let Some(batch) = gather(&self.buffer, self.pace.room(), Which::Flushed) {
            self.delivery.add(batch);
        }
    }

    /// Returns when a batch is to be gathered.
    fn gather_due(&self, now: Instant) -> Option<Instant> {
        let (is_awaited, is_recorded) = {
            let lists = lock(&self.buffer.lists);
            let is_awaited = !lists.flushed.is_empty() || !lists.called.is_empty();
            (is_awaited, !lists.recorded.is_empty())
        };
        if is_awaited && self.stuck == Stuck::Nothing {
            Some(now)
        } else if is_recorded && self.stuck != Stuck::All {
            Some(self.recorded_due(now))
        } else {
            None
        }
    }

    /// Returns when runs may leave for which nobody waits.
    fn recorded_due(&self, now: Instant) -> Instant {
        // What waits for something that was set aside fills no batch.
        let is_full = || self.aside.is_empty() && self.buffer.is_full();
        match self.is_closing || is_full() {
            true => now,
            false => self.pace.next_batch(now),
        }
    }

    fn looked_aside(&mut self, diagnosis: Result<Diagnosis, Error>, now: Instant) {
        let diagnosis = match diagnosis {
            Ok(diagnosis) => {
                self.went_well();
                Some(diagnosis)
            }
            Err(error) => {
                self.went_wrong(&error, now);
                None
            }
        };
        let may_wait = self.pace.lock_timeout(now) >= self.buffer.settings.lock_timeout() / 2;
        let free = self.aside.looked(diagnosis.as_ref(), may_wait, now);
        if self.is_shutting_down() {
            self.aside.hurry(now);
        }
        self.take_up(free);
    }

    /// Returns true if somebody waits for the end.
    fn is_shutting_down(&self) -> bool {
        self.shutdown.is_some()
    }

    fn went_well(&mut self) {
        self.pace.went_well();
        self.trouble = None;
    }

    /// Begins a pause. If trying again will not help, those who waited before the attempt are answered.
    fn went_wrong(&mut self, error: &Error, now: Instant) {
        let left = |shutdown: &Shutdown| shutdown.deadline.saturating_duration_since(now);
        let most = match &self.shutdown {
            Some(shutdown) => left(shutdown) / SHUTDOWN_SHARE,
            None if error.meaning() == Meaning::Locked => LONGEST_FOR_LOCK,
            None => Duration::MAX,
        };
        let pause = self.pace.pause(now, most);
        self.buffer.meter.retries.fetch_add(1, Relaxed);
        self.buffer.meter.note_error(error);
        if error.is_retryable() || !error.passes() {
            tracing::warn!(?pause, error = %error, "a statement failed; trying again");
        } else {
            tracing::error!(?pause, error = %error, "not retryable without intervention; trying again");
            self.waiting.fail_before(self.statements, error);
        }
        self.trouble = Some(error.clone());
    }

    /// Returns why nothing can be sent, if that will not pass by itself.
    fn lasting_trouble(&self) -> Option<&Error> {
        let trouble = self.trouble.as_ref();
        trouble.filter(|error| error.passes() && !error.is_retryable())
    }
}
