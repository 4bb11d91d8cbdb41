//! A batch: operations for many runs, one list for each run, as they go to the server in one statement.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use runmeta_core::{Operation, Parsed};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

use crate::Error;
use crate::answer::{Answer, Outcome, Target};
use crate::buffer::Buffer;
use crate::document::Effect;
use crate::refusal::{Refusal, kind};
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
    pub(crate) operations: Arc<Vec<Parsed<Value>>>,
    pub(crate) weight: usize,
    /// How many of the run's operations are settled with this part, if that is known.
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

    /// Takes over what the server answered; `None` if it has the batch, but what it said is lost.
    pub(crate) fn settle(self, buffer: &Buffer, answers: Option<Vec<Answer>>) {
        let known = answers.is_some();
        let answers: HashMap<(&str, Target), &Answer> = answers
            .iter()
            .flatten()
            .map(|answer| ((answer.run.as_str(), answer.target), answer))
            .collect();
        for part in &self.parts {
            match answers.get(&(&*part.entry, part.target)) {
                Some(answer) => part.settle(buffer, answer),
                None => {
                    if known {
                        tracing::error!(
                            run = &*part.state.id,
                            "the server's answer says nothing about this run"
                        );
                    }
                    part.end(buffer, Effect::Applied { version: None }, Vec::new());
                }
            }
        }
    }

    /// Gives up a batch that the server will not take.
    pub(crate) fn give_up(self, buffer: &Buffer, error: &Error) {
        let reason = error
            .code()
            .map_or("error".to_owned(), |code| code.code().to_owned());
        for part in &self.parts {
            part.end(
                buffer,
                Effect::Refused,
                part.all_refused(&reason, Some(error)),
            );
        }
    }
}

impl Part {
    fn settle(&self, buffer: &Buffer, answer: &Answer) {
        if answer.outcome.is_refusal() {
            return self.end(
                buffer,
                Effect::Refused,
                self.all_refused(answer.outcome.word(), None),
            );
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
        self.end(buffer, effect, refusals.collect());
    }

    fn all_refused(&self, reason: &str, error: Option<&Error>) -> Vec<Refusal> {
        let operations = self.operations.iter().flatten();
        let refusals = operations.map(|operation| {
            Refusal::new(
                &self.state.id,
                kind(operation),
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
        pending.in_flight = None;
        if let Some(upto) = self.upto {
            pending.settled = upto;
        }
        for refusal in refusals {
            buffer.refuse(&mut pending, refusal);
        }
        if let Some(document) = &mut pending.document {
            document.sent(&self.operations, effect);
        }
        buffer.ask_if_outdated(&self.state, &mut pending);
        drop(pending);
        buffer.adjust(self.weight, 0);
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
        let (value, keep) = match operation {
            Operation::Delete { .. } => (None, None),
            Operation::Append { value, keep, .. } => (Some(value), *keep),
            Operation::Set { value, .. }
            | Operation::Update { value }
            | Operation::Merge { value, .. }
            | Operation::Remove { value, .. }
            | Operation::Increment { value, .. } => (Some(value), None),
        };
        Written {
            r#type: kind(operation),
            key: operation.key().map(|key| key.as_str()),
            value,
            keep,
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
