//! Asking something of the engine.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::document;
use super::state::{self, Command, Completed, Pending, RunState};
use super::waiter::{Awaited, Waiter};
use super::{Buffer, lock};
use crate::Error;
use crate::error::Unapplied;

/// What callers ask of the engine.
#[derive(Debug)]
pub(crate) enum Request {
    /// Send what the waiter is registered for on some runs. It is answered when all of it is completed.
    Flush {
        waiter: Arc<Waiter<()>>,
        within: Option<Duration>,
    },
    /// Start a run, set its status or finish it.
    Call {
        run: Arc<RunState>,
        command: Command,
    },
    /// Read a run. Without a waiter, because another writer changed it.
    Read {
        run: Arc<RunState>,
        with_document: bool,
        waiter: Option<Arc<Waiter<()>>>,
    },
    /// Send what there is, and end.
    Shutdown {
        within: Duration,
        waiter: Arc<Waiter<()>>,
    },
    /// The last handle is gone: send what there is, and end.
    Close,
}

impl Buffer {
    /// Asks something of the engine. It answers with an error if it has ended.
    pub(crate) fn ask(&self, request: Request) {
        lock(&self.requests).push(request);
        if self.ended.load(Relaxed) {
            self.fail_requests();
        }
        self.wake.notify_one();
    }

    pub(crate) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut *lock(&self.requests))
    }

    /// Answers everything that the engine will not, because it has ended.
    pub(crate) fn fail_requests(&self) {
        for request in self.take_requests() {
            let error = crate::Error::shut_down();
            match request {
                Request::Flush { waiter, .. } => waiter.answer(Err(error)),
                Request::Call { command, .. } => command.waiter.answer(Err(error)),
                Request::Read { waiter, .. } => {
                    waiter
                        .into_iter()
                        .for_each(|waiter| waiter.answer(Err(error.clone())));
                }
                Request::Shutdown { waiter, .. } => waiter.answer(Ok(())),
                Request::Close => {}
            }
        }
    }

    /// Asks for a flush of what is recorded on these runs now.
    pub(crate) fn flush(&self, runs: Vec<Arc<RunState>>, within: Option<Duration>) -> Awaited<()> {
        let (waiter, awaited) = Waiter::new();
        // Here and not in the engine: what is recorded until that comes to it is no part of the flush.
        let mut queued = runs;
        queued.retain(|state| state.lock().expect_flush(&waiter));
        lock(&self.lists).flushed.extend(queued);
        self.ask(Request::Flush {
            waiter: waiter.clone(),
            within,
        });
        // It answers by itself if there was nothing to wait for.
        waiter.arrived();
        awaited
    }

    /// Asks for a start, a status or a finish.
    pub(crate) fn call(&self, run: &Arc<RunState>, kind: state::CommandKind) -> Awaited<Completed> {
        let (waiter, awaited) = Waiter::new();
        let mut permit = self.budget.permit();
        if !permit.resize(kind.weight()) {
            let part = Unapplied::part(&run.id, kind.part(), "buffer_full");
            self.meter.unapplied.fetch_add(1, Relaxed);
            waiter.answer(Err(Error::unapplied_operations(vec![part], 0)));
            return awaited;
        }
        self.ask(Request::Call {
            run: run.clone(),
            command: Command {
                kind,
                permit,
                after: 0,
                waiter,
            },
        });
        awaited
    }

    /// Asks for a read of a run that begins after this call.
    pub(crate) fn read(&self, run: &Arc<RunState>, with_document: bool) -> Awaited<()> {
        let (waiter, awaited) = Waiter::new();
        self.ask(Request::Read {
            run: run.clone(),
            with_document,
            waiter: Some(waiter),
        });
        awaited
    }

    /// Asks for a read of the document if somebody reads it here and another writer changed it.
    pub(crate) fn read_if_outdated(&self, run: &Arc<RunState>, pending: &Pending) {
        let is_outdated = |document: &document::Document| document.is_outdated();
        if pending.document.as_ref().is_some_and(is_outdated) && !pending.fetch.is_wanted {
            self.ask(Request::Read {
                run: run.clone(),
                with_document: true,
                waiter: None,
            });
        }
    }
}
