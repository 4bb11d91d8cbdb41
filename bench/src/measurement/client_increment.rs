//! The client: what a worker pays for an increment, and what of it is sent.

use std::hint::black_box;
use std::time::{Duration, Instant};

use allocation_counter::measure as count_allocations;
use runmeta_client::{Client, Metadata, NewRun};
use tokio::runtime::Runtime;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;

const INCREMENTS: u32 = 1_000_000;
const RUNS: u32 = 100;
const TURNS: usize = 9;

/// Measures a call of `increment` on a handle that is kept, what it allocates, and what a million of them come to.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    Runtime::new()?.block_on(async {
        let client = Client::connect(server.url()).await?;
        let mut lines = calls(&client).await?;
        lines.push(shortening(&client).await?);
        client.shutdown(Duration::from_secs(10)).await?;
        Ok(lines)
    })
}

async fn calls(client: &Client) -> Result<Vec<Line>> {
    let metadata = client.start(NewRun::new("increment")).await?.metadata();
    let (mut nanoseconds, mut allocations) = (Figures::default(), Figures::default());
    for _ in 0..TURNS {
        count(&metadata, 1);
        let start = Instant::now();
        count(&metadata, INCREMENTS);
        nanoseconds.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(INCREMENTS));
        metadata.flush().await?;
        // The first after a flush begins a new sum; a flush may come in between at any time.
        count(&metadata, 1);
        allocations.push(count_allocations(|| count(&metadata, 1000)).count_total as f64);
    }
    Ok(vec![
        Line::alone(
            "client: one `increment` on a warm handle",
            nanoseconds,
            Unit::Cost("ns"),
            Budget::AtMost(300.0),
        ),
        Line::alone(
            "client: allocations of 1,000 repeated `increment`s",
            allocations,
            Unit::Cost(""),
            Budget::AtMost(0.0),
        ),
    ])
}

fn count(metadata: &Metadata, times: u32) {
    for _ in 0..times {
        metadata.increment(black_box("processedRows"), black_box(1));
    }
}

async fn shortening(client: &Client) -> Result<Line> {
    let mut handles = Vec::new();
    for run in 0..RUNS {
        let run = NewRun::new(format!("shortening {run}"));
        handles.push(client.start(run).await?.metadata());
    }
    let mut sent = Figures::default();
    for _ in 0..TURNS {
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
        sent.push(operations / flushes / f64::from(RUNS));
    }
    Ok(Line::alone(
        "client: operations sent per run and flush, a million increments on 100 runs",
        sent,
        Unit::Cost(""),
        Budget::AtMost(1.0),
    ))
}
