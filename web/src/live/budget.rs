//! The memory that event streams take: what is written and not sent yet, and what is kept for the next event.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::body::Bytes;

/// What is left of it; clones share it. Half of it is for what is only kept to save work.
#[derive(Clone, Debug)]
pub(super) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    used: AtomicUsize,
}

/// A part of the budget, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    bytes: usize,
}

/// A text with its share: it is given back when the last connection has sent it.
struct Counted {
    text: Bytes,
    _share: Share,
}

impl Budget {
    pub(super) fn new(most: usize) -> Budget {
        let used = AtomicUsize::new(0);
        Budget(Arc::new(Inner { most, used }))
    }

    /// Returns how many bytes are taken.
    pub(super) fn used(&self) -> usize {
        self.0.used.load(Relaxed)
    }

    /// Makes a text of about so many bytes, if they are left.
    pub(super) fn text(&self, bytes: usize, make: impl FnOnce() -> Bytes) -> Option<Bytes> {
        let share = self.take(bytes, self.0.most)?;
        let text = make();
        Some(Bytes::from_owner(Counted {
            text,
            _share: share,
        }))
    }

    /// Takes so many bytes for what only saves work, if half of all are left.
    pub(super) fn spare(&self, bytes: usize) -> Option<Share> {
        self.take(bytes, self.0.most / 2)
    }

    fn take(&self, bytes: usize, most: usize) -> Option<Share> {
        let add = |used: usize| used.checked_add(bytes).filter(|used| *used <= most);
        self.0.used.try_update(Relaxed, Relaxed, add).ok()?;
        let budget = self.clone();
        Some(Share { budget, bytes })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.used.fetch_sub(self.bytes, Relaxed);
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = Budget::new(10);
        let text = |bytes| budget.text(bytes, || Bytes::from_static(b"text"));
        let all = text(10).unwrap();
        let clone = all.clone();
        drop(all);
        assert!(text(1).is_none(), "a clone is left");
        drop(clone);
        assert!(text(10).is_some_and(|text| *text == *b"text"));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_only_saves_work_takes_half() {
        let budget = Budget::new(10);
        let kept = budget.spare(5);
        assert!(kept.is_some() && budget.spare(1).is_none());
        assert!(budget.text(5, Bytes::new).is_some());
    }
}
