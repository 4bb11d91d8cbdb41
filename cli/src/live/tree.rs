//! The runs of a tree that is followed, as far as they are known.

use std::collections::{BTreeMap, HashMap};
use std::time::{Instant, SystemTime};

use runmeta_client::Snapshot;
use serde_json::Value;

use super::family::Member;
use super::follow::Follow;
use super::run::Run;

/// A run and those below it. Others of its tree are remembered too: what is below them may turn out to be below it.
pub(crate) struct Tree {
    first: String,
    runs: HashMap<String, (Run, Follow)>,
    /// By the parent: the runs below it, in the order in which they started.
    below: HashMap<String, BTreeMap<(SystemTime, String), ()>>,
    /// States of runs of which it is not known yet whether they are below the first one.
    unknown: Vec<Snapshot>,
}

impl Tree {
    /// Begins to follow a run and those below it.
    pub(crate) fn new(first: &str) -> Self {
        Self {
            first: first.to_owned(),
            runs: HashMap::new(),
            below: HashMap::new(),
            unknown: Vec::new(),
        }
    }

    /// Takes the state of a run of the tree, and returns the states that turn out to be of the first run or of one below it.
    pub(crate) fn see(&mut self, snapshot: Snapshot, now: Instant) -> Vec<Snapshot> {
        let mut run = Run::of(&snapshot);
        if snapshot.is_gone() {
            let known = self
                .runs
                .get(&run.id)
                .is_some_and(|_| self.is_ours(&run.id) == Some(true));
            if let Some((before, _)) = self.runs.get_mut(&run.id) {
                before.gone = true;
            }
            return if known { vec![snapshot] } else { Vec::new() };
        }
        let (_, mut follow) = self.runs.remove(&run.id).unwrap_or_default();
        follow.see(&run, now);
        // The measures are taken; thousands of documents need not be kept.
        run.metadata = Value::Null;
        if let Some(parent) = &run.parent {
            let place = (snapshot.created_at(), run.id.clone());
            self.below
                .entry(parent.clone())
                .or_default()
                .insert(place, ());
        }
        self.runs.insert(run.id.clone(), (run, follow));
        self.unknown.push(snapshot);
        let mut ours = Vec::new();
        for snapshot in std::mem::take(&mut self.unknown) {
            match self.is_ours(snapshot.id()) {
                Some(true) => ours.push(snapshot),
                Some(false) => {}
                None => self.unknown.push(snapshot),
            }
        }
        ours
    }

    /// Tells whether a run is the first one or below it; none if a run between is not known.
    fn is_ours(&self, id: &str) -> Option<bool> {
        let mut id = id;
        // A cycle is impossible; should there be one, this ends all the same.
        for _ in 0..=self.runs.len() {
            if id == self.first {
                return Some(true);
            }
            let (run, _) = self.runs.get(id)?;
            match run.parent.as_deref() {
                Some(parent) => id = parent,
                None => return Some(false),
            }
        }
        Some(false)
    }

    /// Returns a run, and what was seen of its progress.
    pub(crate) fn get(&self, id: &str) -> Option<(&Run, &Follow)> {
        self.runs.get(id).map(|(run, follow)| (run, follow))
    }

    /// Returns true once a state of the first run has come.
    pub(crate) fn has_begun(&self) -> bool {
        self.runs.contains_key(&self.first)
    }

    /// Tells whether the first run and all below it are over.
    pub(crate) fn is_over(&self) -> bool {
        let members = self.members();
        !members.is_empty() && members.iter().all(|member| member.run.is_over())
    }

    /// Returns the first run and those below it, each below its parent.
    pub(crate) fn members(&self) -> Vec<Member<'_>> {
        let mut members = Vec::new();
        let mut waiting = vec![(self.first.as_str(), 0)];
        while let Some((id, depth)) = waiting.pop() {
            let Some((run, follow)) = self.runs.get(id) else {
                continue;
            };
            if run.gone && depth > 0 {
                continue;
            }
            members.push(Member { run, depth, follow });
            let below = self.below.get(id).into_iter().flat_map(BTreeMap::keys);
            waiting.extend(below.rev().map(|(_, id)| (id.as_str(), depth + 1)));
        }
        members
    }
}
