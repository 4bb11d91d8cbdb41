//! The stream of a watcher.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::hub::Input;
use super::select::Selection;
use super::slot::{Slot, Taken};
use super::{Changes, Snapshot};
use crate::Client;

/// A stream of snapshots: [`Client::watch`]. Dropping it ends the watch.
///
/// Of each run it gives first its state now, then newer ones. Several quick changes may arrive as one; the last always does. A
/// lost connection to the server shows as nothing but a pause. The stream ends after the final state of the run, if it is
/// one that is watched, and when the client is shut down.
pub struct Snapshots {
    client: Client,
    id: u64,
    slot: Arc<Slot>,
    keep_open: bool,
    /// What is selected of each state here.
    selection: Option<Selection>,
    has_ended: bool,
}

impl Snapshots {
    pub(super) fn new(
        client: Client,
        id: u64,
        slot: Arc<Slot>,
        keep_open: bool,
        selection: Option<Selection>,
    ) -> Snapshots {
        Snapshots {
            client,
            id,
            slot,
            keep_open,
            selection,
            has_ended: false,
        }
    }

    /// Returns the next snapshot, or `None` after the end. May be dropped at any point: nothing is lost.
    pub async fn next(&mut self) -> Option<Snapshot> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Returns true once the state of every run that there was at first was given, and nothing newer waits: what a watcher of a set
    /// has is whole then. A task that was polled in vain is woken when it becomes true. Of a watch of one run it stays false.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(mut snapshots: runmeta_client::Snapshots) {
    /// use std::pin::Pin;
    /// use std::task::Poll;
    ///
    /// use futures_core::Stream;
    ///
    /// // The next snapshot, or `None` once all were given.
    /// let next = std::future::poll_fn(|context| match Pin::new(&mut snapshots).poll_next(context) {
    ///     Poll::Pending if snapshots.is_whole() => Poll::Ready(None),
    ///     next => next,
    /// });
    /// # next.await;
    /// # }
    /// ```
    pub fn is_whole(&self) -> bool {
        self.slot.has_given_all()
    }

    /// Returns, instead of snapshots, what differs from one to the next of the same run.
    pub fn changes(self) -> Changes {
        Changes::new(self)
    }
}

impl Stream for Snapshots {
    type Item = Snapshot;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Snapshot>> {
        while !self.has_ended {
            match self.slot.take(Some(context.waker())) {
                Taken::Snapshot(snapshot) => {
                    let is_last = snapshot.is_finished() || snapshot.is_gone();
                    self.has_ended = is_last && !self.keep_open;
                    let selected = match &mut self.selection {
                        Some(selection) => selection.select(&snapshot),
                        None => Some(snapshot),
                    };
                    if selected.is_some() {
                        return Poll::Ready(selected);
                    }
                }
                Taken::Unread => {
                    self.client.watching().send(Input::Unread(self.id));
                    return Poll::Pending;
                }
                Taken::Nothing => return Poll::Pending,
                Taken::End => self.has_ended = true,
            }
        }
        Poll::Ready(None)
    }
}

impl Drop for Snapshots {
    fn drop(&mut self) {
        self.client.watching().send(Input::Dropped(self.id));
    }
}

impl fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots").finish_non_exhaustive()
    }
}
