//! The memory that objects take which are kept for the next patch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of JSON text of which objects are kept, in all rooms. Parsed, an object takes about four times its text. A guess: with it
/// a gateway stays below half a gigabyte whatever is watched.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What is left of it. Beyond, states are sent whole instead of as patches.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

/// A part of the budget, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// Takes so many bytes, if they are left.
    pub(super) fn take(&self, bytes: usize) -> Option<Share> {
        let add = |used: usize| used.checked_add(bytes).filter(|used| *used <= MOST_BYTES);
        self.0.try_update(Relaxed, Relaxed, add).ok()?;
        let budget = self.clone();
        Some(Share { budget, bytes })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = Budget::default();
        let all = budget.take(MOST_BYTES);
        assert!(all.is_some() && budget.take(1).is_none());
        drop(all);
        assert!(budget.take(1).is_some());
    }
}
