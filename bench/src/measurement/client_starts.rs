//! One client process that starts and finishes runs, at a round trip of 1 ms.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use runmeta_client::{Client, NewRun};
use tokio::runtime::Runtime;

use crate::Result;
use crate::delay::delayed;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;

const ROUND_TRIP: Duration = Duration::from_millis(1);
const RUNS: usize = 5_000;
const TURNS: usize = 5;

/// Measures starts and finishes that are asked for at the same time, and how long flushes of another run wait beside them.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let port = delayed(server.config(), ROUND_TRIP)?;
    let config = server.config();
    let user = config.get_user().unwrap_or("postgres");
    let database = config.get_dbname().unwrap_or("postgres");
    let url = format!("postgres://{user}@127.0.0.1:{port}/{database}?sslmode=disable");
    let runtime = Runtime::new()?;
    let client = runtime.block_on(Client::connect(&url))?;
    let (mut rates, mut longest) = (Figures::default(), Figures::default());
    for turn in 0..TURNS {
        server.settle()?;
        let prefix = format!("starts {turn} ");
        rates.push(runtime.block_on(start_and_finish(&client, &prefix))?);
        server.settle()?;
        let prefix = format!("beside {turn} ");
        longest.push(runtime.block_on(longest_flush(&client, &prefix))?);
    }
    runtime.block_on(client.shutdown(Duration::from_secs(10)))?;
    Ok(vec![
        Line::alone(
            "one client at 1 ms round trip, starts and finishes",
            rates,
            Unit::Rate("calls/s"),
            Budget::AtLeast(5_000.0),
        ),
        Line::alone(
            "longest flush of another run beside 5,000 starts",
            longest,
            Unit::Cost("ms"),
            Budget::AtMost(50.0),
        ),
    ])
}

async fn start_and_finish(client: &Client, prefix: &str) -> Result<f64> {
    let start = Instant::now();
    let runs = (0..RUNS).map(|number| async move {
        let run = client
            .start(NewRun::new(format!("{prefix}{number}")))
            .await?;
        run.finish().await
    });
    try_join_all(runs).await?;
    Ok(2.0 * RUNS as f64 / start.elapsed().as_secs_f64())
}

async fn longest_flush(client: &Client, prefix: &str) -> Result<f64> {
    let other = client.start(NewRun::new(format!("{prefix}other"))).await?;
    let starts = tokio::spawn({
        let (client, prefix) = (client.clone(), prefix.to_owned());
        async move {
            let start = |number| client.start(NewRun::new(format!("{prefix}{number}")));
            try_join_all((0..RUNS).map(start)).await.map(drop)
        }
    });
    let mut longest = Duration::ZERO;
    while !starts.is_finished() {
        let start = Instant::now();
        other.metadata().increment("n", 1);
        other.metadata().flush().await?;
        longest = longest.max(start.elapsed());
    }
    starts.await??;
    Ok(longest.as_secs_f64() * 1e3)
}
