//! The end of the client: when it is reached, and what becomes of what was not sent.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use super::Engine;
use super::complete::{note_chunks_not_sent, note_command_not_sent};
use crate::Error;
use crate::buffer::lock;
use crate::buffer::waiter::Waiter;
use crate::error::Unapplied;

/// Callers of `shutdown`.
#[derive(Debug)]
pub(super) struct Shutdown {
    pub(super) waiters: Vec<Arc<Waiter<()>>>,
    /// The soonest that a caller gave.
    pub(super) deadline: Instant,
    /// Statements that were sent before.
    pub(super) statements: u64,
}

impl Engine {
    /// Returns true if the client is to end and nothing is left, or waiting for it has no use.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
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
        if let Some((batch, rows)) = self.delivery.take_answered() {
            // What is sent in place of a part is not sent any more, and its runs know it as unsent.
            drop(batch.complete(&self.buffer, Some(&rows)));
        }
        // A group that is being recorded is seen whole, and what is recorded from now on finds the client closed.
        let groups = lock(&self.buffer.groups);
        self.buffer.closed.store(true, Relaxed);
        let mut unsent = 0;
        for batch in self.delivery.batches().chain(self.aside.batches()) {
            unsent += batch.note_not_sent(&self.buffer);
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
            let blocks = pending.chunks.take_all();
            let commands = std::mem::take(&mut pending.commands);
            for command in &commands {
                unsent += note_command_not_sent(&self.buffer, &state, &mut pending, command);
            }
            drop(pending);
            unsent += note_chunks_not_sent(&self.buffer, &state, &blocks);
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
        self.buffer.budget.close();
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
