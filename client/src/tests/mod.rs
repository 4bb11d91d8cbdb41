//! The client against a model of the server, on a clock that jumps: everything that needs no real one.

mod batching;
mod fake_server;
mod faults;
mod groups;
mod laws;
mod locks;
mod memory;
mod reading;
mod refusing;
mod say;
mod scopes;
mod stopping;
mod unreadable;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::buffer::Buffer;
use crate::settings::Settings;
use crate::{Client, Metadata, NewRun, Run};

use fake_server::FakeServer;

/// Returns a client of the model.
fn client_of(server: &Arc<FakeServer>, settings: Settings) -> Client {
    Client::over(Arc::new(Buffer::new(settings)), server.clone())
}

/// Runs a future on a clock that jumps ahead whenever everybody waits.
fn on_a_fast_clock<F: Future>(future: F) -> F::Output {
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

async fn start(client: &Client, id: &str) -> Run {
    client.start(NewRun::new(id)).await.unwrap()
}

async fn start_child(client: &Client, id: &str, parent: &str) -> Run {
    client.start(NewRun::new(id).parent(parent)).await.unwrap()
}

async fn milliseconds(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
