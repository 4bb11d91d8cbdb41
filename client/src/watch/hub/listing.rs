//! Listings: what the server has of the members of a topic, in pages.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use super::group::Group;
use super::unread::Unread;
use super::{Action, Hub, UnderWay};
use crate::Error;
use crate::watch::target::{Select, Topic};
use crate::wire::watch::{List, ListSet, Listed};

/// Runs in one page. A guess: a megabyte on the wire, and some 20 ms of the server.
const PAGE: usize = 10_000;

/// Listings that wait, and the one that has begun.
#[derive(Debug, Default)]
pub(super) struct Listings {
    queue: VecDeque<Listing>,
    queued: HashSet<Listing>,
    current: Option<Current>,
    /// Listings that have begun.
    begun: u64,
}

/// What is listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Listing {
    /// All single runs of a group.
    Runs(Select),
    Set(Select, Topic),
}

#[derive(Debug)]
enum Current {
    Runs {
        select: Select,
        /// Those of the page under way are at the end.
        left: Vec<Arc<str>>,
    },
    Set {
        select: Select,
        topic: Topic,
        number: u64,
        unfinished: Option<Option<SystemTime>>,
        after: Option<Arc<str>>,
    },
}

impl Listings {
    pub(super) fn add_set(&mut self, select: Select, topic: Topic) {
        self.add(Listing::Set(select, topic));
    }

    /// Adds all topics of a group. One whose listing has begun is listed once more.
    pub(super) fn add_all(&mut self, select: &Select, group: &Group) {
        if group.runs().next().is_some() {
            self.add(Listing::Runs(select.clone()));
        }
        for topic in group.sets() {
            self.add_set(select.clone(), topic.clone());
        }
    }

    fn add(&mut self, listing: Listing) {
        if self.queued.insert(listing.clone()) {
            self.queue.push_back(listing);
        }
    }
}

impl Hub {
    /// Returns the next page.
    pub(super) fn next_listing(&mut self, now: Instant) -> Option<Action> {
        loop {
            let page = self.listings.current.as_ref().and_then(Current::page);
            match page {
                Some(list) => {
                    self.under_way = Some(UnderWay::Listing);
                    return Some(Action::List(list));
                }
                None => self.begin_listing(now)?,
            }
        }
    }

    fn begin_listing(&mut self, now: Instant) -> Option<()> {
        let listing = self.listings.queue.pop_front()?;
        self.listings.queued.remove(&listing);
        self.listings.begun += 1;
        let time = self.connection.time(now);
        self.listings.current = match listing {
            Listing::Runs(select) => self.groups.get(&select).map(|group| Current::Runs {
                left: group.runs().cloned().collect(),
                select,
            }),
            Listing::Set(select, topic) => {
                let group = self.groups.get_mut(&select);
                group.and_then(|group| group.topic(&topic)).map(|watched| {
                    let since = watched.since;
                    watched.since = since.or(time);
                    Current::Set {
                        unfinished: topic.unfinished.then_some(since),
                        select,
                        topic,
                        number: self.listings.begun,
                        after: None,
                    }
                })
            }
        };
        Some(())
    }

    /// Takes a page.
    pub(super) fn listed(&mut self, answer: Result<Vec<Listed>, Error>, now: Instant) {
        let listens = self.connection.listens();
        let Some(mut current) = self.listings.current.take() else {
            return;
        };
        let select = current.select().clone();
        let Some(group) = self.groups.get_mut(&select) else {
            return self.answered(answer.err(), now);
        };
        let error = match answer {
            Ok(page) => {
                if current.take(page, group, listens) {
                    self.listings.current = Some(current);
                }
                None
            }
            Err(error) => {
                let listing = current.failed(group, &error);
                self.listings.add(listing);
                Some(error)
            }
        };
        self.answered(error, now);
        self.take_turn(&select);
    }
}

impl Current {
    fn select(&self) -> &Select {
        match self {
            Current::Runs { select, .. } | Current::Set { select, .. } => select,
        }
    }

    fn page(&self) -> Option<List> {
        match self {
            Current::Runs { left, .. } if left.is_empty() => None,
            Current::Runs { left, .. } => {
                let page = left.len().saturating_sub(PAGE);
                Some(List::Runs(left[page..].to_vec()))
            }
            Current::Set {
                topic,
                unfinished,
                after,
                ..
            } => Some(List::Set(ListSet {
                target: topic.target.clone(),
                unfinished: *unfinished,
                after: after.clone(),
                most: PAGE,
            })),
        }
    }

    /// Compares a page with what is known, and returns true if there may be more.
    fn take(&mut self, page: Vec<Listed>, group: &mut Group, listens: bool) -> bool {
        match self {
            Current::Runs { left, .. } => {
                let asked = left.split_off(left.len().saturating_sub(PAGE));
                let mut missing: HashSet<Arc<str>> = asked.into_iter().collect();
                for listed in page {
                    missing.remove(&listed.id);
                    let watched = group.run(&listed.id);
                    if watched.is_some_and(|watched| watched.compare(&listed, 0, listens)) {
                        group.want(listed.id, Unread::certain());
                    }
                }
                for id in missing {
                    if group.run(&id).is_some_and(|watched| watched.has(&id)) {
                        group.want(id, Unread::certain());
                    }
                }
                !left.is_empty()
            }
            Current::Set {
                topic,
                number,
                after,
                ..
            } => {
                let is_full = page.len() == PAGE;
                let last = page.last().map(|listed| listed.id.clone());
                let Some(watched) = group.topic(topic) else {
                    return false;
                };
                let changed: Vec<_> = page
                    .into_iter()
                    .filter(|listed| watched.compare(listed, *number, listens))
                    .collect();
                watched.list(&changed, !is_full);
                let unlisted = match is_full {
                    true => Vec::new(),
                    false => {
                        let joining = watched.take_joining();
                        joining.iter().for_each(|waiter| waiter.answer(Ok(())));
                        watched.unlisted(*number)
                    }
                };
                *after = last;
                for listed in changed {
                    group.want(listed.id, Unread::certain());
                }
                for id in unlisted {
                    group.want(id, Unread::unlisted());
                }
                is_full
            }
        }
    }

    /// Answers those who wait for it, if trying again does not help. It is begun anew, behind the others.
    fn failed(self, group: &mut Group, error: &Error) -> Listing {
        match self {
            Current::Runs { select, .. } => Listing::Runs(select),
            Current::Set { select, topic, .. } => {
                let watched = group.topic(&topic).filter(|_| !error.is_retryable());
                let joining = watched.map(|watched| watched.take_joining());
                let joining = joining.into_iter().flatten();
                joining.for_each(|waiter| waiter.answer(Err(error.clone())));
                Listing::Set(select, topic)
            }
        }
    }
}
