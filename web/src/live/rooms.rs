//! All rooms of a gateway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runmeta_client::{Client, Error, Watch};

use super::Subscription;
use super::room::Room;
use crate::budget::Budget;

/// Selections of one client that the database reads, each by statements of its own, one after another over one connection. Rooms
/// with other selections watch their runs whole, which one statement reads for all of them, and select here. With 600 selections of
/// one run of 180 kB, a new reader waited 12 s. A guess: more than the pages of an application have.
const MOST_SELECTIONS: usize = 16;

/// The rooms that somebody is in; clones share them.
#[derive(Clone, Debug)]
pub struct Rooms(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    open: Mutex<Open>,
    budget: Budget,
}

#[derive(Debug, Default)]
struct Open {
    rooms: HashMap<Key, Arc<Room>>,
    /// For each client, what the database selects for it, and for how many rooms.
    selections: HashMap<Client, HashMap<Box<[String]>, usize>>,
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
    /// Returns rooms that take at most so many bytes for events.
    pub fn new(most_bytes: usize) -> Rooms {
        Rooms(Arc::new(Inner {
            open: Mutex::default(),
            budget: Budget::new(most_bytes),
        }))
    }

    /// Watches one run. The first event is its state now, as soon as it exists.
    ///
    /// # Errors
    ///
    /// As [`Client::watch`].
    pub async fn watch_run(&self, client: &Client, watch: Watch) -> Result<Subscription, Error> {
        self.watch(client, watch, true).await
    }

    /// Watches a set of runs. The first events are the states of its runs now.
    ///
    /// # Errors
    ///
    /// As [`Client::watch`].
    pub async fn watch_set(&self, client: &Client, watch: Watch) -> Result<Subscription, Error> {
        self.watch(client, watch, false).await
    }

    /// Returns how many rooms there are.
    pub fn count(&self) -> usize {
        self.0.lock().rooms.len()
    }

    /// Returns how many bytes are taken for events.
    pub fn bytes(&self) -> usize {
        self.0.budget.used()
    }

    async fn watch(
        &self,
        client: &Client,
        watch: Watch,
        is_of_one_run: bool,
    ) -> Result<Subscription, Error> {
        let membership = self.enter(client, watch, is_of_one_run);
        let watch = membership.room.watch().clone();
        let snapshots = client.watch(watch).await?;
        Ok(Subscription::new(snapshots, membership))
    }

    fn enter(&self, client: &Client, watch: Watch, is_of_one_run: bool) -> Membership {
        let key = (client.clone(), watch);
        let mut open = self.0.lock();
        let room = match open.rooms.get(&key) {
            Some(room) => room.clone(),
            None => {
                let budget = self.0.budget.clone();
                let (client, watch) = key.clone();
                let room = match open.select(&client, &watch) {
                    true => Room::new(is_of_one_run, watch, true, budget),
                    false => Room::new(is_of_one_run, watch.select_here(), false, budget),
                };
                let room = Arc::new(room);
                open.rooms.insert(key.clone(), room.clone());
                room
            }
        };
        Membership {
            rooms: self.clone(),
            key,
            room,
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Counts a room, and returns false if the database selects for too many others.
    fn select(&mut self, client: &Client, watch: &Watch) -> bool {
        let Some(keys) = watch.selected() else {
            return true;
        };
        let selections = self.selections.entry(client.clone()).or_default();
        let is_full = selections.len() >= MOST_SELECTIONS;
        match selections.get_mut(keys) {
            Some(rooms) => *rooms += 1,
            None if is_full => return false,
            None => drop(selections.insert(keys.into(), 1)),
        }
        true
    }

    fn close(&mut self, key: &Key) {
        let Some(room) = self.rooms.remove(key) else {
            return;
        };
        let (client, watch) = key;
        let selections = self.selections.get_mut(client);
        if let (Some(keys), Some(selections)) = (watch.selected(), selections)
            && room.keeps()
            && let Some(rooms) = selections.get_mut(keys)
        {
            *rooms -= 1;
            if *rooms == 0 {
                selections.remove(keys);
            }
            if selections.is_empty() {
                self.selections.remove(client);
            }
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut open = self.rooms.0.lock();
        // One is the map's, and one this: both change only under the lock.
        if Arc::strong_count(&self.room) == 2 {
            open.close(&self.key);
        }
    }
}
