//! The engine: everything that moves, decided by one pure function.
//!
//! [`Engine::step`] takes what happened and returns what is to be done. It does no I/O and knows no clock, so tests drive it
//! through a million cases without a runtime. The [`driver`] is the loop around it.
//!
//! | question | file |
//! |---|---|
//! | When does a batch leave, and how long are the pauses? | [`pace`] |
//! | What is in it? | [`gather`], [`batch`] |
//! | How is a lost answer retried? | [`attempt`], [`writer`] |
//! | What happens when it is rejected, or a row is locked? | [`deliver`], [`aside`] |
//! | What does the answer mean for its runs? | [`complete`], [`by_key`] |
//! | When are runs read? | [`read`] |
//! | Who waits, and until when? | [`waiting`] |

mod aside;
mod attempt;
mod backoff;
mod batch;
mod by_key;
mod complete;
mod deliver;
pub(crate) mod driver;
mod gather;
mod pace;
mod read;
#[cfg(test)]
mod tests;
mod waiting;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::Error;
use crate::buffer::state::{Command, Place, RunState};
use crate::buffer::waiter::{Waiter, Waiting};
use crate::buffer::{Buffer, Request, lock};
use crate::error::Unapplied;
use crate::wire::sqlstate::Meaning;
use crate::wire::{Diagnosis, Flush, Loaded, Row, Wanted};
use aside::Aside;
use complete::{End, enqueue, note_command_not_sent};
use deliver::Delivery;
use pace::Pace;
use read::Reads;
use waiting::WaitingList;
use writer::Writer;

/// While the client ends, no pause takes more than one part in so many of the time that is left: a server that comes back is
/// found in time.
const SHUTDOWN_SHARE: u32 = 8;

/// The longest pause while a whole table is locked, since nobody can say when that ends. A guess: a bar that stands still for a
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
    /// The diagnosis that is under way looks at what is set aside.
    looks_aside: bool,
    /// What cannot leave before something else happens.
    stuck: Stuck,
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

#[derive(Debug)]
struct Shutdown {
    waiters: Vec<Arc<Waiter<()>>>,
    /// The soonest that a caller gave.
    deadline: Instant,
    /// Statements that were sent before.
    statements: u64,
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
            looks_aside: false,
            stuck: Stuck::Nothing,
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
        match input {
            Input::Woken | Input::Timer => {}
            Input::Flushed(answer) => {
                self.is_busy = false;
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
        self.waiting.expire(now, self.trouble.as_ref());
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
        let all = [
            sends.flatten(),
            self.reads.due(now).filter(|_| !self.delivery.has_lost()),
            self.waiting.due(),
            shutdown,
        ];
        all.into_iter().flatten().min()
    }

    fn take_request(&mut self, request: Request, now: Instant) {
        match request {
            Request::Flush {
                runs,
                waiter,
                within,
            } => {
                for state in runs {
                    self.expect_flush(&state, &waiter);
                }
                // It answers by itself if there was nothing to wait for.
                waiter.arrived();
                self.wait(waiter, "flush", within, now);
            }
            Request::Call { run, command } => {
                let waiter = command.waiter.clone();
                let mut pending = run.lock();
                let after = pending.recorded;
                pending.commands.push_back(Command { after, ..command });
                match pending.place {
                    Place::Idle => enqueue(&self.buffer, &run, &mut pending, End::Back),
                    // It waits no longer for its turn among those for which nobody waits.
                    Place::Queued if pending.commands.len() == 1 => {
                        lock(&self.buffer.lists).called.push_back(run.clone());
                    }
                    _ => {}
                }
                drop(pending);
                let within = self.buffer.settings.call_timeout;
                self.wait(waiter, "a call", Some(within), now);
            }
            Request::Read {
                run,
                with_document,
                waiter,
            } => {
                if let Some(waiter) = waiter.clone() {
                    let within = self.buffer.settings.call_timeout;
                    self.wait(waiter, "reading a run", Some(within), now);
                    self.reads.hurry();
                }
                self.reads.add(run, with_document, waiter);
            }
            Request::Shutdown { within, waiter } => {
                self.is_closing = true;
                let statements = self.statements;
                let shutdown = self.shutdown.get_or_insert_with(|| Shutdown {
                    waiters: Vec::new(),
                    deadline: now + within,
                    statements,
                });
                shutdown.waiters.push(waiter);
                shutdown.deadline = shutdown.deadline.min(now + within);
                self.hurry(now);
            }
            Request::Close => {
                self.is_closing = true;
                self.hurry(now);
            }
        }
    }

    fn wait<T: Send + 'static>(
        &mut self,
        waiter: Arc<Waiter<T>>,
        what: &'static str,
        within: Option<Duration>,
        now: Instant,
    ) {
        let deadline = within.map(|within| now + within);
        self.waiting.add(waiter, what, deadline, self.statements);
        self.hurry(now);
    }

