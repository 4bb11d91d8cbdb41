//! The server in memory, with faults on demand: for the tests of this crate.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runmeta_core::{Json, parse_list};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::batch::{self, Entry};
use super::{Database, State, after_a_moment};
use crate::stream::StreamInfo;
use crate::wire::streams::{FoundChunks, WantedChunks};
use crate::wire::watch::{Line, List, Listed, View};
use crate::wire::{Call, Diagnosis, Flush, Loaded, Row, Transport, Wanted};
use crate::{Error, Snapshot};

/// What goes wrong with one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is cut before the server has the batch.
    CutBefore,
    /// The connection is cut between commit and answer.
    CutAfter,
    /// The connection is cut, and the batch arrives only after so many others.
    Late(usize),
    /// A standby takes over that misses the last batches, and answers this one.
    Failover(usize),
    /// The server rejects the batch for good.
    Denied,
    /// The server accepts no connection from this user.
    NotLetIn,
}

/// A [`Database`] with faults. Clones share it.
///
/// [`take`](FaultyServer::take), [`diagnosis`](FaultyServer::diagnosis) and [`read`](FaultyServer::read) answer at once and
/// need no runtime; as a [`Transport`], it waits for locks as a server does.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyServer {
    pub(crate) database: Database,
    plan: Arc<Mutex<Plan>>,
    /// Notified when a lock may be free.
    unlocked: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Plan {
    /// What goes wrong with the next batches.
    faults: VecDeque<Fault>,
    /// With what every statement fails.
    trouble: Option<Error>,
    /// Batches that are still under way, and after how many others they arrive.
    late: Vec<(usize, Flush)>,
    /// The states before each of the batches that took effect.
    history: Vec<State>,
    /// The batches that came, whether they took effect or not.
    batches: Vec<Arc<str>>,
    /// Runs for which a row-level security policy rejects every statement.
    denied: BTreeSet<String>,
    /// Runs whose rows another transaction has locked.
    locked: BTreeSet<String>,
    /// Another transaction has locked the table.
    table_is_locked: bool,
    /// No batch is answered.
    is_frozen: bool,
    /// Questions what stands in the way of a batch.
    diagnoses: usize,
    /// The queue of notifications is full.
    queue_is_full: bool,
    /// More operations than these take too much memory.
    maximum_operations: Option<usize>,
    /// Runs for which a read returns what this client does not understand.
    garbled: BTreeSet<String>,
}

/// Arranging faults.
impl FaultyServer {
    pub(crate) fn fail_next(&self, fault: Fault) {
        self.plan().faults.push_back(fault);
    }

    /// Lets every statement fail with this error, until there is none.
    pub(crate) fn set_trouble(&self, trouble: Option<Error>) {
        self.plan().trouble = trouble;
    }

    pub(crate) fn deny(&self, run: &str) {
        self.plan().denied.insert(run.to_owned());
    }

    pub(crate) fn allow(&self, run: &str) {
        self.plan().denied.remove(run);
    }

    pub(crate) fn lock(&self, run: &str) {
        self.plan().locked.insert(run.to_owned());
    }

    pub(crate) fn unlock(&self, run: &str) {
        self.plan().locked.remove(run);
        self.unlocked.notify_waiters();
    }

    pub(crate) fn lock_table(&self, is_locked: bool) {
        self.plan().table_is_locked = is_locked;
        self.unlocked.notify_waiters();
    }

    /// Lets the server take no batch and give no answer, as one that is stopped.
    pub(crate) fn freeze(&self) {
        self.plan().is_frozen = true;
    }

    /// Returns how often it was asked what stands in the way of a batch.
    pub(crate) fn diagnoses(&self) -> usize {
        self.plan().diagnoses
    }

    pub(crate) fn fill_queue(&self, is_full: bool) {
        self.plan().queue_is_full = is_full;
    }

    pub(crate) fn set_maximum_operations(&self, operations: Option<usize>) {
        self.plan().maximum_operations = operations;
    }

    pub(crate) fn garble(&self, run: &str) {
        self.plan().garbled.insert(run.to_owned());
    }

