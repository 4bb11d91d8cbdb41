//! The shape log of a set of runs, for one client of Trigger.dev's.
//!
//! What the client has is remembered here, with the watch, between its polls. A gateway that does not know a log, because the poll
//! before went to another one or was long ago, begins it again and sends all rows: the client merges them by their key.
//! Runs never leave the set, since the client ignores deletes.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use runmeta_client::{Client, Cursor, Runs, Snapshot, Watch};

use super::reply::Reply;
use super::request::{Poll, Position};
use super::row::{self, Skip};
use crate::live::Subscription;
use crate::{Gateway, Problem};

/// What a row takes beside its metadata.
const ROW_BYTES: usize = 1_000;

/// Runs read at a time when a log begins. A guess.
const PAGE: u32 = 200;

/// Which runs a log has, and what of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// Runs with all of these tags.
    pub(super) tags: Vec<String>,
    /// How long ago the oldest may have been started when the log begins; any, if there is none.
    pub(super) window: Option<Duration>,
    pub(super) skip: Skip,
}

/// A log.
#[derive(Debug)]
pub(super) struct Log {
    query: Query,
    client: Client,
    handle: String,
    /// The number of the last answer that had rows.
    offset: u64,
    since: Option<SystemTime>,
    sent: HashMap<Box<str>, (SystemTime, i64)>,
    subscription: Subscription,
    beginning: Beginning,
}

/// How far the runs are read that were there when the log began.
#[derive(Debug)]
enum Beginning {
    After(Option<Cursor>),
    IsOver,
}

impl Log {
    /// Begins a log under this handle.
    ///
    /// Unfinished runs are watched, and all runs read in pages: a run that finished before the watch began has its final state
    /// there. So a set with a long history costs no more than the part that is asked for.
    pub(super) async fn begin(
        gateway: &Gateway,
        client: Client,
        handle: String,
        query: Query,
    ) -> Result<Log, Problem> {
        let mut watch = match query.tags.first() {
            Some(tag) => Watch::tag(tag),
            None => Watch::all(),
        };
        if query.skip.has("metadata") {
            watch = watch.select(row::ALWAYS);
        }
        let subscription = gateway
            .rooms()
            .watch_set(&client, watch.unfinished())
            .await?;
        let since = query
            .window
            .and_then(|window| SystemTime::now().checked_sub(window));
        Ok(Log {
            query,
            client,
            handle,
            offset: 0,
            since,
            sent: HashMap::new(),
            subscription,
            beginning: Beginning::After(None),
        })
    }

    pub(super) fn handle(&self) -> &str {
        &self.handle
    }

    /// Returns true if the log can go on with this poll.
    pub(super) fn fits(&self, client: &Client, query: &Query, offset: &str) -> bool {
        self.client == *client && self.query == *query && self.offset_text() == offset
    }

    /// Returns the rows that the client has not, as far as they are there.
    pub(super) async fn news(&mut self) -> Result<Vec<Snapshot>, Problem> {
        let mut news = News::default();
        while let Beginning::After(cursor) = &self.beginning {
            if news.bytes >= super::reply::MOST_BYTES {
                return Ok(news.runs);
            }
            let page = self.client.runs(self.page(cursor.clone())).await?;
            let is_past = |run: &Snapshot| self.since.is_some_and(|since| run.created_at() < since);
            let has_reached = page.runs.iter().any(is_past);
            self.beginning = match page.next {
                Some(next) if !has_reached => Beginning::After(Some(next)),
                _ => Beginning::IsOver,
            };
            for run in page.runs {
                if self.is_news(&run) {
                    news.add(run);
                }
            }
        }
        while news.bytes < super::reply::MOST_BYTES
            && let Some(run) = self.subscription.take()
        {
            if self.is_news(&run) {
                news.add(run);
            }
        }
        Ok(news.runs)
    }

    /// Waits until something has changed that may be news.
    pub(super) async fn changed(&mut self) -> Option<()> {
        self.subscription.ready().await.map(drop)
    }

    /// Makes the answer that brings these rows.
    pub(super) fn reply(&mut self, runs: &[Snapshot]) -> Reply {
        self.offset += u64::from(!runs.is_empty());
        let mut reply = Reply::new(Position {
            handle: self.handle.clone(),
            offset: self.offset_text(),
        });
        for run in runs {
            let is_new = self.sent.insert(run.id().into(), state(run)).is_none();
            reply.row(run.id(), row::row(run, &[], &self.query.skip), is_new);
        }
        if matches!(self.beginning, Beginning::After(_)) {
            reply.is_continued();
        }
        reply
    }

    /// Returns true if a run belongs to the set and the client has an older state of it, or none. A page and the watch may bring the
    /// same state, and in either order. Where a failover lost commits, the client keeps what it has until the run has changed as often
    /// again.
    fn is_news(&self, run: &Snapshot) -> bool {
        let has_tag = |tag: &String| run.tags().contains(tag);
        !run.is_gone()
            && self.query.tags.iter().all(has_tag)
            && self.since.is_none_or(|since| run.created_at() >= since)
            && self
                .sent
                .get(run.id())
                .is_none_or(|sent| state(run) > *sent)
    }

    fn page(&self, after: Option<Cursor>) -> Runs {
        // The newest first. Whether they have all of the tags is looked at afterwards.
        let mut runs = Runs::new().limit(PAGE);
        if let Some(tag) = self.query.tags.first() {
            runs = runs.tag(tag);
        }
        if self.query.skip.has("metadata") {
            runs = runs.select(row::ALWAYS);
        }
        match after {
            Some(after) => runs.after(after),
            None => runs,
        }
    }

    /// Clients before 1.0 take an offset for two numbers.
    fn offset_text(&self) -> String {
        format!("{}_0", self.offset)
    }
}

/// Rows for one answer, each run once.
#[derive(Default)]
struct News {
    runs: Vec<Snapshot>,
    places: HashMap<Box<str>, usize>,
    bytes: usize,
}

impl News {
    fn add(&mut self, run: Snapshot) {
        let place = self.places.get(run.id()).copied();
        match place.and_then(|place| self.runs.get_mut(place)) {
            Some(known) if state(&run) > state(known) => *known = run,
            Some(_) => {}
            None => {
                self.bytes += run.metadata_json().len() + ROW_BYTES;
                self.places.insert(run.id().into(), self.runs.len());
                self.runs.push(run);
            }
        }
    }
}

/// Of two states of a run, the later one is greater.
fn state(run: &Snapshot) -> (SystemTime, i64) {
    (run.created_at(), run.version())
}

/// Reads what a poll asks for.
impl Query {
    pub(super) fn of_tags(poll: &Poll) -> Query {
        Query {
            tags: poll.tags.clone(),
            window: Some(poll.window),
            skip: poll.skip.clone(),
        }
    }

    pub(super) fn of_batch(id: &str, poll: &Poll) -> Query {
        Query {
            tags: vec![id.to_owned()],
            window: None,
            skip: poll.skip.clone(),
        }
    }
}
