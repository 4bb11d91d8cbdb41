//! One client that watches many runs while they change.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use runmeta_client::{Client, Snapshots, Watch};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::client_memory::resident;
use super::run_ids;
use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;
use crate::session::connect;
use crate::steady::{self, SESSIONS, TIME};

/// Watches whose memory is measured.
const MANY: usize = 10_000;
/// No change takes longer, or it never comes.
const PATIENCE: Duration = Duration::from_secs(10);

/// When the versions of a run were committed that its watcher has not seen, and the last one that it has.
type Commits = Mutex<(Vec<(i64, Instant)>, i64)>;

/// Measures the time from a commit to the watcher of its run, with 1,000 watches on one client and 1,000 changes a second, and
/// the memory that a watch takes.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let runtime = Runtime::new()?;
    let (latencies, finished) = runtime.block_on(latencies(server))?;
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize] * 1e3;
    let line = |name: &str, figure: f64, budget| {
        let unit = Unit::Cost("ms");
        Line::alone(name, Figures::once(figure), unit, budget)
    };
    Ok(vec![
        line(
            "client: commit to watcher, 1,000 changes a second, 1,000 watches, p50",
            at(0.5),
            Budget::AtMost(30.0),
        ),
        line("client: the same, p99", at(0.99), Budget::AtMost(150.0)),
        line("client: the same, the longest", at(1.0), Budget::None),
        Line::alone(
            "client: watches of 1,000 that got the final state",
            Figures::once(finished as f64),
            Unit::Rate("watches"),
            Budget::AtLeast(1_000.0),
        ),
        Line::alone(
            "client: memory of a watch, of 10,000",
            Figures::once(runtime.block_on(memory(server))?),
            Unit::Cost("bytes"),
            Budget::AtMost(8_192.0),
        ),
    ])
}

/// Returns the seconds from each commit to its watcher, sorted, and how many watchers saw the final state.
async fn latencies(server: &Server) -> Result<(Vec<f64>, usize)> {
    let client = Client::connect(server.url()).await?;
    let ids = run_ids();
    let mut watchers = JoinSet::new();
    let mut commits: Vec<Arc<Commits>> = Vec::new();
    for id in &ids {
        let mut runs = client.watch(Watch::run(id)).await?;
        let first = runs.next().await.map_or(0, |snapshot| snapshot.version());
        let seen = Arc::new(Mutex::new((Vec::new(), first)));
        commits.push(seen.clone());
        watchers.spawn(follow(runs, seen));
    }
    let start = Instant::now();
    let mut writers = JoinSet::new();
    let each = ids.len() / SESSIONS;
    for (ids, commits) in ids.chunks(each).zip(commits.chunks(each)) {
        let session = connect(server.config()).await?;
        let (ids, commits) = (ids.to_vec(), commits.to_vec());
        writers.spawn(async move {
            steady::change(&session, &ids, start, |run, version, at| {
                note(&commits[run], version, at);
            })
            .await?;
            for id in &ids {
                session.execute("SELECT runmeta.finish($1)", &[id]).await?;
            }
            Ok::<_, tokio_postgres::Error>(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    let (mut latencies, mut finished) = (Vec::new(), 0);
    while let Some(watched) = watchers.join_next().await {
        let (times, is_finished) = watched?;
        latencies.extend(times);
        finished += usize::from(is_finished);
    }
    latencies.sort_by(f64::total_cmp);
    client.shutdown(PATIENCE).await?;
    Ok((latencies, finished))
}

/// Notes a commit. A watcher that has seen it before its writer knew waited for nothing.
fn note(commits: &Commits, version: i64, now: Instant) {
    if let Ok(mut commits) = commits.lock()
        && version > commits.1
    {
        commits.0.push((version, now));
    }
}

/// Returns the seconds that each change of a run took to its watcher, and whether that saw the final state.
async fn follow(mut runs: Snapshots, commits: Arc<Commits>) -> (Vec<f64>, bool) {
    let mut latencies = Vec::new();
    let mut is_finished = false;
    let patience = TIME + PATIENCE;
    while let Ok(Some(snapshot)) = tokio::time::timeout(patience, runs.next()).await {
        let now = Instant::now();
        is_finished = snapshot.is_finished();
        if let Ok(mut commits) = commits.lock() {
            commits.1 = snapshot.version();
            let seen = |(version, _): &(i64, Instant)| *version <= snapshot.version();
            let times = commits.0.iter().filter(|commit| seen(commit));
            latencies.extend(times.map(|(_, commit)| (now - *commit).as_secs_f64()));
            commits.0.retain(|commit| !seen(commit));
        }
    }
    (latencies, is_finished)
}

/// Returns the bytes of memory that a watch of a small run takes, of which the first snapshot was taken.
async fn memory(server: &Server) -> Result<f64> {
    let ids: Vec<String> = (0..MANY).map(|run| format!("watched {run}")).collect();
    let session = connect(server.config()).await?;
    let start = "SELECT count(runmeta.start(id)) FROM unnest($1::text[]) AS id";
    session.execute(start, &[&ids]).await?;
    let client = Client::connect(server.url()).await?;
    // The connection and the first batches.
    let first = client.watch(Watch::run("none")).await?;
    let before = resident()?;
    let mut watches = try_join_all(ids.iter().map(|id| client.watch(Watch::run(id)))).await?;
    for runs in &mut watches {
        runs.next().await;
    }
    let each = (resident()? - before) / MANY as f64;
    drop((watches, first));
    client.shutdown(PATIENCE).await?;
    Ok(each)
}
