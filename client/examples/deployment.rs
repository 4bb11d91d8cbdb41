//! A deployment that sets its status and appends to a log, which keeps its last lines.

use std::error::Error;
use std::time::Duration;

use runmeta_client::{Client, Metadata, NewRun};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Building,
    Deploying,
    Live,
}

/// Lines that the log keeps. Without a limit, the log of a long job would exceed the server's limit for a document.
const LINES: u64 = 100;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::connect(&std::env::var("DATABASE_URL")?).await?;
    let run = client
        .start(NewRun::new("deploy-2026-02-03").tags(["production", "shop"]))
        .await?;
    let metadata = run.metadata();

    metadata.set("status", Status::Building);
    log(&metadata, "building the image");
    for layer in 1..=300 {
        log(&metadata, &format!("layer {layer} of 300"));
    }
    metadata.set("status", Status::Deploying);
    log(&metadata, "replacing 3 instances");
    metadata
        .set("status", Status::Live)
        .set("$.links.site", "https://shop.example");

    // Ok once all of it is committed. An error lists the operations that had no effect.
    metadata.flush().await?;
    println!(
        "{} lines of log",
        metadata.get::<Vec<String>>("log").unwrap_or_default().len()
    );

    run.finish().await?;
    client.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}

fn log(metadata: &Metadata, line: &str) {
    metadata.append_keep("log", line, LINES);
}
