//! The loop round the engine, the only code that waits: for the server, for the time, and for callers.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::{Action, Engine, Input};
use crate::Error;
use crate::buffer::Buffer;
use crate::buffer::waiter::{Awaited, Waiter};
use crate::wire::{Call, Transport};

/// Runs the engine on a thread of its own, so that a runtime of the caller's that is blocked, or ends, holds nothing up. Connects
/// first and returns what becomes of that; the engine only runs if it succeeds.
///
/// # Errors
///
/// If the system gives no thread, or no runtime can be made on it.
pub(crate) fn start(
    buffer: Arc<Buffer>,
    transport: Arc<dyn Transport>,
    connect: Call<()>,
) -> Result<Awaited<()>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::no_runtime)?;
    let (waiter, connected) = Waiter::new();
    let work = connect_and_drive(buffer, transport, connect, waiter);
    std::thread::Builder::new()
        .name("runmeta".to_owned())
        .spawn(move || runtime.block_on(work))
        .map_err(Error::no_runtime)?;
    Ok(connected)
}

/// Runs the engine on a runtime of the caller's.
pub(crate) fn start_on(
    runtime: &Handle,
    buffer: Arc<Buffer>,
    transport: Arc<dyn Transport>,
    connect: Call<()>,
) -> Awaited<()> {
    let (waiter, connected) = Waiter::new();
    runtime.spawn(connect_and_drive(buffer, transport, connect, waiter));
    connected
}

async fn connect_and_drive(
    buffer: Arc<Buffer>,
    transport: Arc<dyn Transport>,
    connect: Call<()>,
    waiter: Arc<Waiter<()>>,
) {
    let connected = connect.await;
    let is_connected = connected.is_ok();
    waiter.answer(connected);
    if is_connected {
        // Watches and calls end with the engine.
        let mut watches = JoinSet::new();
        let (watched, server) = (buffer.clone(), transport.clone());
        watches.spawn(async move { watched.watching.drive(&watched.settings, server).await });
        let (asked, server) = (buffer.clone(), transport.clone());
        watches.spawn(async move { asked.calls.drive(server).await });
        drive(buffer, transport).await;
    }
}

async fn drive(buffer: Arc<Buffer>, transport: Arc<dyn Transport>) {
    let now = Instant::now();
    let mut engine = Ending(Engine::new(buffer.clone(), now));
    let (mut batch, mut read) = (None, None);
    let mut input = Input::Woken;
    loop {
        let now = Instant::now();
        for action in engine.0.step(now, input) {
            match action {
                Action::Flush {
                    flush,
                    runs,
                    operations,
                } => {
                    let span = tracing::debug_span!(
                        "runmeta.flush",
                        sequence = flush.sequence,
                        runs,
                        operations,
                        bytes = flush.text.len(),
                    );
                    let call = transport.flush(flush);
                    let call = async move { Input::Flushed(call.await) };
                    batch = Some(Box::pin(call.instrument(span)) as Calling);
                }
                Action::Diagnose { writer, runs } => {
                    let call = transport.diagnose(writer, runs);
                    batch = Some(Box::pin(async move { Input::Diagnosed(call.await) }));
                }
                Action::Load(wanted) => {
                    let call = transport.load(wanted);
                    read = Some(Box::pin(async move { Input::Loaded(call.await) }) as Calling);
                }
                Action::End => return,
            }
        }
        let due = engine.0.due(now);
        input = tokio::select! {
            biased;
            input = called(&mut batch) => input,
            input = called(&mut read) => input,
            () = sleep_until(due.unwrap_or(now)), if due.is_some() => Input::Timer,
            () = buffer.wake.notified() => Input::Woken,
        };
    }
}

type Calling = std::pin::Pin<Box<dyn Future<Output = Input> + Send>>;

/// Waits for a call, for ever if there is none.
async fn called(call: &mut Option<Calling>) -> Input {
    match call {
        Some(under_way) => {
            let input = under_way.await;
            *call = None;
            input
        }
        None => std::future::pending().await,
    }
}

/// Ends the engine when the loop does, whatever ended it: a runtime that is shut down drops its tasks.
struct Ending(Engine);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}
