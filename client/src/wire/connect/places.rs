//! A few connections, of which each caller takes one that is free.

use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

use super::Connection;

/// So many connections, each made when it is first needed. Callers wait in the order in which they came, for whichever is free
/// next.
pub(super) struct Places<const N: usize> {
    free: Semaphore,
    connections: [Mutex<Option<Connection>>; N],
}

/// A connection that is held, or a place for one. Its fields are dropped in this order: whoever has a permit finds one unlocked.
pub(super) struct Place<'a> {
    pub(super) connection: MutexGuard<'a, Option<Connection>>,
    _permit: Option<SemaphorePermit<'a>>,
}

impl<const N: usize> Places<N> {
    pub(super) fn new() -> Places<N> {
        Places {
            free: Semaphore::new(N),
            connections: std::array::from_fn(|_| Mutex::new(None)),
        }
    }

    /// Waits for one that is free. The first of them come first, so that no more are connected than are needed.
    pub(super) async fn take(&self) -> Place<'_> {
        // It is never closed.
        let permit = self.free.acquire().await.ok();
        loop {
            let mut connections = self.connections.iter();
            if let Some(connection) = connections.find_map(|one| one.try_lock().ok()) {
                return Place {
                    connection,
                    _permit: permit,
                };
            }
            tokio::task::yield_now().await;
        }
    }
}

impl<'a> Place<'a> {
    /// Returns the place of a connection that is the only one of its kind.
    pub(super) fn of(connection: MutexGuard<'a, Option<Connection>>) -> Place<'a> {
        Place {
            connection,
            _permit: None,
        }
    }
}
