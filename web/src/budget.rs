//! Memory that many share, in bytes: that of event streams, which is what is written and not sent yet and what is kept for the next
//! event, and that of the bodies of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::body::Bytes;

/// What is left of it; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    used: AtomicUsize,
}

/// A part of the budget, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

/// A text with its share: it is given back when the last connection has sent it.
struct Counted {
    text: Bytes,
    _share: Share,
}

impl Inner {
    fn take(&self, bytes: usize, most: usize) -> bool {
        let add = |used: usize| used.checked_add(bytes).filter(|used| *used <= most);
        self.used.try_update(Relaxed, Relaxed, add).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
    }
}

impl Budget {
    pub(crate) fn new(most: usize) -> Budget {
        let used = AtomicUsize::new(0);
        Budget(Arc::new(Inner { most, used }))
    }

    /// Returns how many bytes are taken.
    pub(crate) fn used(&self) -> usize {
        self.0.used.load(Relaxed)
    }

    /// Takes so many bytes, if they are left.
    pub(crate) fn take(&self, bytes: usize) -> Option<Share> {
        self.take_within(bytes, self.0.most)
    }

    /// Takes so many bytes for what only saves work, if half of all are left.
    pub(crate) fn spare(&self, bytes: usize) -> Option<Share> {
        self.take_within(bytes, self.0.most / 2)
    }

    /// Makes a text of about so many bytes, if they are left.
    pub(crate) fn text(&self, bytes: usize, make: impl FnOnce() -> Bytes) -> Option<Bytes> {
        let share = self.take(bytes)?;
        let text = make();
        Some(Bytes::from_owner(Counted {
            text,
            _share: share,
        }))
    }

    fn take_within(&self, bytes: usize, most: usize) -> Option<Share> {
        let budget = self.clone();
        let is_taken = self.0.take(bytes, most);
        is_taken.then(|| Share { budget, bytes })
    }
}

impl Share {
    /// Returns how many bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Has it hold so many bytes, more or fewer than before, and returns false if so many are not left.
    pub(crate) fn resize(&mut self, bytes: usize) -> bool {
        let Budget(budget) = &self.budget;
        match bytes.checked_sub(self.bytes) {
            Some(more) if !budget.take(more, budget.most) => return false,
            Some(_) => {}
            None => budget.give_back(self.bytes - bytes),
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.give_back(self.bytes);
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
