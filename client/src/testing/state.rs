//! All that a server keeps, and what a batch does to it.

use std::collections::{BTreeMap, HashMap, hash_map};
use std::time::{Duration, SystemTime};

use runmeta_core::wire::{Outcome, Target};
use runmeta_core::{Json, Parsed};
use tokio::time::Instant;
use uuid::Uuid;

use super::Snapshot;
use super::batch::{Content, Entry, Start};
use super::run::{Effect, Run};
use super::stream::{Append, Stream};
use super::watch::Listeners;
use super::writer::Writer;
use crate::Error;
use crate::metadata::typed::value;
use crate::wire::{Loaded, Row, Wanted};

/// The runs and the writers of a database. A clone is what a standby has that lags.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(super) runs: BTreeMap<String, Run>,
    writers: HashMap<Uuid, Writer>,
    /// By run and name.
    pub(super) streams: BTreeMap<(String, String), Stream>,
    /// Bytes that a document may have.
    pub(super) maximum_size: usize,
    /// How long a finished run takes updates.
    pub(super) update_window: Duration,
    /// No statement arrives.
    pub(super) is_unreachable: bool,
    /// A worker lives: lists for parents and roots are queued, without a version.
    pub(super) has_worker: bool,
    pub(super) listeners: Listeners,
    /// When the newest run was started.
    pub(super) last_start: SystemTime,
}

impl Default for State {
    fn default() -> State {
        State {
            runs: BTreeMap::new(),
            writers: HashMap::new(),
            streams: BTreeMap::new(),
            // These are the server's defaults.
            maximum_size: 262_144,
            update_window: Duration::from_secs(3600),
            is_unreachable: false,
            has_worker: false,
            listeners: Listeners::default(),
            last_start: SystemTime::UNIX_EPOCH,
        }
    }
}

/// Reading.
impl State {
    pub(super) fn document(&self, id: &str) -> Option<&Json> {
        Some(&self.runs.get(id)?.document)
    }

    pub(super) fn snapshot(&self, id: &str) -> Option<Snapshot> {
        let run = self.runs.get(id)?.clone();
        Some(Snapshot {
            id: id.to_owned(),
            parent: run.parent,
            root: run.root,
            task: run.task,
            tags: run.tags,
            status: run.status,
            attempt: run.attempt,
            is_finished: run.finished.is_some(),
            metadata: value(&run.document),
            version: run.version,
        })
    }

    pub(super) fn load(&self, wanted: &Wanted) -> Option<Loaded> {
        let run = self.runs.get(&*wanted.id)?;
        Some(Loaded {
            id: wanted.id.to_string(),
            root: run.root.clone(),
            parent: run.parent.clone(),
            attempt: run.attempt,
            version: run.version,
            document: match wanted.document {
                true => run.document.to_string(),
                false => String::new(),
            },
        })
    }

    pub(super) fn stream(&self, id: &str, stream: &str) -> Option<&Stream> {
        self.streams.get(&(id.to_owned(), stream.to_owned()))
    }

    pub(super) fn last_sequence(&self, writer: Uuid) -> i64 {
        self.writers.get(&writer).map_or(0, |known| known.sequence)
    }

    /// Returns the runs whose rows a batch locks.
    #[cfg(test)]
    pub(super) fn locked_by(&self, entries: &[Entry]) -> Vec<String> {
        let parts = entries.iter().flat_map(|entry| {
            let parts = entry.parts.iter();
            parts.map(|content| (entry.run.as_str(), content))
        });
        let locked = parts.filter_map(|(id, content)| {
            let run = self.runs.get(id)?;
            match content {
                Content::Start(start) => run.begins(start).then_some(id),
                Content::Operations(Target::Own, _) => Some(id),
                Content::Operations(..) if self.has_worker => None,
                Content::Operations(target, _) => self.addressed(id, *target),
                Content::Stream(..) => None,
                Content::Status(_) | Content::Finish(_) => Some(id),
            }
        });
        locked.map(str::to_owned).collect()
    }

    /// Returns the run whose document a list of this run addresses.
    pub(super) fn addressed<'a>(&'a self, id: &'a str, target: Target) -> Option<&'a str> {
        let run = self.runs.get(id)?;
        Some(match target {
            Target::Own => id,
            Target::Parent => run.parent.as_deref().unwrap_or(id),
            Target::Root => &run.root,
        })
    }
}

/// Writing.
impl State {
    pub(super) fn remove(&mut self, id: &str) {
        self.runs.remove(id);
        self.announce(id);
        self.streams.retain(|(run, _), _| run != id);
    }

