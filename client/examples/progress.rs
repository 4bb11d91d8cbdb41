//! Progress with percentage and current step, recorded from anywhere in the job.
//!
//! `DATABASE_URL=postgres://… cargo run --example progress`, on a database that `runmeta migrate` has set up.

use std::error::Error;
use std::time::Duration;

use runmeta_client::{Client, NewRun, metadata};
use serde_json::json;

const STEPS: [&str; 4] = ["download", "check", "convert", "publish"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::connect(&std::env::var("DATABASE_URL")?).await?;
    let run = client
        .start(
            NewRun::new("video-17")
                .task("convert")
                .metadata(json!({"progress": 0, "of": STEPS.len()})),
        )
        .await?;

    run.scope(async {
        for step in STEPS {
            metadata::set("step", step);
            work(step).await;
        }
    })
    .await;

    // Reads include what was recorded here, whether sent or not.
    let progress: Option<f64> = run.metadata().get("progress");
    println!(
        "{:.0} % after step {:?}",
        progress.unwrap_or_default() * 100.0,
        run.metadata().get::<String>("step")
    );

    run.finish().await?;
    client.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}

/// Gets neither a run nor a connection. Ten increments of 0.025 for each of four steps add up to exactly 1.
async fn work(step: &str) {
    for part in 1..=10 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        metadata::increment("progress", 0.025).set("part", format!("{step} {part} of 10"));
    }
}
