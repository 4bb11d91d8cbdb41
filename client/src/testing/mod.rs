//! A model of the server: what `runmeta.flush` means, with faults on demand.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use runmeta_core::{apply, parse_list, same_value, size};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Loaded, Outcome, Target};
use crate::buffer::lock;
use crate::transport::{Reply, Transport, Wanted};
use crate::{Error, NewRun};

/// What goes wrong with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is cut before the server has the statement.
    CutBefore,
    /// The connection is cut between commit and answer.
    CutAfter,
    /// The connection is cut, and the server has the statement only after that many others.
    Late(usize),
    /// A standby takes over that misses the last batches, and answers the next statement.
    Failover(usize),
    /// The server refuses the statement, and will always.
    Denied,
    /// The server lets nobody in.
    NotLetIn,
}

#[derive(Clone, Debug, Default)]
struct State {
    runs: BTreeMap<String, Run>,
    writers: HashMap<Uuid, Last>,
    /// Bytes that a document may have.
    limit: Option<usize>,
}

/// The last batch of a writer.
#[derive(Clone, Debug, Default)]
struct Last {
    sequence: i64,
    answers: Vec<Answer>,
}

#[derive(Clone, Debug)]
struct Run {
    parent: Option<String>,
    root: String,
    document: Value,
    version: i64,
    closed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct FakeServer {
    state: Mutex<State>,
    /// The states before each of the last batches.
    history: Mutex<Vec<State>>,
    faults: Mutex<VecDeque<Fault>>,
    /// Batches that are still under way, with their writers and numbers, and for how many statements.
    late: Mutex<Vec<(usize, Value, Uuid, i64)>>,
    /// The batches that came, whether they took effect or not.
    pub(crate) batches: Mutex<Vec<Value>>,
    /// Runs whose operations are denied for the whole statement, as a row-level security policy would.
    pub(crate) denied: Mutex<Vec<String>>,
    /// Runs whose rows somebody else has locked.
    pub(crate) locked: Mutex<Vec<String>>,
    /// Runs for which a read is answered in a form that nobody understands.
    garbled: Mutex<Vec<String>>,
}

impl FakeServer {
    pub(crate) fn fail_next(&self, fault: Fault) {
        lock(&self.faults).push_back(fault);
    }

    pub(crate) fn garble(&self, run: &str) {
        lock(&self.garbled).push(run.to_owned());
    }

    pub(crate) fn document(&self, run: &str) -> Value {
        lock(&self.state).runs[run].document.clone()
    }

    /// Limits the size of documents.
    pub(crate) fn limit(&self, bytes: usize) {
        lock(&self.state).limit = Some(bytes);
    }

    pub(crate) fn close(&self, run: &str) {
        if let Some(run) = lock(&self.state).runs.get_mut(run) {
            run.closed = true;
        }
    }

    /// Changes a run as another writer would.
    pub(crate) fn write(&self, run: &str, operation: Value) {
        let mut state = lock(&self.state);
        state.change(run, &json!([operation]));
        // A standby that takes over later has it: only our own batches get lost.
        for earlier in lock(&self.history).iter_mut() {
            earlier.change(run, &json!([operation]));
        }
    }

    fn is_locked(&self, batch: &str) -> bool {
        let batch: Value = serde_json::from_str(batch).unwrap();
        let locked = lock(&self.locked);
        let names = |entry: &Value| locked.iter().any(|locked| entry["run"] == json!(locked));
        batch.as_array().unwrap().iter().any(names)
    }

