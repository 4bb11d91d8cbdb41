//! What callers ask of the engine: flushes, commands, reads, and the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Engine;
use super::complete::{End, enqueue};
use super::ending::Shutdown;
use crate::buffer::state::{Command, Place};
use crate::buffer::waiter::Waiter;
use crate::buffer::{Request, lock};

impl Engine {
    pub(super) fn take_request(&mut self, request: Request, now: Instant) {
        match request {
            Request::Flush { waiter, within } => self.wait(waiter, "flush", within, now),
            Request::Call { run, command } => {
                self.withdraw_starts();
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

    /// Frees what starts hold whose callers gave up, one after the other, while the server is gone.
    pub(super) fn withdraw_starts(&mut self) {
        let mut lists = lock(&self.buffer.lists);
        if lists.called.len() < self.withdraw_at && !self.buffer.budget.is_crowded() {
            return;
        }
        lists.called.retain(|state| {
            let mut pending = state.lock();
            pending.withdraw_starts();
            if pending.place == Place::Queued && !pending.has_work() {
                pending.place = Place::Idle;
            }
            pending.place == Place::Queued
        });
        self.withdraw_at = 2 * lists.called.len() + 64;
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
}
