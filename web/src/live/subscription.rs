//! What one reader has seen, and what it gets next.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use axum::body::Bytes;
use futures_util::{FutureExt as _, Stream as _};
use runmeta_client::{Snapshot, Snapshots};

use super::Edition;
use super::rooms::Membership;
use crate::budget::Budget;

/// Runs of a set of which a reader's last edition is remembered, some 100 bytes each. Beyond, all are forgotten and sent whole at
/// their next change. A guess.
const MOST_SEEN: usize = 10_000;

/// One reader's watch of a run, or of a set of them. Dropping it ends the watch.
#[derive(Debug)]
pub struct Subscription {
    snapshots: Snapshots,
    membership: Membership,
    /// Of which its events are made.
    budget: Budget,
    seen: HashMap<Box<str>, u64>,
    /// A state that was taken and not sent yet.
    next: Option<Arc<Edition>>,
}

/// What a reader gets: a state of a run, and how it is sent to this reader.
#[derive(Debug)]
pub struct Event {
    /// The state.
    pub edition: Arc<Edition>,
    /// The event, as text. None if the gateway has no memory for it.
    pub frame: Option<Bytes>,
}

/// What comes next for the reader of a set.
#[derive(Debug)]
pub enum Next {
    /// A state of a run.
    Event(Event),
    /// The reader has the state of every run that there was at first.
    Whole,
}

impl Subscription {
    pub(super) fn new(
        snapshots: Snapshots,
        membership: Membership,
        budget: Budget,
    ) -> Subscription {
        Subscription {
            snapshots,
            membership,
            budget,
            seen: HashMap::new(),
            next: None,
        }
    }

    /// Returns the next event, or `None` after the end: behind the final state of a run, and when the client is shut down. May be
    /// dropped at any point.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let edition = match self.next.take() {
                Some(edition) => edition,
                None => {
                    let snapshot = self.snapshots.next().await?;
                    self.edition(&snapshot)
                }
            };
            if let Some(event) = self.event(edition) {
                return Some(event);
            }
        }
    }

    /// As [`next`](Subscription::next), but also returns [`Next::Whole`] when the reader of a set has the state of every run that there
    /// was at first.
    pub async fn next_or_whole(&mut self) -> Option<Next> {
        loop {
            if self.next.is_none() && self.is_whole_first().await {
                return Some(Next::Whole);
            }
            let edition = self.next.take()?;
            if let Some(event) = self.event(edition) {
                return Some(Next::Event(event));
            }
        }
    }

    /// Waits for the next state, or until the reader has all; returns true then.
    async fn is_whole_first(&mut self) -> bool {
        let snapshots = &mut self.snapshots;
        let next = poll_fn(
            |context| match Pin::new(&mut *snapshots).poll_next(context) {
                Poll::Ready(next) => Poll::Ready(Some(next)),
                Poll::Pending if snapshots.is_whole() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            },
        );
        let next = next.await;
        let is_whole = next.is_none();
        self.next = next.flatten().map(|snapshot| self.edition(&snapshot));
        is_whole
    }

    /// Returns the event of a state, unless the reader has it.
    fn event(&mut self, edition: Arc<Edition>) -> Option<Event> {
        let seen = self.see(&edition);
        // Another reader may have taken the same state as a newer one.
        (seen != Some(edition.number())).then(|| {
            let frame = edition.event(seen, &self.budget);
            Event { edition, frame }
        })
    }

    fn edition(&self, snapshot: &Snapshot) -> Arc<Edition> {
        self.membership.room.edition(snapshot, &self.budget)
    }

    /// Returns the state that the next event brings, if there is one now.
    pub fn peek(&mut self) -> Option<&Snapshot> {
        if self.next.is_none() {
            let snapshot = self.snapshots.next().now_or_never()??;
            self.next = Some(self.edition(&snapshot));
        }
        self.next.as_deref().map(Edition::snapshot)
    }

    /// Waits for the next event, and returns the state that it brings; `None` as [`next`](Subscription::next) does. May be dropped at
    /// any point.
    pub async fn ready(&mut self) -> Option<&Snapshot> {
        if self.next.is_none() {
            let snapshot = self.snapshots.next().await?;
            self.next = Some(self.edition(&snapshot));
        }
        self.next.as_deref().map(Edition::snapshot)
    }

    /// Writes the next event, if there is one now, and returns false if the gateway has no memory for it.
    pub fn has_memory(&mut self) -> bool {
        self.peek();
        self.next
            .as_ref()
            .is_none_or(|edition| edition.event(None, &self.budget).is_some())
    }

    /// Takes the next state, if there is one now.
    pub fn take(&mut self) -> Option<Snapshot> {
        let taken = self.peek().cloned();
        self.skip();
        taken
    }

    /// Skips the state that the next event would bring, because the reader has it.
    pub fn skip(&mut self) {
        if let Some(edition) = self.next.take() {
            self.see(&edition);
        }
    }

    /// Notes that the reader has an edition, and returns the number of the one before.
    fn see(&mut self, edition: &Edition) -> Option<u64> {
        let snapshot = edition.snapshot();
        if snapshot.is_gone() {
            return self.seen.remove(snapshot.id());
        }
        if let Some(seen) = self.seen.get_mut(snapshot.id()) {
            return Some(std::mem::replace(seen, edition.number()));
        }
        if self.seen.len() >= MOST_SEEN {
            self.seen.clear();
        }
        self.seen.insert(snapshot.id().into(), edition.number());
        None
    }
}
