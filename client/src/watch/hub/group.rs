//! The topics that select the same keys, and the runs of them that are to be viewed.

use std::collections::HashMap;
use std::sync::Arc;

use super::topic::Watched;
use super::unread::{Unread, UnreadList};
use super::{MOST_VIEWED, VIEW_BYTES};
use crate::Error;
use crate::watch::Snapshot;
use crate::watch::notice::RunNotice;
use crate::watch::slot::Slot;
use crate::watch::target::{Select, Target, Topic};
use crate::wire::watch::View;

/// Runs viewed by the first statement, before the size of their documents is known.
const FIRST_VIEWED: usize = 100;

#[derive(Debug)]
pub(super) struct Group {
    runs: HashMap<Arc<str>, Watched>,
    sets: HashMap<Topic, Watched>,
    unread: UnreadList,
    /// How many the next statement may view.
    at_once: usize,
}

impl Default for Group {
    fn default() -> Group {
        Group {
            runs: HashMap::new(),
            sets: HashMap::new(),
            unread: UnreadList::default(),
            at_once: FIRST_VIEWED,
        }
    }
}

/// Who watches.
impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.sets.is_empty()
    }

    pub(super) fn topics(&mut self) -> impl Iterator<Item = &mut Watched> {
        self.runs.values_mut().chain(self.sets.values_mut())
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Arc<str>> {
        self.runs.keys()
    }

    pub(super) fn sets(&self) -> impl Iterator<Item = &Topic> {
        self.sets.keys()
    }

    pub(super) fn topic(&mut self, topic: &Topic) -> Option<&mut Watched> {
        match &topic.target {
            Target::Run(run) => self.runs.get_mut(run),
            _ => self.sets.get_mut(topic),
        }
    }

    pub(super) fn run(&mut self, run: &str) -> Option<&mut Watched> {
        self.runs.get_mut(run)
    }

    /// Adds a watcher, and returns true if nobody watched the topic before.
    pub(super) fn join(&mut self, topic: &Topic, id: u64, slot: Arc<Slot>) -> bool {
        let is_new = self.topic(topic).is_none();
        let watched = match &topic.target {
            Target::Run(run) => self.runs.entry(run.clone()).or_default(),
            _ => self.sets.entry(topic.clone()).or_default(),
        };
        watched.join(id, slot, topic.unfinished);
        is_new
    }

    pub(super) fn leave(&mut self, topic: &Topic, id: u64) {
        if self.topic(topic).is_some_and(|watched| watched.leave(id)) {
            match &topic.target {
                Target::Run(run) => drop(self.runs.remove(run)),
                _ => drop(self.sets.remove(topic)),
            }
        }
    }

    /// Returns the topics that have this run whatever its task and tags are.
    fn certain_topics(&self, id: &str, root: &str) -> impl Iterator<Item = &Watched> {
        let run = self.runs.get(id);
        let sets = self.sets.iter().filter(|(topic, _)| match &topic.target {
            Target::All => true,
            Target::Tree(tree) => **tree == *root,
            _ => false,
        });
        run.into_iter().chain(sets.map(|(_, watched)| watched))
    }
}

/// What is to be viewed.
impl Group {
    pub(super) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    pub(super) fn want(&mut self, id: Arc<str>, unread: Unread) {
        self.unread.add(id, unread);
    }

    /// Puts runs on the list that a watcher could not hold.
    pub(super) fn want_unread_of(&mut self, topic: &Topic, id: u64) {
        let most = self.at_once;
        let slot = self.topic(topic).and_then(|watched| watched.slot(id));
        let runs = slot.map(|slot| slot.unread(most)).unwrap_or_default();
        for run in runs {
            self.want(run, Unread::certain());
        }
    }

    /// Takes note of a run that changed.
    pub(super) fn announced(&mut self, run: &RunNotice) {
        let is_certain = self.certain_topics(&run.id, &run.root).next().is_some();
        let may_have_it = |topic: &Topic| matches!(topic.target, Target::Task(_) | Target::Tag(_));
        if is_certain || self.sets.keys().any(may_have_it) {
            self.want(run.id.as_str().into(), Unread::announced(run, is_certain));
        }
    }

    /// Takes those off the list that were only announced if they are too many, and returns true: the topics are to be listed
    /// again, which finds what changed of them.
    pub(super) fn forget_announced(&mut self) -> bool {
        self.unread.forget_announced()
    }

