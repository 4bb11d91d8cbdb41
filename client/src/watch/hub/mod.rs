//! The hub: who watches what, what is to be read, and who gets it, decided by one pure function.
//!
//! [`Hub::step`] takes what happened and returns what is to be done, as the engine's does. One statement is under way at a time,
//! so that all runs that change meanwhile are read together by the next one.
//!
//! A *topic* is a set of runs that somebody watches, with what is known of its members. Topics that select the same keys form
//! a *group*: a run is read once for all of them. Two statements do everything. A *view* reads runs by their ids. A *listing*
//! reads the versions of a topic's members, and what differs from what is known is then viewed: so a watch begins, and so it
//! goes on after a lost connection, after a resync, and in each turn of polling. A member that a listing lacks is viewed too,
//! and if that finds none, the run is gone.
//!
//! **Order.** On one connection to a primary each statement sees at least what those before it saw. Of a run, only what is newer
//! than what is known is passed on: a greater version, or a later `created_at`, which is another run of the same id. A listing
//! over a connection that listens may find older ones: then the server lost commits in a failover, and what it has is taken.

mod group;
mod line;
mod listing;
mod resync;
mod streams;
mod topic;
mod unread;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::notice::Notice;
use super::slot::Slot;
use super::target::{Select, Target, Topic};
use super::{Snapshot, slot};
use crate::Error;
use crate::buffer::waiter::Waiter;
use crate::engine::waiting::WaitingList;
use crate::settings::Settings;
use crate::stream::StreamInfo;
use crate::wire::streams::{FoundChunks, WantedChunks};
use crate::wire::watch::{List, Listed, View};
use group::Group;
use line::Connection;
use listing::Listings;
use resync::Resync;
pub(crate) use streams::NewReader;
use streams::Streams;
use unread::Unread;

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// Somebody watches.
    Watch(NewWatch),
    /// A watcher is gone.
    Dropped(u64),
    /// A watcher wants what is not read yet.
    Unread(u64),
    /// Somebody reads a stream.
    Read(NewReader),
    /// A reader of a stream has room again.
    RoomForChunks(u64),
    /// Somebody wants to know the streams of a run.
    ListStreams(Arc<str>, Arc<Waiter<Vec<StreamInfo>>>),
    /// The time came that [`Hub::due`] named.
    Timer,
    /// There is a connection, or none.
    Connected(Result<Connected, Error>),
    /// The connection that listens is lost.
    Lost,
    Notice(Notice),
    /// The server answered a listing.
    Listed(Result<Vec<Listed>, Error>),
    /// The server answered a view.
    Viewed(Result<Vec<Snapshot>, Error>),
    /// The server answered what was asked of streams.
    StreamsRead(Result<Vec<FoundChunks>, Error>),
    StreamsListed(Result<Vec<StreamInfo>, Error>),
}

/// A watch that begins.
#[derive(Debug)]
pub(crate) struct NewWatch {
    pub(crate) id: u64,
    pub(crate) topic: Topic,
    pub(crate) select: Select,
    pub(crate) slot: Arc<Slot>,
    /// Answered when the state now is in the slot, or known to be read.
    pub(crate) waiter: Arc<Waiter<()>>,
}

/// What is known of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connected {
    pub(crate) timeline: i64,
    pub(crate) time: SystemTime,
    /// Notifications come through.
    pub(crate) listens: bool,
}

/// What is to be done. Until it is answered, there is no other but `Disconnect`.
#[derive(Debug)]
pub(crate) enum Action {
    /// Connect and listen.
    Connect,
    /// Close the connection.
    Disconnect,
    List(List),
    View(View),
    ReadStreams(Vec<WantedChunks>),
    ListStreams(Arc<str>),
}

/// Which statement is under way.
#[derive(Debug)]
enum UnderWay {
    Connecting,
    Listing,
    Viewing(Select, Vec<(Arc<str>, Unread)>),
    /// The readers of each part of the statement.
    Reading(Vec<Vec<u64>>),
    ListingStreams(Arc<str>, Arc<Waiter<Vec<StreamInfo>>>),
}

