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

/// Logs that are remembered. Some 20 kB each, with a watch, and 100 bytes for each run of the set. A guess.
const MOST: usize = 10_000;

/// The logs that nobody polls now; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parked(Arc<Mutex<HashMap<String, Place>>>);

#[derive(Debug)]
struct Place {
    log: Log,
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
        let found = places.get(handle)?;
        if !found.log.fits(client, query, offset) {
            return None;
        }
        let place = places.remove(handle)?;
        place.end.abort();
        Some(place.log)
    }

    /// Keeps a log for the next poll.
    pub(super) fn put(&self, log: Log) {
        let (parked, handle) = (self.clone(), log.handle().to_owned());
        let end = tokio::spawn({
            let handle = handle.clone();
            async move {
                tokio::time::sleep(MOST_PAUSE).await;
                parked.lock().remove(&handle);
            }
        });
        let mut places = self.lock();
        if places.len() >= MOST {
            // Its client begins again with all rows.
            end.abort();
            return;
        }
        if let Some(before) = places.insert(handle, Place { log, end }) {
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

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
