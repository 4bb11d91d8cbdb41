//! One client process that reads many runs at the same time.

use std::time::Instant;

use futures_util::future::try_join_all;
use runmeta_client::{Client, NewRun};
use tokio::runtime::Runtime;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::measurement::ids;
use crate::server::Server;

const FEW: usize = 1_000;
const MANY: usize = 64_000;

/// Measures what a read takes while so many others are asked for: as long beside many as beside few.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let runtime = Runtime::new()?;
    let ids = ids("read ", MANY);
    let writer = runtime.block_on(Client::connect(server.url()))?;
    runtime.block_on(try_join_all(
        ids.iter()
            .map(|id| writer.start(NewRun::new(id).write_only())),
    ))?;
    server.settle()?;
    let (mut few, mut many) = (Figures::default(), Figures::default());
    for turn in 0..5 {
        let part = &ids[turn * FEW..][..FEW];
        few.push(runtime.block_on(microseconds(server.url(), part))?);
    }
    many.push(runtime.block_on(microseconds(server.url(), &ids))?);
    Ok(vec![Line::beside(
        "client: a read, 64,000 asked for at the same time",
        &many,
        ("1,000 at the same time", &few),
        Unit::Cost("µs"),
        Budget::AtMostTimes(2.0),
    )])
}

async fn microseconds(url: &str, ids: &[String]) -> Result<f64> {
    let client = Client::connect(url).await?;
    let start = Instant::now();
    let runs = try_join_all(ids.iter().map(|id| client.run(id))).await?;
    let each = start.elapsed().as_secs_f64() * 1e6 / ids.len() as f64;
    drop(runs);
    Ok(each)
}