    fn flush_now(&self, batch: &str, writer: Uuid, sequence: i64) -> Result<Vec<Answer>, Error> {
        self.take_late();
        let fault = lock(&self.faults).pop_front();
        let batch: Value = serde_json::from_str(batch).unwrap();
        lock(&self.batches).push(batch.clone());
        match fault {
            Some(Fault::CutBefore) => return Err(Error::lost()),
            Some(Fault::Late(statements)) => {
                lock(&self.late).push((statements, batch, writer, sequence));
                return Err(Error::lost());
            }
            Some(Fault::Denied) => return Err(Error::denied()),
            Some(Fault::NotLetIn) => return Err(Error::not_let_in()),
            Some(Fault::Failover(batches)) => {
                let mut history = lock(&self.history);
                let kept = history.len().saturating_sub(batches);
                if let Some(earlier) = history.drain(kept..).next() {
                    *lock(&self.state) = earlier;
                }
            }
            _ => {}
        }
        let entries = batch.as_array().unwrap();
        if entries.iter().any(|entry| {
            lock(&self.denied)
                .iter()
                .any(|denied| entry["run"] == json!(denied))
        }) {
            return Err(Error::denied());
        }
        let answers = self.apply(entries, writer, sequence)?;
        match fault {
            Some(Fault::CutAfter) => Err(Error::lost()),
            _ => Ok(answers),
        }
    }

    /// Takes what was under way for long.
    fn take_late(&self) {
        let mut late = std::mem::take(&mut *lock(&self.late));
        late.iter_mut()
            .for_each(|(statements, ..)| *statements -= 1);
        let (now, later): (Vec<_>, _) = late.into_iter().partition(|(left, ..)| *left == 0);
        *lock(&self.late) = later;
        for (_, batch, writer, sequence) in now {
            drop(self.apply(batch.as_array().unwrap(), writer, sequence));
        }
    }

    fn apply(&self, entries: &[Value], writer: Uuid, sequence: i64) -> Result<Vec<Answer>, Error> {
        let mut state = lock(&self.state);
        let last = state.writers.get(&writer).cloned().unwrap_or_default();
        let known = last.sequence;
        if sequence > known + 1 {
            return Err(Error::gap(known));
        }
        if sequence > known {
            let before = state.clone();
            let answers = state.flush(entries);
            let last = Last {
                sequence,
                answers: answers.clone(),
            };
            state.writers.insert(writer, last);
            lock(&self.history).push(before);
            Ok(answers)
        } else {
            Ok(told_again(entries, &last.answers))
        }
    }
}

/// Returns what is said of the lists of a batch whose number was seen, after what was said of the first with it.
fn told_again(entries: &[Value], first: &[Answer]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for entry in entries {
        for target in Target::ALL {
            if entry.get(target.list()).is_none() {
                continue;
            }
            let run = entry["run"].as_str().unwrap().to_owned();
            let known = |answer: &&Answer| answer.run == run && answer.target == target;
            let first = first.iter().find(known);
            let refused = first.filter(|first| first.outcome.is_refusal());
            answers.push(Answer {
                outcome: refused.map_or(Outcome::Duplicate, |first| first.outcome),
                version: None,
                unapplied: first.map_or(Vec::new(), |first| first.unapplied.clone()),
                run,
                target,
            });
        }
    }
    answers
}

impl State {
    fn flush(&mut self, entries: &[Value]) -> Vec<Answer> {
        let mut answers = Vec::new();
        for entry in entries {
            let id = entry["run"].as_str().unwrap();
            for target in Target::ALL {
                let Some(operations) = entry.get(target.list()) else {
                    continue;
                };
                let Some(run) = self.runs.get(id) else {
                    answers.push(Answer {
                        run: id.to_owned(),
                        target,
                        outcome: Outcome::NotFound,
                        version: None,
                        unapplied: Vec::new(),
                    });
                    continue;
                };
                let addressed = match target {
                    Target::Own => id.to_owned(),
                    Target::Parent => run.parent.clone().unwrap_or(id.to_owned()),
                    Target::Root => run.root.clone(),
                };
                let (outcome, unapplied) = match self.runs[&addressed].closed {
                    true => (Outcome::Closed, Vec::new()),
                    false => self.change_within(&addressed, operations),
                };
                let version = Some(self.runs[&addressed].version);
                answers.push(Answer {
                    run: id.to_owned(),
                    target,
                    outcome,
                    version,
                    unapplied,
                });
            }
        }
        answers
    }

