//! The client against the server in memory, on a clock that jumps: everything that needs no real server.

mod batching;
mod faults;
mod groups;
mod handles;
mod locks;
mod memory;
mod reading;
mod scopes;
mod stopping;
mod unapplied;
mod unreadable;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::settings::Settings;
use crate::testing::faults::FaultyServer;
use crate::{Client, NewRun, Run};

/// Runs a test with a server and a client of it, on a clock that jumps ahead whenever everybody waits.
pub(crate) fn with_client<F: Future>(test: impl FnOnce(FaultyServer, Client) -> F) -> F::Output {
    with_settings(Settings::default(), test)
}

/// Runs a test with a client of these settings.
pub(crate) fn with_settings<F: Future>(
    settings: Settings,
    test: impl FnOnce(FaultyServer, Client) -> F,
) -> F::Output {
    on_a_fast_clock(async {
        let server = FaultyServer::default();
        let client = client_of(&server, settings);
        test(server, client).await
    })
}

fn client_of(server: &FaultyServer, settings: Settings) -> Client {
    Client::here(settings, Arc::new(server.clone()))
}

pub(crate) fn on_a_fast_clock<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Returns a runtime of so many threads, with the clock of the world.
fn threads(count: usize) -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.worker_threads(count).enable_time();
    builder.build().unwrap()
}

pub(crate) async fn start(client: &Client, id: &str) -> Run {
    client.start(NewRun::new(id)).await.unwrap()
}

async fn start_child(client: &Client, id: &str, parent: &str) -> Run {
    client.start(NewRun::new(id).parent(parent)).await.unwrap()
}

/// Starts runs whose ids are the numbers from 0.
async fn start_many(client: &Client, count: usize) -> Vec<Run> {
    let mut runs = Vec::new();
    for id in 0..count {
        runs.push(start(client, &id.to_string()).await);
    }
    runs
}

pub(crate) async fn milliseconds(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
