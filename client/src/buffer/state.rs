//! What this process knows of one run, shared by all its handles and by those of its children.
//!
//! Operations are kept with the run whose document they change, not with the handle that recorded them: a thousand children
//! that count up one parent make one operation, and whichever way they were recorded, they arrive in that order.
//!
//! Callers record under the run's lock; the engine moves the run from one [`Place`] to the next. Nobody holds the lock across
//! an await or while a caller's code runs.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use runmeta_core::wire::{Outcome, Part, Target};
use runmeta_core::{Json, Operation};

use super::budget::Permit;
use super::chunks::Blocks;
use super::document::Document;
use super::group::Group;
use super::lock;
use super::queue::Queue;
use super::waiter::{Waiter, Waiting};
use crate::error::Recent;

/// Operations that left together. They never change, so all who need them share them.
pub(crate) type List = Arc<Vec<Operation<Json>>>;

#[derive(Debug)]
pub(crate) struct RunState {
    pub(crate) id: Arc<str>,
    pending: Mutex<Pending>,
}

/// Where a run stands in its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) root: Arc<str>,
    pub(crate) parent: Option<Arc<str>>,
}

/// Where a run is on its way to the server. Only the engine changes it, but for `Idle` to `Queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing waits.
    #[default]
    Idle,
    /// It is on one of the buffer's lists.
    Queued,
    /// A part of it is in a batch that is not answered yet. What is recorded meanwhile waits.
    InFlight,
    /// A part of it waits for somebody else's lock, certainly without effect so far.
    Aside,
}

#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) place: Place,
    pub(crate) queue: Queue,
    /// The memory that the queue takes.
    pub(crate) permit: Permit,
    /// Chunks of streams that wait.
    pub(crate) chunks: Blocks,
    /// Starts, statuses and finishes that wait, in their order.
    pub(crate) commands: VecDeque<Command>,
    pub(crate) route: Route,
    /// Set while its operations must leave together with those of other runs.
    pub(crate) group: Option<Arc<Group>>,
    /// What is in flight or set aside, list by list.
    pub(crate) sent: Vec<List>,
    /// Operations, chunks and ends of streams accepted so far.
    pub(crate) recorded: u64,
    /// How many of these are known to be committed or to have no effect.
    pub(crate) completed: u64,
    /// Flushes that wait until so many are completed.
    pub(crate) flushes: Vec<(u64, Arc<Waiter<()>>)>,
    pub(crate) unapplied: Recent,
    pub(crate) family: Option<Family>,
    pub(crate) attempt: Option<i32>,
    /// `None` if nobody needs it, or it was not read yet.
    pub(crate) document: Option<Document>,
    pub(crate) fetch: Fetch,
}

/// Reads of a run.
#[derive(Debug, Default)]
pub(crate) struct Fetch {
    /// It is on the engine's list of runs to be read.
    pub(crate) is_wanted: bool,
    /// It is being read now.
    pub(crate) is_under_way: bool,
    /// The document is wanted, not the family alone.
    pub(crate) with_document: bool,
    pub(crate) waiters: Vec<Arc<Waiter<()>>>,
}

/// The way by which operations go to a run.
#[derive(Clone, Debug, Default)]
pub(crate) enum Route {
    /// As operations on the run itself.
    #[default]
    Direct,
    /// As operations of this child on its parent or root, which the server takes without locking the run's row.
    Through(Arc<str>, Target),
}

/// A start, a status or a finish of a run.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) kind: CommandKind,
    /// Holds the memory that it takes until it is dropped.
    #[expect(dead_code, reason = "held, not read")]
    pub(crate) permit: Permit,
    /// What was recorded before it: it takes effect after that.
    pub(crate) after: u64,
    pub(crate) waiter: Arc<Waiter<Completed>>,
}

#[derive(Debug)]
pub(crate) enum CommandKind {
    /// The members of the entry's `start`, as JSON, and the document in it if it is to be kept.
    Start {
        text: String,
        metadata: Option<String>,
    },
    Status {
        status: String,
        attempt: Option<i32>,
    },
    Finish {
        status: String,
        attempt: Option<i32>,
    },
}

