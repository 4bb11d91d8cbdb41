//! Telling listeners at commit which runs changed: each run once per transaction, with its last version.
//!
//! Changes are kept per subtransaction, so that what a savepoint or an exception block takes back is not
//! announced. The notifications are made just before the transaction commits, as few as fit.

mod channel;

use std::cell::RefCell;
use std::collections::HashMap;

use pgrx::prelude::*;
use pgrx::{
    PgSubXactCallbackEvent, PgXactCallbackEvent, register_subxact_callback, register_xact_callback,
};
use serde_json::Value;

use self::channel::notify;
use crate::refusal::Refusal;
use crate::settings::{self, Notify};

/// Postgres takes payloads of less than 8,000 bytes.
const MAXIMUM_PAYLOAD: usize = 7_999;

thread_local! {
    static CHANGES: RefCell<Changes> = RefCell::default();
}

/// Runs that a transaction announces one by one. Beyond that it announces `{"resync":true}`: reading everything again is
/// less work for a listener than so many runs, and the memory of a transaction is bounded: 8 MB with the longest ids.
const MAXIMUM_RUNS: usize = 10_000;

/// The changes of the current transaction.
#[derive(Default)]
struct Changes {
    registered: bool,
    /// From the outermost transaction to the innermost open subtransaction that began after the first
    /// change. Changes before that belong to level 0, whatever the real nesting was then.
    levels: Vec<Level>,
}

/// The changes of a transaction or subtransaction.
#[derive(Default)]
struct Level {
    runs: HashMap<String, Change>,
    /// Too many runs changed to be named; `runs` is empty.
    resync: bool,
}

struct Change {
    root: String,
    /// The version, unless all that is known is that it grew.
    version: Option<i64>,
}

impl Level {
    fn is_empty(&self) -> bool {
        self.runs.is_empty() && !self.resync
    }

    fn add(&mut self, root: &str, id: &str, version: Option<i64>) {
        // A trigger on the run may have written it again, and announced that before the write that woke it.
        let known = |known: &Change| version.is_some() && known.version >= version;
        if !self.resync && !self.runs.get(id).is_some_and(known) {
            let root = root.to_owned();
            self.runs.insert(id.to_owned(), Change { root, version });
            self.bound();
        }
    }

    /// Takes over the changes of a subtransaction that committed.
    fn extend(&mut self, inner: Level) {
        self.resync |= inner.resync;
        self.runs.extend(inner.runs);
        self.bound();
    }

    fn bound(&mut self) {
        self.resync |= self.runs.len() > MAXIMUM_RUNS;
        if self.resync {
            self.runs = HashMap::new();
        }
    }
}

/// Notes that a run changed, to be announced when the transaction commits.
pub fn changed(root: &str, id: &str, version: i64) {
    note(root, id, Some(version));
}

/// Notes that a list was queued for a run, to be announced when the transaction commits.
pub fn queued(root: &str, id: &str) {
    note(root, id, None);
}

fn note(root: &str, id: &str, version: Option<i64>) {
    if settings::notify() == Notify::Off {
        return;
    }
    let register = CHANGES.with_borrow_mut(|changes| {
        if changes.levels.is_empty() {
            changes.levels.push(Level::default());
        }
        if let Some(level) = changes.levels.last_mut() {
            level.add(root, id, version);
        }
        !std::mem::replace(&mut changes.registered, true)
    });
    if register {
        register_callbacks();
    }
}

fn register_callbacks() {
    register_xact_callback(PgXactCallbackEvent::PreCommit, notify_all);
    register_xact_callback(PgXactCallbackEvent::PrePrepare, || {
        if CHANGES.with_borrow(|changes| changes.levels.iter().any(|level| !level.is_empty())) {
            pgrx::pg_sys::panic::ErrorReport::from(Refusal::Prepared).report(PgLogLevel::ERROR);
        }
    });
    for end in [
        PgXactCallbackEvent::Commit,
        PgXactCallbackEvent::Abort,
        PgXactCallbackEvent::Prepare,
    ] {
        register_xact_callback(end, || CHANGES.set(Changes::default()));
    }
    register_subxact_callback(PgSubXactCallbackEvent::StartSub, |_, _| {
        CHANGES.with_borrow_mut(|changes| changes.levels.push(Level::default()));
    });
    register_subxact_callback(PgSubXactCallbackEvent::AbortSub, |_, _| {
        CHANGES.with_borrow_mut(|changes| {
            let aborted = changes.levels.pop();
            // A subtransaction that began before the first change took all changes with it.
            if changes.levels.is_empty() && aborted.is_some() {
                changes.levels.push(Level::default());
            }
        });
    });
    register_subxact_callback(PgSubXactCallbackEvent::CommitSub, |_, _| {
        CHANGES.with_borrow_mut(|changes| {
            if changes.levels.len() > 1
                && let Some(inner) = changes.levels.pop()
                && let Some(outer) = changes.levels.last_mut()
            {
                outer.extend(inner);
            }
        });
    });
}

/// Sends the notifications of the transaction that is about to commit.
fn notify_all() {
    let levels = CHANGES.with_borrow_mut(|changes| std::mem::take(&mut changes.levels));
    let mut all = Level::default();
    levels.into_iter().for_each(|level| all.extend(level));
    if all.resync {
        notify(r#"{"resync":true}"#);
        return;
    }
    let mut changes: Vec<(String, Change)> = all.runs.into_iter().collect();
    changes.sort_by(|(left, _), (right, _)| left.cmp(right));
    payloads(&changes, notify);
}

/// Hands on payloads of the form `{"runs":[{"id":"run_1","root":"run_1","version":12}]}`, one at a time.
fn payloads(changes: &[(String, Change)], mut hand_on: impl FnMut(&str)) {
    const START: &str = "{\"runs\":[";
    const END: &str = "]}";
    let mut payload = START.to_owned();
    for (id, change) in changes {
        // An id has at most 255 bytes, so that one run always fits, escaped as it may be: at most 1,530 for each.
        let (id, root) = (json_text(id), json_text(&change.root));
        let run = match change.version {
            Some(version) => format!("{{\"id\":{id},\"root\":{root},\"version\":{version}}}"),
            None => format!("{{\"id\":{id},\"root\":{root}}}"),
        };
        if payload.len() + 1 + run.len() + END.len() > MAXIMUM_PAYLOAD {
            payload.push_str(END);
            hand_on(&payload);
            payload.truncate(START.len());
        }
        if payload.len() > START.len() {
            payload.push(',');
        }
        payload.push_str(&run);
    }
    if payload.len() > START.len() {
        payload.push_str(END);
        hand_on(&payload);
    }
}

/// Writes a text as JSON in ASCII: a listener whose client_encoding does not have one of its characters would be
/// disconnected (22P05) by a payload that has it.
fn json_text(text: &str) -> String {
    let text = Value::from(text).to_string();
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}