    fn change_within(&mut self, run: &str, operations: &Value) -> (Outcome, Vec<(usize, String)>) {
        let before = self.runs[run].clone();
        let changed = self.change(run, operations);
        let limit = self.limit.unwrap_or(usize::MAX);
        let now = size(&self.runs[run].document);
        if now > limit && now > size(&before.document) {
            self.runs.insert(run.to_owned(), before);
            return (Outcome::TooLarge, Vec::new());
        }
        changed
    }

    fn change(&mut self, run: &str, operations: &Value) -> (Outcome, Vec<(usize, String)>) {
        let run = self.runs.get_mut(run).unwrap();
        let before = run.document.clone();
        let unapplied = apply(&mut run.document, &parse_list(operations).unwrap());
        let unapplied = unapplied
            .iter()
            .map(|skipped| (skipped.index, skipped.reason.code().to_owned()))
            .collect();
        if same_value(&before, &run.document) {
            return (Outcome::Unchanged, unapplied);
        }
        run.version += 1;
        (Outcome::Applied, unapplied)
    }
}

impl Transport for FakeServer {
    fn flush<'a>(
        &'a self,
        batch: &'a str,
        writer: Uuid,
        sequence: i64,
        patience: Duration,
    ) -> Reply<'a, Vec<Answer>> {
        Box::pin(async move {
            // The answer takes a while, so that something can be said meanwhile.
            tokio::task::yield_now().await;
            if self.is_locked(batch) {
                tokio::time::sleep(patience).await;
                return Err(Error::locked());
            }
            let answer = self.flush_now(batch, writer, sequence);
            tokio::task::yield_now().await;
            answer
        })
    }

    fn load<'a>(&'a self, wanted: &'a [Wanted]) -> Reply<'a, Vec<Loaded>> {
        Box::pin(async move {
            let asked = |runs: &Vec<String>| wanted.iter().any(|(id, _)| runs.contains(id));
            if asked(&lock(&self.denied)) {
                return Err(Error::denied());
            }
            if asked(&lock(&self.garbled)) {
                return Err(Error::unexpected("garbled"));
            }
            let state = lock(&self.state);
            let loaded = wanted.iter().filter_map(|(id, _)| {
                let run = state.runs.get(id)?;
                Some(Loaded {
                    id: id.clone(),
                    root: run.root.clone(),
                    parent: run.parent.clone(),
                    version: run.version,
                    document: Ok(run.document.clone()),
                })
            });
            Ok(loaded.collect())
        })
    }

    fn start<'a>(&'a self, run: &'a NewRun, metadata: &'a str) -> Reply<'a, i64> {
        Box::pin(async move {
            let document = serde_json::from_str(metadata).unwrap();
            let mut state = lock(&self.state);
            let root = run
                .parent
                .as_ref()
                .map_or(run.id.clone(), |parent| state.runs[parent].root.clone());
            let new = Run {
                parent: run.parent.clone(),
                root,
                document,
                version: 1,
                closed: false,
            };
            for earlier in lock(&self.history).iter_mut() {
                earlier
                    .runs
                    .entry(run.id.clone())
                    .or_insert_with(|| new.clone());
            }
            Ok(state.runs.entry(run.id.clone()).or_insert(new).version)
        })
    }

    fn set_status<'a>(&'a self, run: &'a str, _: &'a str) -> Reply<'a, i64> {
        Box::pin(async move { Ok(lock(&self.state).runs[run].version) })
    }

    fn finish<'a>(&'a self, run: &'a str, _: &'a str) -> Reply<'a, i64> {
        Box::pin(async move {
            self.close(run);
            Ok(lock(&self.state).runs[run].version)
        })
    }
}
