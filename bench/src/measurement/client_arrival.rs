//! One client process that works on 10,000 runs: how many of its operations arrive.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use runmeta_client::{Client, Metadata};
use tokio::runtime::Runtime;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, OPERATIONS};
use crate::measurement::flush::Flush;
use crate::measurement::ids;
use crate::server::Server;

const RUNS: usize = 10_000;
const TURNS: usize = 5;
const TURN: Duration = Duration::from_millis(1500);
/// Batches of 1,000 operations that the client is compared with in each turn.
const BATCHES: usize = 50;

/// Measures the client's operations that arrive, against one session that has its batches ready and sends them.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    server
        .session()
        .run(include_str!("sql/client_arrival/runs.sql"))?;
    let runtime = Runtime::new()?;
    let (client, handles) = runtime.block_on(open(server.url()))?;
    let mut flush = Flush::prepare(server)?;
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..TURNS {
        server.settle()?;
        ours.push(runtime.block_on(turn(&client, &handles))?);
        server.settle()?;
        let mut seconds = 0.0;
        for _ in 0..BATCHES {
            seconds += flush.send()?;
        }
        theirs.push((BATCHES * 1000) as f64 / seconds);
    }
    runtime.block_on(client.shutdown(Duration::from_secs(10)))?;
    let name = "one client on 10,000 runs, operations that arrive";
    Ok(vec![
        Line::alone(name, ours.clone(), OPERATIONS, Budget::AtLeast(100_000.0)),
        Line::beside(
            name,
            &ours,
            ("`flush`, 1,000 runs a batch", &theirs),
            OPERATIONS,
            Budget::TimesAsFast(0.7),
        ),
    ])
}

async fn open(url: &str) -> Result<(Client, Vec<Metadata>)> {
    let client = Client::connect(url).await?;
    let ids = ids("client ", RUNS);
    let runs = try_join_all(ids.iter().map(|id| client.run(id))).await?;
    let handles = runs.iter().map(runmeta_client::Run::metadata).collect();
    Ok((client, handles))
}

/// Records an operation for each run, round after round: the next while the one before is under way, so that each
/// round arrives by itself and is not added up with the next.
async fn turn(client: &Client, handles: &[Metadata]) -> Result<f64> {
    let before = client.metrics().flushed_operations;
    let start = Instant::now();
    let mut under_way = None;
    while start.elapsed() < TURN {
        for handle in handles {
            handle.increment("processedRows", 1);
        }
        let flush = tokio::spawn({
            let client = client.clone();
            async move { client.flush().await }
        });
        if let Some(before) = under_way.replace(flush) {
            before.await??;
        }
    }
    if let Some(last) = under_way {
        last.await??;
    }
    let arrived = client.metrics().flushed_operations - before;
    Ok(arrived as f64 / start.elapsed().as_secs_f64())
}
