//! Tickets: what an `EventSource` puts into its URL instead of a key.
//!
//! A ticket is a token that the gateway signs with the caller's key: for one path, for thirty seconds, to be used once. Gateways
//! share nothing, so each remembers only those used with it: one that leaks within the thirty seconds could be used once more
//! with each other gateway.

use std::collections::HashMap;
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

/// Tickets that are remembered. Past it, none is accepted until old ones expire.
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

/// The tickets that were used.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<Uuid, u64>>);

impl Seen {
    /// Notes that a ticket is used. Returns false if it was before.
    pub(super) fn first_time(&self, ticket: &Claims) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST / 2 {
            let now = now();
            seen.retain(|_, expires| *expires >= now);
        }
        seen.len() < MOST && seen.insert(ticket.jti, ticket.exp).is_none()
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
    fn ticket_is_used_once() {
        let seen = Seen::default();
        let mut ticket = Claims {
            purpose: PURPOSE.to_owned(),
            exp: now() + 30,
            jti: Uuid::new_v4(),
            path: "/v1/events".to_owned(),
            scopes: None,
            until: None,
        };
        assert!(seen.first_time(&ticket));
        assert!(!seen.first_time(&ticket));
        ticket.jti = Uuid::new_v4();
        assert!(seen.first_time(&ticket));
    }
}
