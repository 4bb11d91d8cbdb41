//! The client: what a worker pays for an increment, and what of it reaches the server.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use allocation_counter::measure;
use runmeta_client::{Client, Metadata, NewRun};

use crate::line::{Budget, Line, median};

const INCREMENTS: u32 = 1_000_000;
const RUNS: u32 = 100;

/// Measures a call of `increment` on a handle that is kept, and what it allocates.
///
/// # Errors
///
/// Those of the client.
pub async fn increment(client: &Client) -> Result<[Line; 2], Box<dyn Error>> {
    let metadata = client
        .start(NewRun::new("bench increment"))
        .await?
        .metadata();
    let mut nanoseconds = Vec::new();
    let mut allocations = u64::MAX;
    for _ in 0..9 {
        count(&metadata, 1);
        let start = Instant::now();
        count(&metadata, INCREMENTS);
        nanoseconds.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(INCREMENTS));
        metadata.flush().await?;
        // The first after a flush begins a new sum; a flush may come in between at any time.
        count(&metadata, 1);
        allocations = allocations.min(measure(|| count(&metadata, 1000)).count_total);
    }
    let line = |name, ours, unit, most| Line {
        name,
        instead: "",
        ours,
        theirs: None,
        unit,
        budget: Budget::AtMost(most),
    };
    Ok([
        line(
            "client: one `increment` on a warm handle",
            median(nanoseconds),
            "ns",
            300.0,
        ),
        line(
            "client: allocations of 1,000 repeated `increment`s",
            allocations as f64,
            "",
            0.0,
        ),
    ])
}

fn count(metadata: &Metadata, times: u32) {
    for _ in 0..times {
        metadata.increment(black_box("processedRows"), black_box(1));
    }
}

/// Measures how many operations are sent for a million increments on a hundred runs.
///
/// # Errors
///
/// Those of the client.
pub async fn shortening(client: &Client) -> Result<Line, Box<dyn Error>> {
    let mut handles = Vec::new();
    for run in 0..RUNS {
        let run = NewRun::new(format!("bench run {run}"));
        handles.push(client.start(run).await?.metadata());
    }
    let before = client.metrics();
    for _ in 0..100 {
        for handle in &handles {
            count(handle, INCREMENTS / RUNS / 100);
        }
    }
    client.flush().await?;
    let after = client.metrics();
    let flushes = (after.flushes - before.flushes) as f64;
    let operations = (after.flushed_operations - before.flushed_operations) as f64;
    Ok(Line {
        name: "client: operations sent per run and flush, a million increments on 100 runs",
        instead: "",
        ours: operations / flushes / f64::from(RUNS),
        theirs: None,
        unit: "",
        budget: Budget::AtMost(1.0),
    })
}
