//! When everything is read again because a notification asks for it.

use std::time::Duration;

use tokio::time::Instant;

/// Time between two readings of everything. A guess: any role may notify, and a page of a listing takes the server some 20 ms.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Resync {
    is_owed: bool,
    /// `None` before the first.
    soonest: Option<Instant>,
}

impl Resync {
    pub(super) fn owe(&mut self) {
        self.is_owed = true;
    }

    /// Returns when everything is to be read again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.soonest.filter(|_| self.is_owed)
    }

    /// Returns true if everything is to be read again now.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let begins = self.is_owed && self.soonest.is_none_or(|soonest| soonest <= now);
        if begins {
            self.is_owed = false;
            self.soonest = Some(now + INTERVAL);
        }
        begins
    }
}