    pub(super) fn remove_stream(&mut self, id: &str, stream: &str) {
        self.streams.remove(&(id.to_owned(), stream.to_owned()));
    }

    pub(super) fn close(&mut self, id: &str, now: Instant) {
        if let Some(run) = self.runs.get_mut(id) {
            run.close(now);
        }
        self.announce(id);
    }

    /// Applies a list as a single call does: what a flush returns as an outcome is an error.
    pub(super) fn write(
        &mut self,
        id: &str,
        list: &[Parsed<Json>],
        now: Instant,
    ) -> Result<(), Error> {
        let effect = self.apply(id, Target::Own, list, now);
        let (code, message) = match effect.outcome {
            Outcome::NotFound => ("P0002", "no such run"),
            Outcome::Closed => ("55000", "the run has finished"),
            Outcome::TooLarge => ("54000", "the metadata would be too large"),
            _ if effect.unapplied.is_empty() => return Ok(()),
            _ => ("22023", "an operation could not be applied"),
        };
        Err(Error::answered(code, message))
    }

    /// Takes a batch: once, and in the order of its writer's sequence.
    pub(super) fn take(
        &mut self,
        entries: &[Entry],
        writer: Uuid,
        sequence: i64,
        now: Instant,
    ) -> Result<Vec<Row>, Error> {
        let known = self.writers.get(&writer);
        let last = known.map_or(0, |known| known.sequence);
        if sequence < 1 {
            return Err(Error::answered("22023", "sequences count from 1"));
        }
        if sequence > last + 1 {
            let gap = format!("sequence {sequence} does not follow {last}");
            return Err(Error::answered("55000", &gap));
        }
        if let Some(known) = known.filter(|_| sequence <= last) {
            return Ok(match sequence == last {
                true => known.replay(entries),
                false => Writer::default().replay(entries),
            });
        }
        let rows = self.apply_entries(entries, now);
        self.writers.insert(writer, Writer::new(sequence, &rows));
        Ok(rows)
    }

    fn apply_entries(&mut self, entries: &[Entry], now: Instant) -> Vec<Row> {
        let mut rows = Vec::new();
        // Starts of parents that stand behind a child, by the positions of their entries.
        let mut early = HashMap::new();
        for (position, entry) in entries.iter().enumerate() {
            let run = entry.run.as_str();
            // A parent that was made early, for a child, is not there for entries before its own start.
            let is_behind = |start: &&usize| **start > position && entries[**start].run == run;
            let is_unmade = early.keys().find(is_behind).is_some();
            let mut refused: Option<(Outcome, Option<i64>)> = None;
            for content in &entry.parts {
                let effect = match (refused, content) {
                    // What belongs to the attempt of a start that was refused must not hit another.
                    (Some((outcome, version)), _) => Effect {
                        version: version.filter(|_| {
                            content.kind().1 == Target::Own && content.stream().is_none()
                        }),
                        ..Effect::bare(outcome)
                    },
                    (None, Content::Start(_)) => {
                        self.start_after_parents(entries, position, &mut early)
                    }
                    (None, Content::Operations(..) | Content::Stream(..)) if is_unmade => {
                        Effect::bare(Outcome::NotFound)
                    }
                    (None, Content::Operations(target, list)) => {
                        self.apply(run, *target, list, now)
                    }
                    (None, Content::Stream(target, stream, append)) => {
                        self.append(run, *target, stream, append, now)
                    }
                    (None, Content::Status(change)) => match change.fault_as_status() {
                        Some(reason) => Effect::invalid(reason),
                        None if is_unmade => Effect::bare(Outcome::NotFound),
                        None => self.change(run, |run| run.set_status(change)),
                    },
                    (None, Content::Finish(change)) => match change.fault_as_finish() {
                        Some(reason) => Effect::invalid(reason),
                        None if is_unmade => Effect::bare(Outcome::NotFound),
                        None => self.change(run, |run| run.finish(change, now)),
                    },
                };
                if matches!(content, Content::Start(_)) && effect.outcome.is_refusal() {
                    refused = Some((effect.outcome, effect.version));
                }
                let (part, target) = content.kind();
                rows.push(effect.row(run, part, target, content.stream()));
            }
        }
        rows
    }

