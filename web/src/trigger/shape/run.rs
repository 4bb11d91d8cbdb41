//! The shape log of one run.
//!
//! The gateway remembers nothing between two polls: the offset has the version that the client saw, and how many streams, and the
//! handle has when the run was started, so that any gateway can answer. A poll that finds another version answers at once.
//! A run that does not exist yet is an empty log.

use std::time::{Duration, UNIX_EPOCH};

use axum::response::Response;
use runmeta_client::{Client, Snapshot, Watch};

use super::reply::Reply;
use super::request::{Poll, Position};
use super::{Hold, row};
use crate::live::Subscription;
use crate::{Caller, Gateway, Problem};

/// What the client has seen: zeros if there was no run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    created_at: u128,
    version: i64,
    streams: usize,
}

/// Answers a poll.
///
/// # Errors
///
/// - 403 if the caller may not read the run, whether it exists or not.
/// - 401 if its right ends while the poll is held.
pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    id: &str,
    poll: Poll,
) -> Result<Response, Problem> {
    let client = caller.client().await?;
    let mut watch = Watch::run(id).keep_open();
    if poll.skip.has("metadata") {
        watch = watch.select(row::ALWAYS);
    }
    let mut subscription = gateway
        .rooms()
        .watch_run(&client, watch, &caller.memory().events)
        .await?;
    let current = subscription.peek().filter(|run| !run.is_gone()).cloned();
    match &current {
        Some(run) => caller.reads_run(run)?,
        None if caller.reads_id(id) => {}
        None => return Err(caller.may_not_read(id)),
    }
    subscription.skip();
    let seen = poll.resume.as_ref().and_then(Seen::parse);
    if let Some(seen) = seen.filter(|seen| poll.live && seen.has(current.as_ref())) {
        let hold = Hold::begin(gateway, caller)?;
        let newer = hold.until(changed(&mut subscription)).await?;
        if let Some(run) = &newer {
            caller.reads_run(run)?;
        }
        // A stream that was begun since is announced to nobody who watches the run: that is found here, after the hold.
        let state = State::read(&client, newer.or(current)).await?;
        return Ok(state.reply(Some(seen), &poll).into_response(&poll.skip));
    }
    let state = State::read(&client, current).await?;
    Ok(state.reply(seen, &poll).into_response(&poll.skip))
}

/// The run now, if there is one, and its streams.
struct State {
    run: Option<Snapshot>,
    streams: Vec<String>,
}

impl State {
    async fn read(client: &Client, run: Option<Snapshot>) -> Result<State, Problem> {
        let mut streams = Vec::new();
        if let Some(run) = &run {
            let found = client.streams(run.id()).await?;
            streams.extend(found.into_iter().map(|stream| stream.name));
        }
        Ok(State { run, streams })
    }

    fn reply(&self, seen: Option<Seen>, poll: &Poll) -> Reply {
        let now = Seen::of(self.run.as_ref(), self.streams.len());
        let mut reply = Reply::new(now.position());
        if let Some(run) = self.run.as_ref().filter(|_| seen != Some(now)) {
            let value = row::row(run, &self.streams, &poll.skip);
            let is_new = seen.is_none_or(|seen| seen.created_at != now.created_at);
            reply.row(run.id(), value, is_new);
        }
        reply
    }
}

impl Seen {
    fn of(run: Option<&Snapshot>, streams: usize) -> Seen {
        run.map_or_else(Seen::default, |run| Seen {
            created_at: created_at(run),
            version: run.version(),
            streams,
        })
    }

    /// Returns true if the run is as it was seen, but perhaps for its streams.
    fn has(&self, run: Option<&Snapshot>) -> bool {
        *self == Seen::of(run, self.streams)
    }

    fn parse(position: &Position) -> Option<Seen> {
        let created_at = position.handle.strip_prefix("run-")?.parse().ok()?;
        let (version, streams) = position.offset.split_once('_')?;
        Some(Seen {
            created_at,
            version: version.parse().ok()?,
            streams: streams.parse().ok()?,
        })
    }

    fn position(self) -> Position {
        Position {
            handle: format!("run-{}", self.created_at),
            offset: format!("{}_{}", self.version, self.streams),
        }
    }
}

/// Waits for a state of the run that is not its end.
async fn changed(subscription: &mut Subscription) -> Option<Snapshot> {
    loop {
        let event = subscription.next().await?;
        let run = event.edition.snapshot();
        if !run.is_gone() {
            return Some(run.clone());
        }
    }
}

fn created_at(run: &Snapshot) -> u128 {
    let since = run.created_at().duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO).as_micros()
}
