//! All rooms of a gateway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runmeta_client::{Client, Error, Watch};

use super::Subscription;
use super::budget::Budget;
use super::room::Room;

/// The rooms that somebody is in; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Rooms(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    rooms: Mutex<HashMap<Key, Arc<Room>>>,
    budget: Budget,
}

type Key = (Client, Watch);

/// A place in a room. When the last one is dropped, the room is closed.
#[derive(Debug)]
pub(super) struct Membership {
    rooms: Rooms,
    key: Key,
    pub(super) room: Arc<Room>,
}

impl Rooms {
    /// Watches one run. The first event is its state now, as soon as it exists.
    ///
    /// # Errors
    ///
    /// As [`Client::watch`].
    pub async fn watch_run(&self, client: &Client, watch: Watch) -> Result<Subscription, Error> {
        let membership = self.enter(client, &watch, true);
        let snapshots = client.watch(watch).await?;
        Ok(Subscription::new(snapshots, membership))
    }

    /// Watches a set of runs. The first events are the states of its runs now.
    ///
    /// # Errors
    ///
    /// As [`Client::watch`].
    pub async fn watch_set(&self, client: &Client, watch: Watch) -> Result<Subscription, Error> {
        let membership = self.enter(client, &watch, false);
        let snapshots = client.watch(watch).await?;
        Ok(Subscription::new(snapshots, membership))
    }

    /// Returns how many rooms there are.
    pub fn count(&self) -> usize {
        self.0.lock().len()
    }

    fn enter(&self, client: &Client, watch: &Watch, is_of_one_run: bool) -> Membership {
        let key = (client.clone(), watch.clone());
        let new = || Arc::new(Room::new(is_of_one_run, self.0.budget.clone()));
        let room = self.0.lock().entry(key.clone()).or_insert_with(new).clone();
        Membership {
            rooms: self.clone(),
            key,
            room,
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut rooms = self.rooms.0.lock();
        // One is the map's, and one this: both change only under the lock.
        if Arc::strong_count(&self.room) == 2 {
            rooms.remove(&self.key);
        }
    }
}