/// What a command takes beside its texts: its place and its waiter, as the allocator hands them out.
const COMMAND: usize = 240;

/// What became of a command that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Completed {
    pub(crate) outcome: Outcome,
    /// `None` if the answer was lost, though the command took effect.
    pub(crate) version: Option<i64>,
}

impl CommandKind {
    /// Returns the part of an entry that it becomes.
    pub(crate) fn part(&self) -> Part {
        match self {
            CommandKind::Start { .. } => Part::Start,
            CommandKind::Status { .. } => Part::Status,
            CommandKind::Finish { .. } => Part::Finish,
        }
    }

    /// Returns the bytes of memory that it takes. A start whose caller is gone is withdrawn, so only its texts count; the
    /// others are kept, whatever becomes of their callers.
    pub(crate) fn weight(&self) -> usize {
        match self {
            CommandKind::Start { text, metadata } => {
                text.len() + metadata.as_ref().map_or(0, String::len)
            }
            CommandKind::Status { status, .. } | CommandKind::Finish { status, .. } => {
                status.len() + COMMAND
            }
        }
    }

    /// Returns what it is called where its caller waits no longer for what becomes of it. A start without a caller concerns
    /// nobody.
    pub(crate) fn part_to_note(&self) -> Option<Part> {
        match self {
            CommandKind::Start { .. } => None,
            CommandKind::Status { .. } => Some(Part::Status),
            CommandKind::Finish { .. } => Some(Part::Finish),
        }
    }
}

impl RunState {
    pub(crate) fn new(id: Arc<str>, permit: Permit) -> RunState {
        RunState {
            id,
            pending: Mutex::new(Pending {
                place: Place::Idle,
                queue: Queue::default(),
                permit,
                chunks: Blocks::default(),
                commands: VecDeque::new(),
                route: Route::Direct,
                group: None,
                sent: Vec::new(),
                recorded: 0,
                completed: 0,
                flushes: Vec::new(),
                unapplied: Recent::default(),
                family: None,
                attempt: None,
                document: None,
                fetch: Fetch::default(),
            }),
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, Pending> {
        lock(&self.pending)
    }
}

impl Pending {
    /// Returns true if something is to be sent.
    pub(crate) fn has_work(&self) -> bool {
        !self.queue.is_empty() || !self.chunks.is_empty() || !self.commands.is_empty()
    }

    /// Chooses the route of what is recorded now. What was recorded on the run itself must go there itself.
    #[inline]
    pub(crate) fn come_through(&mut self, child: &Arc<str>, target: Target) {
        match target {
            Target::Own => self.route = Route::Direct,
            _ if self.queue.is_empty() => self.route = Route::Through(child.clone(), target),
            _ => {}
        }
    }

    /// Drops starts that were not sent and whose callers are gone.
    pub(crate) fn withdraw_starts(&mut self) {
        self.commands.retain(|command| {
            !matches!(command.kind, CommandKind::Start { .. }) || !command.waiter.is_gone()
        });
    }

    /// Returns the operations that are recorded and not yet part of the document, in order.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Cow<'_, Operation<Json>>> {
        let sent = self.sent.iter().flat_map(|list| list.iter());
        sent.map(Cow::Borrowed).chain(self.queue.operations())
    }

    /// Makes a flush wait for what is recorded, and returns true if the run is now to be sent before others.
    pub(crate) fn expect_flush(&mut self, waiter: &Arc<Waiter<()>>) -> bool {
        if self.completed == self.recorded {
            return false;
        }
        waiter.expect();
        if self.flushes.len() == self.flushes.capacity() {
            // Callers may give up, one after the other, as long as the server is gone.
            self.flushes.retain(|(_, waiter)| !waiter.is_gone());
        }
        self.flushes.push((self.recorded, waiter.clone()));
        self.place == Place::Queued && self.flushes.len() == 1
    }

    /// Answers the flushes that waited for what is completed now.
    pub(crate) fn answer_flushes(&mut self) {
        let completed = self.completed;
        self.flushes.retain(|(upto, waiter)| {
            let waits = *upto > completed;
            if !waits {
                waiter.arrived();
            }
            waits
        });
    }
}
