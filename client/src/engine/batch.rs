//! A batch: operations for many runs, one list for each run, as they go to the server in one statement.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use runmeta_core::Operation;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

use crate::Error;
use crate::answer::{Answer, Outcome, Target};
use crate::apart::{List, apart};
use crate::buffer::Buffer;
use crate::document::Effect;
use crate::refusal::Refusal;
use crate::run_state::RunState;

#[derive(Debug)]
pub(crate) struct Batch {
    /// The JSON text. It never changes: a batch that is sent again is the same batch.
    pub(crate) text: Arc<str>,
    parts: Vec<Part>,
}

/// The operations on one run.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) state: Arc<RunState>,
    /// The same for runs whose operations must not come into different batches.
    pub(crate) unit: usize,
    /// The run under which they are listed: the run itself, or the child they came through.
    pub(crate) entry: Arc<str>,
    pub(crate) target: Target,
    pub(crate) operations: List,
    /// Operations on other keys that are sent after these, one list after the other.
    pub(crate) rest: VecDeque<List>,
    /// True if they leave together with those of other runs.
    pub(crate) tied: bool,
    /// The weight of all operations, also those that were sent before.
    pub(crate) weight: usize,
    /// How many of the run's operations are settled with the last list, if that is known.
    pub(crate) upto: Option<u64>,
}

impl Batch {
    /// Writes the operations of these runs as one batch.
    pub(crate) fn new(mut parts: Vec<Part>) -> Batch {
        parts.sort_by(|left, right| (&left.entry, left.target).cmp(&(&right.entry, right.target)));
        // Strings and numbers are all there is in it, so writing it cannot fail.
        let text = serde_json::to_string(&Entries(&parts))
            .unwrap_or_default()
            .into();
        Batch { text, parts }
    }

    /// Returns the number of runs.
    pub(crate) fn runs(&self) -> usize {
        self.parts.len()
    }

    /// Forgets the text, for a batch that waits and is no batch of the server's yet.
    pub(crate) fn without_text(self) -> Batch {
        let (text, parts) = (Arc::from(""), self.parts);
        Batch { text, parts }
    }

    /// Writes the text anew.
    pub(crate) fn written_again(self) -> Batch {
        Batch::new(self.parts)
    }

    /// Returns the text of those lists that were not refused; `None` if all were taken.
    pub(crate) fn text_taken(&self, answers: &[Answer]) -> Option<Arc<str>> {
        let refused: HashSet<(&str, Target)> = answers
            .iter()
            .filter(|answer| answer.outcome.is_refusal())
            .map(|answer| (answer.run.as_str(), answer.target))
            .collect();
        if refused.is_empty() {
            return None;
        }
        let is_taken = |part: &&Part| !refused.contains(&(&*part.entry, part.target));
        let taken = self.parts.iter().filter(is_taken).cloned();
        Some(Batch::new(taken.collect()).text)
    }

    /// Returns the id of one of its runs.
    pub(crate) fn name(&self) -> &str {
        self.parts.first().map_or("", |part| &part.state.id)
    }

    /// Returns true if some of its runs may be sent without the others.
    pub(crate) fn can_split(&self) -> bool {
        let mut units = self.parts.iter().map(|part| part.unit);
        let first = units.next();
        units.any(|unit| Some(unit) != first)
    }

    /// Returns the number of operations.
    pub(crate) fn operations(&self) -> usize {
        self.parts.iter().map(|part| part.operations.len()).sum()
    }

    /// Makes two batches of one that the server refused for something in it. See [`can_split`](Batch::can_split).
    pub(crate) fn split(self) -> (Batch, Batch) {
        let units: BTreeSet<usize> = self.parts.iter().map(|part| part.unit).collect();
        let middle = units.iter().nth(units.len().div_ceil(2)).copied();
        let (first, second) = self
            .parts
            .into_iter()
            .partition(|part| middle.is_none_or(|middle| part.unit < middle));
        (Batch::new(first), Batch::new(second))
    }

    /// Takes over what the server answered; `None` if it has the batch, but what it said is lost. Returns what is to be sent
    /// next: lists that were too large as a whole, taken apart.
    pub(crate) fn settle(self, buffer: &Buffer, answers: Option<Vec<Answer>>) -> Option<Batch> {
        let known = answers.is_some();
        let answers: HashMap<(&str, Target), &Answer> = answers
            .iter()
            .flatten()
            .map(|answer| ((answer.run.as_str(), answer.target), answer))
            .collect();
        let mut next = Vec::new();
        for part in self.parts {
            let answer = answers.get(&(&*part.entry, part.target)).copied();
            if known && answer.is_none() {
                tracing::error!(
                    run = &*part.state.id,
                    "the server's answer says nothing about this run"
                );
            }
            next.extend(part.settle(buffer, answer));
        }
        (!next.is_empty()).then(|| Batch::new(next))
    }