    /// Lets a worker live: lists for parents and roots lock no row, and are queued.
    pub(crate) fn start_worker(&self) {
        self.database.state().has_worker = true;
    }

    /// As [`Database::close`], on a standby too.
    pub(crate) fn close(&self, run: &str) {
        self.everywhere(|state| state.close(run, Instant::now()));
    }

    /// Changes a run as another writer would. A standby that takes over later has this: only batches get lost.
    pub(crate) fn write(&self, run: &str, operation: &Value) {
        let list = Json::from(Value::Array(vec![operation.clone()]));
        let list = parse_list(&list).unwrap();
        self.everywhere(|state| {
            // A state of before the run was started does not have it.
            let _ = state.write(run, &list, Instant::now());
        });
    }

    fn everywhere(&self, change: impl Fn(&mut State)) {
        change(&mut self.database.state());
        self.plan().history.iter_mut().for_each(change);
    }

    /// Returns the batches that came, whether they took effect or not.
    pub(crate) fn batches(&self) -> Vec<Value> {
        let plan = self.plan();
        let batches = plan.batches.iter();
        batches
            .map(|text| serde_json::from_str(text).unwrap())
            .collect()
    }

    pub(crate) fn document(&self, run: &str) -> Value {
        self.database.document(run).unwrap()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answering.
impl FaultyServer {
    /// Takes a batch, without a wait.
    pub(crate) fn take(&self, batch: &Flush) -> Result<Vec<Row>, Error> {
        let mut plan = self.plan();
        self.take_late(&mut plan);
        let fault = plan.faults.pop_front();
        plan.batches.push(batch.text.clone());
        if let Some(trouble) = &plan.trouble {
            return Err(trouble.clone());
        }
        match fault {
            Some(Fault::CutBefore) => return Err(Error::lost()),
            Some(Fault::Late(others)) => {
                plan.late.push((others, batch.clone()));
                return Err(Error::lost());
            }
            Some(Fault::Denied) => return Err(denied()),
            Some(Fault::NotLetIn) => return Err(Error::not_let_in("28P01")),
            Some(Fault::Failover(batches)) => {
                let kept = plan.history.len().saturating_sub(batches);
                if let Some(earlier) = plan.history.drain(kept..).next() {
                    *self.database.state() = earlier;
                }
            }
            Some(Fault::CutAfter) | None => {}
        }
        let entries = batch::read(&batch.text)?;
        let is_new = self.is_new(batch);
        if let Some(error) = plan.obstacle(&entries).filter(|_| is_new) {
            return Err(error);
        }
        if is_new && plan.is_locked(&self.database, &entries) {
            return Err(Error::answered("55P03", "lock not available"));
        }
        let rows = self.take_now(&mut plan, batch, &entries)?;
        match fault {
            Some(Fault::CutAfter) => Err(Error::lost()),
            _ => Ok(rows),
        }
    }

    /// Returns false for a batch that took effect before: it changes nothing, whatever is in the way.
    fn is_new(&self, batch: &Flush) -> bool {
        self.database.state().last_sequence(batch.writer) < batch.sequence
    }

    /// Takes the batches that were under way for long.
    fn take_late(&self, plan: &mut Plan) {
        for (others, batch) in std::mem::take(&mut plan.late) {
            match others {
                // Nobody waits for this answer.
                0 | 1 => {
                    let entries = batch::read(&batch.text).unwrap();
                    let _ = self.take_now(plan, &batch, &entries);
                }
                _ => plan.late.push((others - 1, batch)),
            }
        }
    }

    fn take_now(
        &self,
        plan: &mut Plan,
        batch: &Flush,
        entries: &[Entry],
    ) -> Result<Vec<Row>, Error> {
        let (writer, sequence) = (batch.writer, batch.sequence);
        let mut state = self.database.reached()?;
        let before = state.clone();
        let rows = state.take(entries, writer, sequence, Instant::now())?;
        if before.last_sequence(batch.writer) < batch.sequence {
            plan.history.push(before);
        }
        Ok(rows)
    }

    /// Finds out what stands in the way of a batch, without a wait.
    pub(crate) fn diagnosis(&self, writer: Uuid, runs: &[Arc<str>]) -> Result<Diagnosis, Error> {
        let mut plan = self.plan();
        plan.diagnoses += 1;
        if let Some(trouble) = &plan.trouble {
            return Err(trouble.clone());
        }
        let locked = runs.iter().filter(|run| plan.locked.contains(&***run));
        Ok(Diagnosis {
            locked: locked.map(|run| run.to_string()).collect(),
            table_is_locked: plan.table_is_locked,
            notification_queue: if plan.queue_is_full { 1.0 } else { 0.0 },
            ..self.database.diagnosis(writer)?
        })
    }

    /// Reads runs, without a wait.
    pub(crate) fn read(&self, wanted: &[Wanted]) -> Result<Vec<Loaded>, Error> {
        let plan = self.plan();
        if let Some(trouble) = &plan.trouble {
            return Err(trouble.clone());
        }
        let is_among = |runs: &BTreeSet<String>| wanted.iter().any(|run| runs.contains(&*run.id));
        if is_among(&plan.denied) {
            return Err(denied());
        }
        if is_among(&plan.garbled) {
            return Err(Error::unexpected("garbled"));
        }
        self.database.read(wanted)
    }

    /// Waits until no lock is in the way of a batch.
    async fn wait_for_locks(&self, batch: &Flush) {
        loop {
            let unlocked = self.unlocked.notified();
            let entries = batch::read(&batch.text).unwrap_or_default();
            if !self.is_new(batch) || !self.plan().is_locked(&self.database, &entries) {
                return;
            }
            unlocked.await;
        }
    }
}

impl Plan {
    /// Returns the error of a batch that is not about locks.
    fn obstacle(&self, entries: &[Entry]) -> Option<Error> {
        let operations = entries.iter().map(Entry::operations).sum::<usize>();
        if entries.iter().any(|entry| self.denied.contains(&entry.run)) {
            Some(denied())
        } else if self
            .maximum_operations
            .is_some_and(|maximum| operations > maximum)
        {
            Some(Error::answered("53200", "out of memory"))
        } else if self.queue_is_full && !entries.is_empty() {
            // Only a transaction that changed something notifies.
            Some(Error::answered(
                "54000",
                "too many notifications in the NOTIFY queue",
            ))
        } else {
            None
        }
    }

    fn is_locked(&self, database: &Database, entries: &[Entry]) -> bool {
        let locked = database.state().locked_by(entries);
        let is_locked = |run: &String| self.locked.contains(run);
        locked.iter().any(is_locked) || self.table_is_locked && !entries.is_empty()
    }
}

fn denied() -> Error {
    Error::answered("42501", "new row violates row-level security policy")
}

impl Transport for FaultyServer {
    fn flush(&self, batch: Flush) -> Call<Vec<Row>> {
        let server = self.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            if server.plan().is_frozen {
                std::future::pending::<()>().await;
            }
            // If the wait was too long, the answer is an error.
            let _ = timeout(batch.lock_timeout, server.wait_for_locks(&batch)).await;
            let result = server.take(&batch);
            tokio::task::yield_now().await;
            result
        })
    }

    fn diagnose(&self, writer: Uuid, runs: Vec<Arc<str>>) -> Call<Diagnosis> {
        let server = self.clone();
        after_a_moment(move || server.diagnosis(writer, &runs))
    }

    fn load(&self, wanted: Vec<Wanted>) -> Call<Vec<Loaded>> {
        let server = self.clone();
        after_a_moment(move || server.read(&wanted))
    }

    fn listen(&self) -> Call<Line> {
        self.database.listen()
    }

    fn unlisten(&self) {}

    fn list(&self, list: List) -> Call<Vec<Listed>> {
        self.database.list(list)
    }

    fn view(&self, view: View) -> Call<Vec<Snapshot>> {
        self.database.view(view)
    }

    fn read_streams(&self, wanted: Vec<WantedChunks>) -> Call<Vec<FoundChunks>> {
        self.database.read_streams(wanted)
    }

    fn list_streams(&self, run: Arc<str>) -> Call<Vec<StreamInfo>> {
        self.database.list_streams(run)
    }
}
