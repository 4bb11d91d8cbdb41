//! Logs of sets between two polls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::log::{Log, Query};
use runmeta_client::Client;

/// After so long without a poll, a log is forgotten. Clients wait up to 10 s between attempts, and a phone that was put away is
/// gone for longer than anybody remembers. A guess.
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// The logs that nobody polls now; clones share them. They only save work, and take half of the memory for events at most: where
/// a caller has no room for another one, that caller's oldest goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parked(Arc<Mutex<Places>>);

#[derive(Debug, Default)]
struct Places {
    by_handle: HashMap<String, Place>,
    /// How many were put here.
    count: u64,
}

#[derive(Debug)]
struct Place {
    log: Log,
    /// Of two, the older one has the smaller number.
    number: u64,
    /// Forgets it.
    end: JoinHandle<()>,
}

/// A log that is put back when this is dropped, whatever ended the poll.
#[derive(Debug)]
pub(super) struct Lease {
    parked: Parked,
    log: Option<Log>,
}

impl Parked {
    /// Takes the log of this handle, if it can go on with the poll.
    pub(super) fn take(
        &self,
        handle: &str,
        offset: &str,
        client: &Client,
        query: &Query,
    ) -> Option<Log> {
        let mut places = self.lock();
        let found = places.by_handle.get(handle)?;
        if !found.log.fits(client, query, offset) {
            return None;
        }
        let place = places.by_handle.remove(handle)?;
        place.end.abort();
        Some(place.log)
    }

    /// Keeps a log for the next poll, if its caller has memory for it. Without it, its client begins again with all rows.
    pub(super) fn put(&self, mut log: Log) {
        let mut places = self.lock();
        while !log.count() {
            if !places.forget_oldest_beside(&log) {
                return;
            }
        }
        let (parked, handle) = (self.clone(), log.handle().to_owned());
        let end = tokio::spawn({
            let handle = handle.clone();
            async move {
                tokio::time::sleep(MOST_PAUSE).await;
                parked.lock().by_handle.remove(&handle);
            }
        });
        places.count += 1;
        let number = places.count;
        let place = Place { log, number, end };
        if let Some(before) = places.by_handle.insert(handle, place) {
            before.end.abort();
        }
    }

    /// Puts a log back when the lease is dropped.
    pub(super) fn lend(&self, log: Log) -> Lease {
        Lease {
            parked: self.clone(),
            log: Some(log),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// Forgets the oldest log of the same caller. Returns false if there is none.
    fn forget_oldest_beside(&mut self, log: &Log) -> bool {
        let of_caller = self.by_handle.iter();
        let of_caller = of_caller.filter(|(_, place)| place.log.has_caller_of(log));
        let oldest = of_caller.min_by_key(|(_, place)| place.number);
        let oldest = oldest.map(|(handle, _)| handle.clone());
        let place = oldest.and_then(|handle| self.by_handle.remove(&handle));
        place.inspect(|place| place.end.abort()).is_some()
    }
}

impl Lease {
    pub(super) fn log(&mut self) -> Option<&mut Log> {
        self.log.as_mut()
    }

    /// Keeps the log from being put back.
    pub(super) fn take(mut self) -> Option<Log> {
        self.log.take()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(log) = self.log.take() {
            self.parked.put(log);
        }
    }
}

#[cfg(test)]
mod tests {
    use runmeta_client::testing::Database;

    use super::super::row::Skip;
    use super::*;
    use crate::budget::Budget;
    use crate::live::Rooms;

    #[tokio::test(start_paused = true)]
    async fn caller_without_room_for_another_log_loses_the_oldest_of_its_own() {
        let database = Database::new();
        let client = database.client();
        let (rooms, parked) = (Rooms::default(), Parked::default());
        // Logs take half of each, which is two of them for either caller.
        let all = Budget::new(200_000);
        let (one, other) = (all.part(2), all.part(2));
        let query = || Query {
            tags: vec!["t".to_owned()],
            window: None,
            skip: Skip::default(),
        };
        let begin = async |budget, handle: &str| {
            let place = (&rooms, budget);
            let log = Log::begin(place, client.clone(), handle.to_owned(), query());
            parked.put(log.await.unwrap());
        };
        begin(&other, "b").await;
        for handle in ["a1", "a2", "a3"] {
            begin(&one, handle).await;
        }
        let take = |handle: &str| parked.take(handle, "0_0", &client, &query());
        assert!(take("a1").is_none());
        let taken = ["a2", "a3", "b"].map(|handle| take(handle).unwrap());
        // Those that are polled count too.
        assert!(all.used() > 0);
        drop(taken);
        assert_eq!(all.used(), 0);
        begin(&one, "a4").await;
        tokio::time::sleep(2 * MOST_PAUSE).await;
        assert!(take("a4").is_none());
        assert_eq!(all.used(), 0);
    }
}