    /// Takes the next runs off the list, but for those that were passed on since they came.
    pub(super) fn take_unread(&mut self) -> Vec<(Arc<str>, Unread)> {
        if let Some(half) = self.unread.take_half() {
            return half;
        }
        let mut taken = Vec::new();
        while taken.len() < self.at_once
            && let Some((id, unread)) = self.unread.take()
        {
            if !self.is_passed_on(&id, &unread) {
                taken.push((id, unread));
            }
        }
        taken
    }

    fn is_passed_on(&self, id: &str, unread: &Unread) -> bool {
        let Some((root, Some(version))) = unread.announced.as_ref().filter(|_| unread.is_certain)
        else {
            return false;
        };
        self.certain_topics(id, root)
            .all(|watched| watched.knows(id, *version))
    }

    pub(super) fn view(&self, runs: &[(Arc<str>, Unread)], select: &Select) -> View {
        let (mut tasks, mut tags) = (Vec::new(), Vec::new());
        for topic in self.sets.keys() {
            match &topic.target {
                Target::Task(task) => tasks.push(task.clone()),
                Target::Tag(tag) => tags.push(tag.clone()),
                _ => {}
            }
        }
        let runs = runs.iter();
        View {
            runs: runs
                .map(|(id, unread)| (id.clone(), unread.is_certain))
                .collect(),
            tasks,
            tags,
            select: select.clone(),
        }
    }
}

/// What was viewed.
impl Group {
    /// Passes on what was read. Runs that are missing are gone, or no topic has them.
    pub(super) fn viewed(&mut self, runs: Vec<(Arc<str>, Unread)>, snapshots: Vec<Snapshot>) {
        let bytes: usize = snapshots.iter().map(|one| one.metadata_json().len()).sum();
        let average = bytes / snapshots.len().max(1) + 1;
        self.at_once = (VIEW_BYTES / average).clamp(1, MOST_VIEWED);
        let found = snapshots
            .iter()
            .map(|snapshot| (snapshot.id(), snapshot))
            .collect::<HashMap<_, _>>();
        for (id, unread) in runs {
            let snapshot = found.get(&*id).copied();
            if let Some(snapshot) = snapshot {
                self.offer(snapshot);
            }
            if snapshot.is_none() || unread.may_have_moved {
                self.absent(&id, snapshot);
            }
            self.settle(&id);
            let waiters = unread.waiters.iter();
            waiters.for_each(|waiter| waiter.answer(Ok(())));
        }
    }

    /// Puts runs back on the list. Fewer are read at once then: a large answer may fit.
    ///
    /// If the server cannot view what one of them holds, they are viewed in halves until that run is alone. It is left to the
    /// next notification of it, or to the next listing: neither the others nor other groups wait for it.
    pub(super) fn not_viewed(&mut self, mut runs: Vec<(Arc<str>, Unread)>, error: &Error) {
        if !error.is_retryable() && (runs.len() == 1 || error.concerns_rights()) {
            let unread = runs.iter_mut().map(|(_, unread)| unread);
            let waiters = unread.flat_map(|unread| unread.waiters.drain(..));
            waiters.for_each(|waiter| waiter.answer(Err(error.clone())));
        }
        if error.concerns_what_is_viewed() {
            match runs.len() {
                0 | 1 => runs.iter().for_each(|(id, _)| {
                    self.owe(id);
                    self.settle(id);
                }),
                _ => self.unread.halve(runs),
            }
            return;
        }
        self.at_once = (runs.len() / 2).max(1);
        for (id, unread) in runs {
            self.want(id, unread);
        }
    }

    /// Lets the next listing view a run, whatever is known of it.
    fn owe(&mut self, id: &str) {
        self.topics().for_each(|watched| watched.owe(id));
    }

    fn settle(&mut self, id: &str) {
        self.sets
            .values_mut()
            .for_each(|watched| watched.settle(id));
    }

    fn offer(&mut self, snapshot: &Snapshot) {
        let content = snapshot.content();
        if let Some(watched) = self.runs.get_mut(snapshot.id()) {
            watched.offer(snapshot, content);
        }
        for (topic, watched) in &mut self.sets {
            if topic.target.has(snapshot) {
                watched.offer(snapshot, content);
            }
        }
    }

    /// Takes a run from the topics that it does not belong to.
    fn absent(&mut self, id: &str, snapshot: Option<&Snapshot>) {
        if snapshot.is_none()
            && let Some(watched) = self.runs.get_mut(id)
        {
            watched.absent(id);
        }
        for (topic, watched) in &mut self.sets {
            if snapshot.is_none_or(|snapshot| !topic.target.has(snapshot)) {
                watched.absent(id);
            }
        }
    }
}
