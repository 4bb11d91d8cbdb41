//! How long a poll is held.

use std::time::Duration;

use crate::limit::ConnectionPermit;
use crate::{Caller, Gateway, Problem};

/// How long polls are held in which nothing changes: as on Trigger.dev 20 s, and up to 15 % more or less, so that many that began
/// together do not go on together. Clients and proxies give up after 30 s at the soonest.
const SECONDS: f64 = 20.0;
const SPREAD: f64 = 0.15;

/// A poll that waits, on one of its key's connections.
pub(super) struct Hold<'a> {
    gateway: &'a Gateway,
    caller: &'a Caller,
    _permit: ConnectionPermit,
}

impl<'a> Hold<'a> {
    /// Begins to hold a poll.
    ///
    /// # Errors
    ///
    /// 429 if the key has too many connections.
    pub(super) fn begin(gateway: &'a Gateway, caller: &'a Caller) -> Result<Hold<'a>, Problem> {
        let permit = caller.connection()?;
        Ok(Hold {
            gateway,
            caller,
            _permit: permit,
        })
    }

    /// Waits for something, and returns `None` if it does not come, or if the gateway stops: the client then polls again. An answer
    /// is never cut behind its headers, which clients do not survive.
    ///
    /// # Errors
    ///
    /// 401 if the caller's right ends.
    pub(super) async fn until<T>(
        &self,
        something: impl Future<Output = Option<T>>,
    ) -> Result<Option<T>, Problem> {
        let seconds = SECONDS * (1.0 + SPREAD * (2.0 * fastrand::f64() - 1.0));
        tokio::select! {
            biased;
            () = self.caller.ended() => Err(self.caller.has_ended()),
            found = something => Ok(found),
            () = self.gateway.stopping().cancelled_owned() => Ok(None),
            () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => Ok(None),
        }
    }
}
