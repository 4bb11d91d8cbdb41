//! What this process knows of one run, shared by all its handles and by those of its children.
//!
//! Operations are kept by the run whose document they change, not by the handle that said them: a thousand children that
//! count into one parent make one operation, and whatever the way they were said, they arrive in the order they were said.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use runmeta_core::Parsed;
use serde_json::Value;

use crate::Error;
use crate::answer::Target;
use crate::document::Document;
use crate::queue::Queue;
use crate::refusal::Refusals;
use crate::tie::Tie;

#[derive(Debug)]
pub(crate) struct RunState {
    pub(crate) id: Arc<str>,
    family: OnceLock<Family>,
    pending: Mutex<Pending>,
}

/// Where a run stands in its tree. It never changes.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) root: Arc<str>,
    pub(crate) parent: Option<Arc<str>>,
}

#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) queue: Queue,
    pub(crate) way: Way,
    /// True while the buffer's list of runs to be sent holds this one.
    pub(crate) scheduled: bool,
    /// Set while its operations must leave together with those of other runs.
    pub(crate) tie: Option<Arc<Tie>>,
    /// True if operations wait for those in flight, and the buffer's list no longer holds the run.
    pub(crate) passed_over: bool,
    /// What was sent and not yet answered.
    pub(crate) in_flight: Option<Arc<Vec<Parsed<Value>>>>,
    /// Operations accepted so far.
    pub(crate) said: u64,
    /// How many of these are known to be committed or refused.
    pub(crate) settled: u64,
    pub(crate) document: Option<Document>,
    pub(crate) refusals: Refusals,
    pub(crate) fetch: Fetch,
}

/// Reads of the document that were asked for and made.
#[derive(Debug, Default)]
pub(crate) struct Fetch {
    pub(crate) asked: u64,
    pub(crate) made: u64,
    /// Why the last one brought nothing.
    pub(crate) failure: Option<Error>,
}

/// The way by which operations go to a run.
#[derive(Clone, Debug, Default)]
pub(crate) enum Way {
    /// As operations on the run itself.
    #[default]
    Direct,
    /// As operations of this child on its parent or root, which the server takes without locking the run's row.
    Through(Arc<str>, Target),
}

impl RunState {
    pub(crate) fn new(id: Arc<str>) -> RunState {
        RunState {
            id,
            family: OnceLock::new(),
            pending: Mutex::default(),
        }
    }

    /// Locks what is pending. Held for moments only, never across an await or a caller's code.
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the run's family, once it was read from the server.
    pub(crate) fn family(&self) -> Option<&Family> {
        self.family.get()
    }

    pub(crate) fn set_family(&self, family: Family) {
        // A second read brings the same.
        let _ = self.family.set(family);
    }
}

impl Pending {
    /// Says by which way operations come in. What was said on the run itself must go there itself.
    pub(crate) fn come_by(&mut self, child: &Arc<str>, target: Target) {
        match target {
            Target::Own => self.way = Way::Direct,
            _ if self.queue.is_empty() => self.way = Way::Through(child.clone(), target),
            _ => {}
        }
    }

    /// Returns the document with everything said applied, if it was ever read.
    pub(crate) fn view(&mut self) -> Option<Arc<Value>> {
        let Pending {
            queue,
            in_flight,
            document,
            ..
        } = self;
        let document = document.as_mut()?;
        Some(document.read(|| {
            let sent = in_flight.iter().flat_map(|sent| sent.iter().cloned());
            sent.chain(queue.operations().map(Ok)).collect()
        }))
    }
}
