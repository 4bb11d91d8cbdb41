//! A bound on the bytes that something takes together, as permits that give their bytes back when they are dropped.
//!
//! One budget bounds all that waits and is being sent. What waits on the runs of one group must fit into one batch: each
//! run of a group has a second permit, from a budget of the group's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

use tokio::sync::Notify;

/// [`Budget::room`] waits until this part of the bound is free: one eighth. A guess: enough that those who wait do not
/// come and go for single operations.
const ROOM: usize = 8;

#[derive(Debug)]
pub(crate) struct Budget {
    bound: usize,
    used: AtomicUsize,
    /// Wakes those who wait for room.
    room: Notify,
    /// Nothing is given back any more, so nobody waits.
    is_closed: AtomicBool,
}

impl Budget {
    pub(crate) fn new(bound: usize) -> Arc<Budget> {
        Arc::new(Budget {
            bound,
            used: AtomicUsize::new(0),
            room: Notify::new(),
            is_closed: AtomicBool::new(false),
        })
    }

    /// Returns the bytes that all permits hold.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Returns a permit that holds nothing yet.
    pub(crate) fn permit(self: &Arc<Self>) -> Permit {
        Permit {
            budget: self.clone(),
            bytes: 0,
        }
    }

    /// Lets nobody wait any more.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, SeqCst);
        self.room.notify_waiters();
    }

    /// Waits until an eighth of the bound is free, or the budget is closed.
    pub(crate) async fn room(&self) {
        loop {
            let freed = self.room.notified();
            tokio::pin!(freed);
            // Before the look at what is used, so that nothing freed in between goes unnoticed.
            freed.as_mut().enable();
            if self.has_room() || self.is_closed.load(SeqCst) {
                return;
            }
            freed.await;
        }
    }

    /// Returns true if an eighth of the bound is free.
    pub(crate) fn has_room(&self) -> bool {
        self.used.load(SeqCst) <= self.crowded()
    }

    /// Returns true if there is hardly any room.
    pub(crate) fn is_crowded(&self) -> bool {
        self.used.load(Relaxed) > self.bound / 2
    }

    /// Returns the bytes above which there is no room.
    fn crowded(&self) -> usize {
        self.bound - self.bound / ROOM
    }

    fn give_back(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, SeqCst);
        let crowded = self.crowded();
        // Only the one that crosses the line wakes the others, as waking takes a lock.
        if before > crowded && before - bytes <= crowded {
            self.room.notify_waiters();
        }
    }
}

/// Some bytes of a budget. They go back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Permit {
    /// Returns the bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Holds `bytes` from now on and returns true. If these are more than before and the budget has not so many left,
    /// nothing changes.
    #[must_use]
    pub(crate) fn resize(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes {
            let (more, bound) = (bytes - self.bytes, self.budget.bound);
            let grown = |used: usize| used.checked_add(more).filter(|used| *used <= bound);
            let used = &self.budget.used;
            if used.fetch_update(SeqCst, Relaxed, grown).is_err() {
                return false;
            }
            self.bytes = bytes;
        } else {
            self.correct(bytes);
        }
        true
    }

    /// Holds `bytes` from now on, whatever the bound: what is there already must be counted.
    pub(crate) fn correct(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        match bytes.checked_sub(before) {
            Some(more) => drop(self.budget.used.fetch_add(more, SeqCst)),
            None => self.budget.give_back(before - bytes),
        }
    }

    /// Moves `bytes` to a permit of their own, or all if it has not so many.
    pub(crate) fn split(&mut self, bytes: usize) -> Permit {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Permit {
            budget: self.budget.clone(),
            bytes,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_ready(future: impl Future) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(pin!(future).poll(&mut context), Poll::Ready(_))
    }

    #[test]
    fn a_permit_grows_up_to_the_bound_and_always_shrinks() {
        let budget = Budget::new(100);
        let (mut first, mut second) = (budget.permit(), budget.permit());
        assert!(first.resize(60) && second.resize(40));
        assert!(!first.resize(61) && !second.resize(usize::MAX));
        assert_eq!(
            (first.bytes(), second.bytes(), budget.used()),
            (60, 40, 100)
        );
        assert!(first.resize(10) && second.resize(90));
        assert_eq!(budget.used(), 100);
    }

    #[test]
    fn dropping_a_permit_gives_its_bytes_back() {
        let budget = Budget::new(100);
        let mut permit = budget.permit();
        assert!(permit.resize(100));
        let part = permit.split(70);
        assert_eq!((permit.bytes(), part.bytes(), budget.used()), (30, 70, 100));
        drop(permit);
        assert_eq!(budget.used(), 70);
        drop(part);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_split_moves_no_more_than_there_is() {
        let budget = Budget::new(100);
        let mut permit = budget.permit();
        assert!(permit.resize(30));
        let part = permit.split(31);
        assert_eq!((permit.bytes(), part.bytes(), budget.used()), (0, 30, 30));
    }

    #[test]
    fn what_is_there_already_is_counted_beyond_the_bound() {
        let budget = Budget::new(100);
        let mut permit = budget.permit();
        permit.correct(150);
        assert_eq!(budget.used(), 150);
        assert!(!permit.resize(151), "it grew beyond the bound");
        assert!(permit.resize(120));
        permit.correct(20);
        assert_eq!(budget.used(), 20);
    }

    #[test]
    fn room_comes_when_an_eighth_is_free() {
        let budget = Budget::new(80);
        assert!(is_ready(budget.room()));
        let mut permit = budget.permit();
        assert!(permit.resize(80));
        let mut room = pin!(budget.room());
        let mut poll = || {
            let mut context = Context::from_waker(Waker::noop());
            room.as_mut().poll(&mut context).is_ready()
        };
        assert!(!poll());
        assert!(permit.resize(71));
        assert!(!poll());
        assert!(permit.resize(70));
        assert!(poll());
    }

    #[test]
    fn all_that_wait_for_room_are_woken_however_it_comes() {
        let runtime = tokio::runtime::Builder::new_multi_thread().build();
        runtime.unwrap().block_on(async {
            for round in 0..200 {
                let budget = Budget::new(8_000);
                let mut permits: Vec<_> = (0..8).map(|_| budget.permit()).collect();
                permits
                    .iter_mut()
                    .for_each(|permit| assert!(permit.resize(1_000)));
                let wait = || {
                    let budget = budget.clone();
                    tokio::spawn(async move { budget.room().await })
                };
                let waiting: Vec<_> = (0..4).map(|_| wait()).collect();
                let drops = permits.into_iter().skip(round % 7);
                drops.for_each(|permit| drop(tokio::spawn(async move { drop(permit) })));
                for room in waiting {
                    room.await.unwrap();
                }
            }
        });
    }
}
