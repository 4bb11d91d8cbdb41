//! The stream of a watcher.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::hub::Input;
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
    has_ended: bool,
}

impl Snapshots {
    pub(crate) fn new(client: Client, id: u64, slot: Arc<Slot>, keep_open: bool) -> Snapshots {
        Snapshots {
            client,
            id,
            slot,
            keep_open,
            has_ended: false,
        }
    }

    /// Returns the next snapshot, or `None` after the end. May be dropped at any point: nothing is lost.
    pub async fn next(&mut self) -> Option<Snapshot> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Returns, instead of snapshots, what differs from one to the next of the same run.
    pub fn changes(self) -> Changes {
        Changes::new(self)
    }
}

impl Stream for Snapshots {
    type Item = Snapshot;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Snapshot>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        match self.slot.take(Some(context.waker())) {
            Taken::Snapshot(snapshot) => {
                let is_last = snapshot.is_finished() || snapshot.is_gone();
                self.has_ended = is_last && !self.keep_open;
                Poll::Ready(Some(snapshot))
            }
            Taken::Unread => {
                self.client.watching().send(Input::Unread(self.id));
                Poll::Pending
            }
            Taken::Nothing => Poll::Pending,
            Taken::End => {
                self.has_ended = true;
                Poll::Ready(None)
            }
        }
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
