//! Callers that wait, and until when.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::Error;
use crate::buffer::waiter::Waiting;

/// Where there is no deadline.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Waiters in the order of their deadlines.
#[derive(Default)]
pub(crate) struct WaitingList {
    waiters: BTreeMap<(Instant, u64), Entry>,
    added: u64,
    /// When so many are there, those that were answered are taken out.
    purge_at: usize,
    far: Option<Instant>,
}

struct Entry {
    waiter: Arc<dyn Waiting>,
    what: &'static str,
    /// Statements that were sent before it came.
    statements: u64,
}

impl WaitingList {
    pub(crate) fn add(
        &mut self,
        waiter: Arc<dyn Waiting>,
        what: &'static str,
        deadline: Option<Instant>,
        statements: u64,
    ) {
        if waiter.is_gone() {
            return;
        }
        if self.waiters.len() >= self.purge_at {
            self.waiters.retain(|_, entry| !entry.waiter.is_gone());
            self.purge_at = 2 * self.waiters.len() + 64;
        }
        self.added += 1;
        let far = *self.far.get_or_insert_with(|| Instant::now() + FAR);
        let entry = Entry {
            waiter,
            what,
            statements,
        };
        self.waiters
            .insert((deadline.unwrap_or(far), self.added), entry);
    }

    /// Returns the next deadline.
    pub(crate) fn due(&self) -> Option<Instant> {
        let (deadline, _) = self.waiters.first_key_value()?.0;
        (Some(*deadline) != self.far).then_some(*deadline)
    }

    /// Answers those whose time is over, with why nothing could be sent if that is known.
    /// Returns true if there were any.
    pub(crate) fn expire(&mut self, now: Instant, trouble: Option<&Error>) -> bool {
        let before = self.waiters.len();
        while let Some(entry) = self.waiters.first_entry()
            && entry.key().0 <= now
        {
            let entry = entry.remove();
            let error = trouble.cloned();
            entry
                .waiter
                .fail(error.unwrap_or_else(|| Error::timed_out(entry.what)));
        }
        self.waiters.len() < before
    }

    /// Answers those that came before so many statements were sent.
    pub(crate) fn fail_before(&mut self, statements: u64, error: &Error) {
        self.waiters.retain(|_, entry| {
            let stays = entry.statements >= statements;
            if !stays {
                entry.waiter.fail(error.clone());
            }
            stays
        });
    }
}

impl fmt::Debug for WaitingList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingList")
            .field("waiters", &self.waiters.len())
            .finish_non_exhaustive()
    }
}
