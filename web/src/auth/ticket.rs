//! Tickets: what an `EventSource` puts into its URL instead of a key.
//!
//! A ticket is a token that the gateway signs with the caller's key: for one path, for thirty seconds, to be used once. Gateways
//! share nothing, so each remembers only those used with it: one that leaks within the thirty seconds could be used once more
//! with each other gateway.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Key;
use crate::Problem;

/// The member `purpose` of a ticket's claims, which no other token has.
pub(crate) const PURPOSE: &str = "runmeta-ticket";

/// How long one is valid, in seconds. A guess: a page opens its stream at once, on a slow line within some seconds.
const SECONDS: u64 = 30;

/// Tickets that are remembered of one half minute. Past it, none is accepted until the next one.
const MOST: usize = 100_000;

/// What a ticket says.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) purpose: String,
    pub(crate) exp: u64,
    pub(crate) jti: Uuid,
    pub(crate) path: String,
    /// The scopes of the token for which it was made; none of a secret key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<Vec<String>>,
    /// When that token expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
}

/// Makes a ticket for a path, which the caller may do as much with as before. Returns it with the time of its end.
///
/// # Errors
///
/// 400 for a path that is not that of an event stream.
pub(super) fn issue(
    key: &Key,
    path: &str,
    scopes: Option<Vec<String>>,
    until: Option<u64>,
) -> Result<(String, u64), Problem> {
    if !is_event_stream(path) {
        return Err(Problem::invalid("the path is not that of an event stream")
            .hint("Give a path such as /v1/runs/ID/events, as the browser will ask for it, without its query."));
    }
    let exp = now() + SECONDS;
    let claims = Claims {
        purpose: PURPOSE.to_owned(),
        exp: until.map_or(exp, |until| until.min(exp)),
        jti: Uuid::new_v4(),
        path: path.to_owned(),
        scopes,
        until,
    };
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(key.name.clone());
    let signed = encode(&header, &claims, &EncodingKey::from_secret(key.secret()));
    let ticket = signed.map_err(|_| Problem::failed("the ticket could not be signed"))?;
    Ok((ticket, claims.exp))
}

/// Returns true for the paths of event streams, to which alone a ticket gives access.
pub(super) fn is_event_stream(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(
        parts.as_slice(),
        ["", "v1", "events"]
            | ["", "v1", "runs", _, "events"]
            | ["", "v1", "runs", _, "streams", _]
            | ["", "realtime", "v1", "streams", _, _]
    )
}

/// Returns the parameter `ticket` of a query. It has no characters that would be encoded.
pub(super) fn of_query(query: Option<&str>) -> Option<&str> {
    query?
        .split('&')
        .find_map(|pair| pair.strip_prefix("ticket="))
}

/// The tickets that were used.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Used>);

/// Those that were used since a second, and those before them for as long as a ticket is valid at least: what is older has expired,
/// and all of it is forgotten at once.
#[derive(Default)]
struct Used {
    since: u64,
    recent: HashSet<Uuid>,
    older: HashSet<Uuid>,
}

impl Seen {
    /// Notes that a ticket is used. Returns false if it was before.
    pub(super) fn first_time(&self, ticket: &Claims) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.first_time(ticket.jti, now())
    }
}

impl Used {
    fn first_time(&mut self, ticket: Uuid, now: u64) -> bool {
        // A ticket is valid until the end of its last second.
        if now > self.since + SECONDS {
            self.older = std::mem::take(&mut self.recent);
            self.since = now;
        }
        !self.older.contains(&ticket) && self.recent.len() < MOST && self.recent.insert(ticket)
    }
}

/// Returns the seconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_for_event_streams_only() {
        for path in [
            "/v1/events",
            "/v1/runs/a/events",
            "/v1/runs/a%2Fb/events",
            "/v1/runs/a/streams/logs",
            "/realtime/v1/streams/a/logs",
        ] {
            assert!(is_event_stream(path), "{path}");
        }
        for path in [
            "",
            "/",
            "/v1/runs",
            "/v1/runs/a",
            "/v1/runs/a/events/",
            "/v1/runs/a/operations",
            "/v1/runs/a/streams",
            "/metrics",
            "/x/v1/events",
        ] {
            assert!(!is_event_stream(path), "{path}");
        }
    }

    #[test]
    fn ticket_is_used_once_as_long_as_it_is_valid() {
        for first in [100, 120, 130, 131, 150] {
            for later in 0..=SECONDS {
                let (mut used, ticket) = (Used::default(), Uuid::new_v4());
                // Others come meanwhile.
                let other = |used: &mut Used, now| used.first_time(Uuid::new_v4(), now);
                assert!(other(&mut used, 100) && other(&mut used, first));
                assert!(used.first_time(ticket, first));
                let between = (first + 1)..(first + later);
                assert!(between.into_iter().all(|now| other(&mut used, now)));
                assert!(!used.first_time(ticket, first + later), "{first} {later}");
            }
        }
    }

    #[test]
    fn used_tickets_are_forgotten_once_they_have_expired() {
        let mut used = Used::default();
        for now in (0..4).map(|minute| minute * 60) {
            assert!((0..MOST).all(|_| used.first_time(Uuid::new_v4(), now + 31)));
            assert!(!used.first_time(Uuid::new_v4(), now + 31));
            assert!(used.older.len() + used.recent.len() <= 2 * MOST);
        }
    }
}
