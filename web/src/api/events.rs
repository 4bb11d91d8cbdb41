//! `GET /v1/runs/:id/events` and `GET /v1/events`: what runs are now, and then what changes, as server-sent events.
//!
//! | event | id | data |
//! |---|---|---|
//! | `snapshot` | the version | a run object |
//! | `change` | the version | `{"id", "version", "from", "patch"}`: a merge patch over the object of version `from` |
//! | `ready` | | `{}`: the reader of a set has every run that there was at first |
//! | `gone` | the version | `{"id", "version"}`: the run was deleted, or may no longer be read |
//! | `end` | | `{"id", "version", "status"}`: the run has finished, and so has the response |
//! | `reconnect` | | the gateway stops, the token has expired, or there is no memory for the next event |
//!
//! Events of sets have no id: whoever reconnects gets all snapshots again.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use runmeta_client::{Snapshot, Watch};
use serde_json::json;

use crate::api::extract::{Asked, At};
use crate::budget::Share;
use crate::live::{self, Ending, Lifetime, Next, Source, Step, Subscription, frame};
use crate::{Caller, Gateway, Problem, Set};

/// A query, in the order in which it was written.
type Pairs = Asked<Vec<(String, String)>>;

/// Follows one run. `select` names keys of the metadata, with commas; `keep_open=true` goes on after its end, and `wait=true` waits
/// for a run that does not exist. `last_event_id` means what the header does.
pub(super) async fn run(
    State(gateway): State<Gateway>,
    caller: Caller,
    At(id): At<String>,
    Asked(query): Pairs,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut last = frame::last_event_id(&headers)?;
    let (mut keep_open, mut wait) = (false, false);
    let mut watch = Watch::run(&id);
    let selection = selection(&caller, &query)?;
    for (name, value) in &query {
        match name.as_str() {
            "select" => watch = watch.select(keys(value)?),
            "keep_open" => keep_open = flag(name, value)?,
            "wait" => wait = flag(name, value)?,
            // Of an `EventSource` that is opened anew, with another ticket: it cannot send the header.
            "last_event_id" if last.is_none() && !value.is_empty() => {
                last = Some(frame::number(value)?);
            }
            _ => {}
        }
    }
    if keep_open {
        watch = watch.keep_open();
    }
    let client = caller.client().await?;
    let mut subscription = gateway
        .rooms()
        .watch_run(&client, watch, &caller.memory().events)
        .await?;
    let found = subscription.peek().filter(|run| !run.is_gone()).cloned();
    match &found {
        Some(run) => caller.reads_run(run)?,
        None if !caller.reads_id(&id) => return Err(caller.may_not_read(&id)),
        None if !wait => return Err(Problem::no_such_run(&id)),
        None => {}
    }
    if let Some(run) = found
        && last == Some(run.version())
    {
        if run.is_finished() && !keep_open {
            // An `EventSource` reconnects after any end but this.
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        subscription.skip();
    }
    let lifetime = Lifetime::of(&gateway, &caller, Ending::Reconnect)?;
    let events = Events::new(subscription, selection, Some(caller));
    answer(events, lifetime)
}

/// Follows a set of runs: `tag=`, `task=`, `root=` or `all`, with `select` as above. `unfinished=true` leaves out runs that have
/// finished already.
pub(super) async fn set(
    State(gateway): State<Gateway>,
    caller: Caller,
    Asked(query): Pairs,
) -> Result<Response, Problem> {
    let (mut set, mut select, mut unfinished) = (None, None, false);
    for (name, value) in &query {
        let named = match name.as_str() {
            "tag" => Set::Tag(value),
            "task" => Set::Task(value),
            "root" => Set::Tree(value),
            "all" => Set::All,
            "select" => {
                select = Some(keys(value)?);
                continue;
            }
            "unfinished" => {
                unfinished = flag(name, value)?;
                continue;
            }
            _ => continue,
        };
        if set.replace(named).is_some() {
            return Err(one_set());
        }
    }
    let set = set.ok_or_else(one_set)?;
    caller.reads(&set)?;
    let selection = selection(&caller, &query)?;
    let mut watch = match set {
        Set::Tag(tag) => Watch::tag(tag),
        Set::Task(task) => Watch::task(task),
        Set::Tree(root) => Watch::tree(root),
        Set::All => Watch::all(),
    };
    if let Some(keys) = select {
        watch = watch.select(keys);
    }
    if unfinished {
        watch = watch.unfinished();
    }
    let lifetime = Lifetime::of(&gateway, &caller, Ending::Reconnect)?;
    let client = caller.client().await?;
    let subscription = gateway
        .rooms()
        .watch_set(&client, watch, &caller.memory().events)
        .await?;
    answer(Events::new(subscription, selection, None), lifetime)
}

fn answer(mut events: Events, lifetime: Lifetime) -> Result<Response, Problem> {
    match events.subscription.has_memory() {
        true => Ok(live::events(events, lifetime)),
        false => Err(no_memory()),
    }
}

fn no_memory() -> Problem {
    Problem::busy("the event streams that are open take all memory for events")
}

/// Takes memory for what a reader selects, as long as the stream is open.
fn selection(caller: &Caller, query: &[(String, String)]) -> Result<Share, Problem> {
    let selects = query.iter().filter(|(name, _)| name == "select");
    let bytes: usize = selects.map(|(_, value)| value.len()).sum();
    let share = caller.memory().events.take(OF_SELECTION * bytes);
    share.map_err(|_| no_memory())
}

/// The events of one reader.
struct Events {
    subscription: Subscription,
    /// What its selection holds.
    _selection: Share,
    /// Who follows one run: it may be deleted and started anew with other tags, which the reader may not read. A set has runs that its
    /// readers may read, and no others.
    reader: Option<Caller>,
    /// The reader of a set was told that it has all runs.
    is_ready: bool,
    /// Of the state that was sent last.
    version: i64,
    /// The data of the last event, once the final state was sent. Of other states nothing is kept: they may be large.
    end: Option<String>,
}

impl Events {
    fn new(mut subscription: Subscription, selection: Share, reader: Option<Caller>) -> Events {
        // A reader that has the final state gets no more than the end.
        let end = subscription.peek().and_then(end);
        Events {
            subscription,
            _selection: selection,
            is_ready: reader.is_some(),
            reader,
            version: 0,
            end,
        }
    }

    fn may_read(&self, run: &Snapshot) -> bool {
        let reader = self.reader.as_ref().filter(|_| !run.is_gone());
        reader.is_none_or(|reader| reader.reads_run(run).is_ok())
    }
}

impl Source for Events {
    async fn next(&mut self) -> Step {
        let next = match self.is_ready {
            true => self.subscription.next().await.map(Next::Event),
            false => self.subscription.next_or_whole().await,
        };
        if let Some(Next::Whole) = next {
            self.is_ready = true;
            return Step::Frame(frame::ready());
        }
        if let Some(Next::Event(event)) = next {
            let run = event.edition.snapshot();
            if !self.may_read(run) {
                return Step::Last(frame::gone(run.id(), self.version, true));
            }
            self.version = run.version();
            self.end = end(run);
            return event.frame.map_or(Step::Full, Step::Frame);
        }
        match &self.end {
            Some(data) => Step::Last(frame::event(Some("end"), None, data)),
            // The client was shut down.
            None => Step::Break,
        }
    }
}

fn end(run: &Snapshot) -> Option<String> {
    let is_over = run.is_finished() || run.is_gone();
    is_over.then(|| {
        let status = (!run.is_gone()).then(|| run.status());
        json!({"id": run.id(), "version": run.version(), "status": status}).to_string()
    })
}

/// How many bytes a byte of `select` takes as long as its stream is open: the query, the room, the client's list of watches. Measured
/// with 64 keys of 235 bytes: 75 KiB for 15 kB.
const OF_SELECTION: usize = 5;

/// Keys that one reader may select. A guess: more than a page shows.
const MOST_KEYS: usize = 64;

/// Reads the keys of a selection, in one order whatever order they were given in: readers of the same keys share what is read.
fn keys(list: &str) -> Result<Vec<String>, Problem> {
    let keys = list.split(',').map(str::trim).filter(|key| !key.is_empty());
    let keys: BTreeSet<&str> = keys.collect();
    match keys.len() > MOST_KEYS {
        true => Err(Problem::invalid(format!(
            "select names {} keys, and {MOST_KEYS} are allowed",
            keys.len()
        ))),
        false => Ok(keys.into_iter().map(str::to_owned).collect()),
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Problem> {
    match value {
        "true" | "" => Ok(true),
        "false" => Ok(false),
        _ => Err(Problem::invalid(format!("{name} is true or false"))),
    }
}

fn one_set() -> Problem {
    Problem::invalid("the query names not exactly one set")
        .hint("Name one of tag, task, root or all.")
}
