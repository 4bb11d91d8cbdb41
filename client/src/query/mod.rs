//! Calls beside the engine and the hub: lists, trees, sums, and batches of the caller's own.
//!
//! Each runs as a task of its own where the engine runs, over one of a few connections, and is tried again until the call timeout
//! while the server is away. A caller who no longer waits ends it, and its statement is cancelled.

mod contract;
pub(crate) mod cursor;
mod group;
pub(crate) mod runs;
pub(crate) mod send;
mod sequence;
pub(crate) mod sort;
pub(crate) mod task;
pub(crate) mod tree;
mod turn;

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::buffer::lock;
use crate::settings::Settings;
use crate::watch::Snapshot;
use crate::watch::target::Select;
use crate::wire::watch::View;
use crate::wire::{Call, Transport};
use crate::{Client, Error};
use turn::Turns;

pub use contract::ContractMode;
pub use cursor::Cursor;
pub use group::Group;
pub use runs::{Page, Runs};
pub use send::Sent;
pub use sort::Sort;
pub use task::{Bucket, TaskStatus};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type Job = Box<dyn FnOnce(Arc<dyn Transport>) -> Work + Send>;

/// The way from callers to the task that runs their calls.
pub(crate) struct Calls {
    sender: mpsc::UnboundedSender<Job>,
    /// Taken by the loop when it begins.
    receiver: Mutex<Option<mpsc::UnboundedReceiver<Job>>>,
    turns: Arc<Turns>,
}

impl Calls {
    pub(crate) fn new() -> Calls {
        let (sender, receiver) = mpsc::unbounded_channel();
        Calls {
            sender,
            receiver: Mutex::new(Some(receiver)),
            turns: Arc::default(),
        }
    }

    /// Runs calls, until it is dropped: then all of them end.
    pub(crate) async fn drive(&self, server: Arc<dyn Transport>) {
        let receiver = lock(&self.receiver).take();
        let Some(mut receiver) = receiver else { return };
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                job = receiver.recv() => match job {
                    Some(job) => drop(running.spawn(job(server.clone()))),
                    None => return,
                },
                Some(_) = running.join_next() => {}
            }
        }
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}

impl Client {
    /// Asks the server, again and again while it is away, until the call timeout. Each attempt waits for others of the client's
    /// group.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        call: impl Fn(&dyn Transport) -> Call<T> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let group = self.group().cloned();
        let call = move |server: &dyn Transport| match group.clone() {
            Some(group) => group.limit_call(call(server)),
            None => call(server),
        };
        self.ask_alone(call).await
    }

    /// Asks the server in the same way, whatever others of the group do.
    async fn ask_alone<T: Send + 'static>(
        &self,
        call: impl Fn(&dyn Transport) -> Call<T> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let settings = self.buffer().settings.clone();
        let (mut sender, answer) = oneshot::channel();
        let job: Job = Box::new(move |server| {
            Box::pin(async move {
                tokio::select! {
                    result = persist(&*server, &settings, call) => drop(sender.send(result)),
                    () = sender.closed() => {}
                }
            })
        });
        self.buffer()
            .calls
            .sender
            .send(job)
            .map_err(|_| Error::shut_down())?;
        answer.await.unwrap_or_else(|_| Err(Error::shut_down()))
    }

    /// Reads runs as they are now.
    pub(crate) async fn read_all(
        &self,
        ids: impl IntoIterator<Item = &str>,
        select: Select,
    ) -> Result<Vec<Snapshot>, Error> {
        let view = View {
            runs: ids.into_iter().map(|id| (id.into(), true)).collect(),
            tasks: Vec::new(),
            tags: Vec::new(),
            select,
        };
        self.ask(move |server| server.read(view.clone())).await
    }
}

/// Makes attempts until one is answered with something that waiting does not change.
async fn persist<T>(
    server: &dyn Transport,
    settings: &Settings,
    call: impl Fn(&dyn Transport) -> Call<T>,
) -> Result<T, Error> {
    let end = Instant::now() + settings.call_timeout;
    let mut pause = settings.first_pause;
    let mut last = None;
    loop {
        let error = match timeout_at(end, call(server)).await {
            Ok(Err(error)) if error.is_retryable() => error,
            Ok(answer) => return answer,
            // An attempt that was cut short tells less than the one before.
            Err(_) => return Err(last.unwrap_or_else(Error::statement_timed_out)),
        };
        // With a part of chance, so that callers who lost the same server do not come back at the same moment.
        let now = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        if Instant::now() + now >= end {
            return Err(error);
        }
        sleep(now).await;
        pause = (pause * 2).min(settings.longest_pause).min(LONGEST_PAUSE);
        last = Some(error);
    }
}

/// Somebody waits for the answer: a server that is back should be noticed within a second.
const LONGEST_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