    /// Starts the run of an entry: by the first of its starts that can. Before it, a parent that does not exist, in the same way.
    fn start_after_parents(
        &mut self,
        entries: &[Entry],
        position: usize,
        early: &mut HashMap<usize, Effect>,
    ) -> Effect {
        let maximum_size = self.maximum_size;
        let untried = |run: &str, early: &HashMap<usize, Effect>| {
            let starts_it = |entry: &Entry| {
                started(entry).is_some_and(|(of, start)| {
                    of == run && start.fault().is_none() && start.metadata.size() <= maximum_size
                })
            };
            let mut behind = position + 1..entries.len();
            behind.find(|place| !early.contains_key(place) && starts_it(&entries[*place]))
        };
        let mut line = vec![position];
        while let Some(next) = line.last().copied()
            && let Some((run, start)) = started(&entries[next])
        {
            let parent = start.parent.as_deref().filter(|parent| {
                let is_there = self.runs.contains_key(run) || self.runs.contains_key(*parent);
                !is_there && line.iter().all(|below| entries[*below].run != *parent)
            });
            if !early.contains_key(&next)
                && let Some(of_parent) = parent.and_then(|parent| untried(parent, early))
            {
                line.push(of_parent);
                continue;
            }
            line.pop();
            if let hash_map::Entry::Vacant(untold) = early.entry(next) {
                untold.insert(self.start(run, start));
            }
            if !self.runs.contains_key(run) {
                line.extend(untried(run, early));
            }
        }
        let effect = early.remove(&position);
        effect.unwrap_or_else(|| Effect::bare(Outcome::NotFound))
    }

    fn start(&mut self, id: &str, start: &Start) -> Effect {
        if let Some(reason) = start.fault() {
            return Effect::invalid(reason);
        }
        let maximum_size = self.maximum_size;
        if start.metadata.size() > maximum_size {
            return Effect::bare(Outcome::TooLarge);
        }
        if self.runs.contains_key(id) {
            return self.change(id, |run| run.start(start, maximum_size));
        }
        let (root, depth) = match &start.parent {
            None => (id.to_owned(), 0),
            Some(parent) => match self.runs.get(parent) {
                Some(parent) => (parent.root.clone(), parent.depth + 1),
                None => return Effect::bare(Outcome::NotFound),
            },
        };
        let run = Run::new(root, depth, start, self.time_of_start());
        self.runs.insert(id.to_owned(), run);
        self.announce(id);
        Effect {
            version: Some(1),
            ..Effect::bare(Outcome::Applied)
        }
    }

    fn apply(&mut self, id: &str, target: Target, list: &[Parsed<Json>], now: Instant) -> Effect {
        let (maximum_size, window) = (self.maximum_size, self.update_window);
        let Some(addressed) = self.addressed(id, target).map(str::to_owned) else {
            return Effect::bare(Outcome::NotFound);
        };
        let effect = self.change(&addressed, |run| run.apply(list, maximum_size, window, now));
        let is_queued = self.has_worker && addressed != id && !effect.outcome.is_refusal();
        match is_queued {
            true => Effect {
                version: None,
                outcome: Outcome::Queued,
                ..effect
            },
            false => effect,
        }
    }

    fn append(
        &mut self,
        id: &str,
        target: Target,
        stream: &str,
        append: &Append,
        now: Instant,
    ) -> Effect {
        let Some(addressed) = self.addressed(id, target).map(str::to_owned) else {
            return Effect::bare(Outcome::NotFound);
        };
        let attempt = match self.runs.get(&addressed) {
            None => return Effect::bare(Outcome::NotFound),
            Some(run) if run.takes_no_more(self.update_window, now) => {
                return Effect::bare(Outcome::Closed);
            }
            Some(run) => run.attempt,
        };
        let name = (addressed, stream.to_owned());
        let mut changed = self.streams.remove(&name);
        let effect = Stream::append(&mut changed, append, attempt, self.maximum_size);
        if let Some(changed) = changed {
            if effect.outcome == Outcome::Applied {
                self.announce_stream(&name.0, &name.1, &changed);
            }
            self.streams.insert(name, changed);
        }
        effect
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Run) -> Effect) -> Effect {
        let Some(run) = self.runs.get_mut(id) else {
            return Effect::bare(Outcome::NotFound);
        };
        let effect = change(run);
        if effect.outcome == Outcome::Applied {
            self.announce(id);
        }
        effect
    }
}

/// Returns the run that an entry starts, and how.
fn started(entry: &Entry) -> Option<(&str, &Start)> {
    entry.parts.iter().find_map(|content| match content {
        Content::Start(start) => Some((entry.run.as_str(), start)),
        _ => None,
    })
}
