//! What a handle's document takes of a client's memory.

use std::fs;

use futures_util::future::try_join_all;
use runmeta_client::{Client, NewRun};
use tokio::runtime::Runtime;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;

const RUNS: usize = 200;
/// Numbers in each document: 260 kB of JSON.
const NUMBERS: u32 = 43_000;

/// Measures the memory of the process for each byte of JSON in documents that handles hold.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    Runtime::new()?.block_on(async {
        let metadata =
            serde_json::json!({"numbers": (10_000..10_000 + NUMBERS).collect::<Vec<_>>()});
        let json = metadata.to_string().len();
        let writer = Client::connect(server.url()).await?;
        let ids: Vec<String> = (0..RUNS).map(|number| format!("held {number}")).collect();
        for id in &ids {
            writer
                .start(NewRun::new(id).write_only().metadata(&metadata))
                .await?;
        }
        let client = Client::connect(server.url()).await?;
        let before = resident()?;
        let runs = try_join_all(ids.iter().map(|id| client.run(id))).await?;
        let held = resident()? - before;
        drop(runs);
        let mut times = Figures::default();
        times.push(held / (RUNS * json) as f64);
        Ok(vec![Line::alone(
            "client: memory of a handle's document, 260 kB of numbers",
            times,
            Unit::Cost("x its JSON"),
            Budget::AtMost(4.0),
        )])
    })
}

/// Returns the bytes of memory that this process has.
pub(super) fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: f64 = kilobytes.ok_or("the system does not say")?.trim().parse()?;
    Ok(kilobytes * 1024.0)
}
