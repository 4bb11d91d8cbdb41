//! One client process that works on 10,000 runs: how many of its operations arrive.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use futures_util::poll;
use runmeta_client::{Client, Metadata};
use tokio::runtime::Runtime;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, OPERATIONS};
use crate::measurement::flush::Flush;
use crate::measurement::ids;
use crate::server::Server;

const RUNS: usize = 10_000;
/// Parts of the runs that are recorded on one after the other.
const PARTS: usize = 4;
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

/// Records an operation for each run, round after round, a part of the runs after the other. A part is recorded again when its
/// last operations have arrived, so that they are not added up, and others are under way meanwhile.
async fn turn(client: &Client, handles: &[Metadata]) -> Result<f64> {
    let before = client.metrics().flushed_operations;
    let start = Instant::now();
    let mut under_way = VecDeque::new();
    for part in handles.chunks(RUNS / PARTS).cycle() {
        if under_way.len() == PARTS
            && let Some(flush) = under_way.pop_front()
        {
            let flush: Pin<Box<dyn Future<Output = _>>> = flush;
            flush.await?;
        }
        if start.elapsed() > TURN {
            break;
        }
        for handle in part {
            handle.increment("processedRows", 1);
        }
        let mut flush = Box::pin(client.flush());
        // It begins when it is polled.
        match poll!(&mut flush) {
            Poll::Ready(flushed) => flushed?,
            Poll::Pending => under_way.push_back(flush),
        }
    }
    for flush in under_way {
        flush.await?;
    }
    let arrived = client.metrics().flushed_operations - before;
    Ok(arrived as f64 / start.elapsed().as_secs_f64())
}