    /// Gives up a batch that the server will not take.
    pub(crate) fn give_up(self, buffer: &Buffer, error: &Error) {
        let reason = error
            .code()
            .map_or("error".to_owned(), |code| code.code().to_owned());
        for mut part in self.parts {
            let rest = std::mem::take(&mut part.rest);
            let all = std::iter::once(&part.operations).chain(&rest);
            part.operations = Arc::new(all.flat_map(|list| list.iter().cloned()).collect());
            let refusals = part.all_refused(&reason, Some(error));
            part.end(buffer, Effect::Refused, refusals);
        }
    }
}

impl Part {
    /// Ends this list and returns the next.
    fn settle(mut self, buffer: &Buffer, answer: Option<&Answer>) -> Option<Part> {
        if answer.is_some_and(|answer| answer.outcome == Outcome::TooLarge)
            && !self.tied
            && self.rest.is_empty()
            && let Some(lists) = apart(&self.operations)
        {
            self.rest = lists.into();
        } else {
            let (effect, refusals) = self.outcome(answer);
            self.end(buffer, effect, refusals);
        }
        self.operations = self.rest.pop_front()?;
        Some(self)
    }

    fn outcome(&self, answer: Option<&Answer>) -> (Effect, Vec<Refusal>) {
        let Some(answer) = answer else {
            return (Effect::Applied { version: None }, Vec::new());
        };
        if answer.outcome.is_refusal() {
            let refusals = self.all_refused(answer.outcome.name(), None);
            return (Effect::Refused, refusals);
        }
        let refusals = answer.unapplied.iter().filter_map(|(index, reason)| {
            let operation = self.operations.get(*index)?.as_ref().ok()?;
            Some(Refusal::of(&self.state.id, operation, reason.clone()))
        });
        let effect = match answer.outcome {
            Outcome::Unchanged => Effect::Unchanged {
                version: answer.version,
            },
            Outcome::Applied => Effect::Applied {
                version: answer.version,
            },
            // The version is that of now, not of then.
            _ => Effect::Applied { version: None },
        };
        (effect, refusals.collect())
    }

    fn all_refused(&self, reason: &str, error: Option<&Error>) -> Vec<Refusal> {
        let operations = self.operations.iter().flatten();
        let refusals = operations.map(|operation| {
            Refusal::new(
                &self.state.id,
                operation.operation_type().name(),
                operation.key().map(|key| key.as_str()),
                reason.to_owned(),
            )
        });
        match error {
            Some(error) => refusals.map(|refusal| refusal.because(error)).collect(),
            None => refusals.collect(),
        }
    }

    fn end(&self, buffer: &Buffer, effect: Effect, refusals: Vec<Refusal>) {
        let mut pending = self.state.lock();
        let last = self.rest.is_empty();
        let rest = || self.rest.iter().flat_map(|list| list.iter().cloned());
        pending.in_flight = (!last).then(|| Arc::new(rest().collect()));
        if let (Some(upto), true) = (self.upto, last) {
            pending.settled = upto;
        }
        for refusal in refusals {
            buffer.refuse(&mut pending, refusal);
        }
        if let Some(document) = &mut pending.document {
            document.sent(&self.operations, effect);
        }
        buffer.ask_if_outdated(&self.state, &mut pending);
        let more = last && std::mem::take(&mut pending.passed_over) && !pending.queue.is_empty();
        drop(pending);
        if last {
            buffer.adjust(self.weight, 0);
        }
        if more {
            buffer.schedule_first(&self.state);
        }
    }
}

/// The batch as JSON: an object for each entry, parts of one entry next to each other.
struct Entries<'a>(&'a [Part]);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = serializer.serialize_seq(None)?;
        for parts in self.0.chunk_by(|left, right| left.entry == right.entry) {
            entries.serialize_element(&Entry(parts))?;
        }
        entries.end()
    }
}

struct Entry<'a>(&'a [Part]);

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_map(None)?;
        for (position, part) in self.0.iter().enumerate() {
            if position == 0 {
                entry.serialize_entry("run", &*part.entry)?;
            }
            let operations: Vec<Written<'_>> =
                part.operations.iter().flatten().map(Written::new).collect();
            entry.serialize_entry(part.target.list(), &operations)?;
        }
        entry.end()
    }
}

/// An operation's JSON form, as `Operation::to_json` has it, without copying its value.
#[derive(Serialize)]
struct Written<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep: Option<u64>,
}

impl<'a> Written<'a> {
    fn new(operation: &'a Operation<Value>) -> Written<'a> {
        Written {
            r#type: operation.operation_type().name(),
            key: operation.key().map(|key| key.as_str()),
            value: operation.value(),
            keep: operation.keep(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn written_form_is_that_of_core() {
        for operation in [
            json!({"type": "set", "key": "a", "value": null}),
            json!({"type": "delete", "key": "$.a.b"}),
            json!({"type": "update", "value": {"a": 1}}),
            json!({"type": "merge", "value": {"a": null}}),
            json!({"type": "merge", "key": "a", "value": 1}),
            json!({"type": "append", "key": "a", "value": 1, "keep": 20}),
            json!({"type": "remove", "key": "a", "value": "x"}),
            json!({"type": "increment", "key": "a", "value": -0.5}),
        ] {
            let read = Operation::parse(&operation).unwrap();
            assert_eq!(
                serde_json::to_value(Written::new(&read)).unwrap(),
                operation
            );
        }
    }
}