#[derive(Debug)]
pub(crate) struct Hub {
    /// How long a watch may take to begin.
    call_timeout: Duration,
    groups: HashMap<Select, Group>,
    watches: HashMap<u64, (Select, Topic)>,
    /// Groups that have something to be viewed, each once.
    turns: VecDeque<Select>,
    listings: Listings,
    resync: Resync,
    streams: Streams,
    connection: Connection,
    under_way: Option<UnderWay>,
    /// The last statement was a listing: now it is a view's turn.
    has_listed: bool,
    waiting: WaitingList,
}

impl Hub {
    pub(crate) fn new(settings: &Settings) -> Hub {
        Hub {
            connection: Connection::new(settings),
            call_timeout: settings.call_timeout,
            groups: HashMap::new(),
            watches: HashMap::new(),
            turns: VecDeque::new(),
            listings: Listings::default(),
            resync: Resync::default(),
            streams: Streams::default(),
            under_way: None,
            has_listed: false,
            waiting: WaitingList::default(),
        }
    }

    /// Takes what happened and returns what is to be done.
    pub(crate) fn step(&mut self, now: Instant, input: Input) -> Option<Action> {
        match input {
            Input::Watch(watch) => self.watch(watch, now),
            Input::Dropped(id) => self.dropped(id),
            Input::Unread(id) => self.unread(id),
            Input::Read(reader) => self.read(reader, now),
            Input::RoomForChunks(id) => self.streams.has_room(id),
            Input::ListStreams(run, waiter) => self.list_streams(run, waiter, now),
            Input::StreamsRead(answer) => self.streams_read(answer, now),
            Input::StreamsListed(answer) => self.streams_listed(answer, now),
            Input::Timer => {}
            Input::Connected(answer) => {
                self.under_way = None;
                match answer {
                    Ok(connected) => self.connected(connected, now),
                    Err(error) => self.not_connected(&error, now),
                }
            }
            Input::Lost => self.connection.lost(now),
            Input::Notice(notice) => self.notice(notice),
            Input::Listed(answer) => {
                self.under_way = None;
                self.listed(answer, now);
            }
            Input::Viewed(answer) => {
                if let Some(UnderWay::Viewing(select, runs)) = self.under_way.take() {
                    self.viewed(select, runs, answer, now);
                }
            }
        }
        if self.resync.begin(now) {
            self.read_again();
        }
        self.waiting.expire(now, self.connection.trouble());
        self.next(now)
    }

    /// Returns when [`step`](Hub::step) is to be called if nothing else happens.
    pub(crate) fn due(&self) -> Option<Instant> {
        let connection = match self.under_way {
            Some(_) => None,
            None => self.connection.due(self.is_idle()),
        };
        let due = [connection, self.waiting.due(), self.resync.due()];
        due.into_iter().flatten().min()
    }

    /// Ends all streams.
    pub(crate) fn end(&mut self) {
        let topics = self.groups.values_mut().flat_map(Group::topics);
        topics.for_each(|watched| watched.slots().for_each(|slot| slot.end()));
        self.streams.end();
    }

    fn is_idle(&self) -> bool {
        self.watches.is_empty() && self.streams.is_empty()
    }

    fn watch(&mut self, watch: NewWatch, now: Instant) {
        let NewWatch {
            id,
            topic,
            select,
            slot,
            waiter,
        } = watch;
        let deadline = now + self.call_timeout;
        self.waiting
            .add(waiter.clone(), "watching", Some(deadline), 0);
        self.watches.insert(id, (select.clone(), topic.clone()));
        let group = self.groups.entry(select.clone()).or_default();
        let is_new = group.join(&topic, id, slot);
        if let Target::Run(run) = &topic.target {
            group.want(run.clone(), Unread::awaited(waiter));
            self.take_turn(&select);
        } else {
            if let Some(watched) = group.topic(&topic) {
                watched.answer_when_listed(waiter);
            }
            if is_new {
                self.listings.add_set(select, topic);
            }
        }
        self.connection.hurry(now);
    }

    fn dropped(&mut self, id: u64) {
        let Some((select, topic)) = self.watches.remove(&id) else {
            return self.streams.leave(id);
        };
        if let Some(group) = self.groups.get_mut(&select) {
            group.leave(&topic, id);
            if group.is_empty() {
                self.groups.remove(&select);
            }
        }
    }