    /// Makes a flush wait for what is recorded on a run, and moves the run forward.
    fn expect_flush(&self, state: &Arc<RunState>, waiter: &Arc<Waiter<()>>) {
        let mut pending = state.lock();
        if pending.completed == pending.recorded {
            return;
        }
        waiter.expect();
        let upto = pending.recorded;
        if pending.flushes.len() == pending.flushes.capacity() {
            // Callers may give up, one after the other, as long as the server is gone.
            pending.flushes.retain(|(_, waiter)| !waiter.is_gone());
        }
        pending.flushes.push((upto, waiter.clone()));
        if pending.place == Place::Queued && pending.flushes.len() == 1 {
            lock(&self.buffer.lists).flushed.push_back(state.clone());
        }
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
        match gather::gather(&self.buffer, self.pace.room(), with_recorded) {
            Some(batch) => {
                if with_recorded && batch.operations() > 0 {
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

    /// Returns true if the client is to end and nothing is left, or waiting for it has no use.
    fn is_over(&mut self, now: Instant) -> bool {
        if self.has_ended || !self.is_closing {
            return false;
        }
        if let Some(shutdown) = &self.shutdown {
            let lasting = self.lasting_trouble().is_some();
            let was_tried = !self.is_busy && self.statements > shutdown.statements;
            if shutdown.deadline <= now || lasting && was_tried {
                return true;
            }
        }
        !self.is_busy && self.delivery.is_idle() && self.aside.is_empty() && {
            let lists = lock(&self.buffer.lists);
            lists.flushed.is_empty() && lists.called.is_empty() && lists.recorded.is_empty()
        }
    }

    /// Ends: what is still there is not sent, and whoever waits is answered.
    pub(crate) fn end(&mut self) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        // A group that is being recorded is seen whole, and what is recorded from now on finds the client closed.
        let groups = lock(&self.buffer.groups);
        self.buffer.closed.store(true, Relaxed);
        let mut unsent = 0;
        for batch in self.delivery.batches().chain(self.aside.batches()) {
            unsent += batch.note_commands_not_sent(&self.buffer);
        }
        for state in self.buffer.runs() {
            let mut pending = state.lock();
            let waiting = pending.waiting();
            let left: Vec<_> = waiting
                .map(|operation| Unapplied::of(&state.id, &operation, "not_sent"))
                .collect();
            unsent += left.len();
            for unapplied in left {
                self.buffer.note_unapplied(&mut pending, unapplied);
            }
            let commands = std::mem::take(&mut pending.commands);
            for command in &commands {
                unsent += note_command_not_sent(&self.buffer, &state, &mut pending, command);
            }
            drop(pending);
            let waiters = commands.iter().map(|command| &command.waiter);
            waiters.for_each(|waiter| waiter.answer(Err(Error::shut_down())));
        }
        drop(groups);
        if unsent > 0 {
            tracing::error!(
                operations = unsent,
                "the client ends with operations that were not sent"
            );
        }
        self.buffer.ended.store(true, Relaxed);
        self.buffer.fail_requests();
        let error = self.lasting_trouble().cloned();
        let error = error.unwrap_or_else(Error::shut_down);
        self.waiting.fail_before(u64::MAX, &error);
        let waiters = self.shutdown.take().map(|shutdown| shutdown.waiters);
        for waiter in waiters.into_iter().flatten() {
            waiter.answer(Ok(()));
        }
        self.buffer.log_unapplied();
    }
}
