//! Graceful shutdown: Ctrl-C or SIGTERM stops the work, and what was recorded is still sent.

use std::error::Error;
use std::time::Duration;

use runmeta_client::{Client, NewRun, metadata};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::connect(&std::env::var("DATABASE_URL")?).await?;
    let run = client.start(NewRun::new("worker-1").task("queue")).await?;
    let mut terminate = signal(SignalKind::terminate())?;

    println!("working; stop me with Ctrl-C");
    tokio::select! {
        () = run.scope(work()) => {}
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    // The scope was dropped in the middle. What it recorded is in the buffer.
    run.metadata().set("stopped", true);
    run.finish_as("stopped").await?;

    // Sends what is left, of all runs. An error lists what could not be sent in time.
    client.shutdown(Duration::from_secs(10)).await?;
    println!(
        "done {} jobs",
        run.metadata().get::<u64>("jobs").unwrap_or_default()
    );
    Ok(())
}

async fn work() {
    loop {
        metadata::increment("jobs", 1);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