    /// Reads what a watcher could not hold and has room for now.
    fn unread(&mut self, id: u64) {
        let Some((select, topic)) = self.watches.get(&id) else {
            return;
        };
        let select = select.clone();
        if let Some(group) = self.groups.get_mut(&select) {
            group.want_unread_of(topic, id);
            self.take_turn(&select);
        }
    }

    fn notice(&mut self, notice: Notice) {
        if notice.resync {
            self.resync.owe();
        }
        for stream in &notice.streams {
            self.streams.announced(stream);
        }
        for run in &notice.runs {
            self.streams.run_announced(run);
        }
        let mut changed = Vec::new();
        for (select, group) in &mut self.groups {
            let before = group.has_unread();
            for run in &notice.runs {
                group.announced(run);
            }
            if group.forget_announced() {
                self.resync.owe();
            }
            if group.has_unread() && !before {
                changed.push(select.clone());
            }
        }
        changed.iter().for_each(|select| self.take_turn(select));
    }

    /// Compares everything that is watched with what the server has.
    fn read_again(&mut self) {
        for (select, group) in &self.groups {
            self.listings.add_all(select, group);
        }
        self.streams.read_again();
    }

    fn take_turn(&mut self, select: &Select) {
        let has_unread = self.groups.get(select).is_some_and(Group::has_unread);
        if has_unread && !self.turns.contains(select) {
            self.turns.push_back(select.clone());
        }
    }

    /// Returns the next thing to do, if nothing is under way.
    fn next(&mut self, now: Instant) -> Option<Action> {
        if self.under_way.is_some() {
            return None;
        }
        let action = self.connection.next(self.is_idle(), now);
        if let Some(Action::Connect) = action {
            self.under_way = Some(UnderWay::Connecting);
        }
        if action.is_some() || !self.connection.is_ready() {
            return action;
        }
        // In turns, so that neither long listings nor many changes hold up the others.
        if !std::mem::take(&mut self.streams.has_read)
            && let Some(action) = self.next_of_streams()
        {
            self.streams.has_read = true;
            return Some(action);
        }
        let action = match std::mem::take(&mut self.has_listed) {
            true => self.next_view().or_else(|| self.next_listing(now)),
            false => self.next_listing(now).or_else(|| self.next_view()),
        };
        self.has_listed = matches!(action, Some(Action::List(_)));
        action.or_else(|| self.next_of_streams())
    }

    fn next_view(&mut self) -> Option<Action> {
        while let Some(select) = self.turns.pop_front() {
            let Some(group) = self.groups.get_mut(&select) else {
                continue;
            };
            let runs = group.take_unread();
            if !runs.is_empty() {
                let view = group.view(&runs, &select);
                self.take_turn(&select);
                self.under_way = Some(UnderWay::Viewing(select, runs));
                return Some(Action::View(view));
            }
        }
        None
    }

    fn viewed(
        &mut self,
        select: Select,
        runs: Vec<(Arc<str>, Unread)>,
        answer: Result<Vec<Snapshot>, Error>,
        now: Instant,
    ) {
        // What one run holds is no reason to let the others wait.
        let error = answer.as_ref().err();
        let error = error.filter(|error| !error.concerns_what_is_viewed());
        let error = error.cloned();
        if let Some(group) = self.groups.get_mut(&select) {
            match answer {
                Ok(snapshots) => group.viewed(runs, snapshots),
                Err(error) => group.not_viewed(runs, &error),
            }
        }
        self.answered(error, now);
        self.take_turn(&select);
    }

    /// Notes how a statement went.
    fn answered(&mut self, error: Option<Error>, now: Instant) {
        match error {
            None => self.connection.went_well(),
            Some(error) => self.connection.went_wrong(&error, now),
        }
    }
}

/// Runs viewed by one statement: no more than what a watcher can hold.
const MOST_VIEWED: usize = slot::MOST_HELD;

/// Bytes of documents that one view should bring.
const VIEW_BYTES: usize = slot::MOST_BYTES;
