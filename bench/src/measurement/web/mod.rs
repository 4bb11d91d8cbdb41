//! A gateway with many readers of events.

mod gateway;
mod reader;

use std::time::Instant;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::run_ids;
use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;
use crate::session::connect;
use crate::steady::{self, RATE, SESSIONS, TIME};
use gateway::Gateway;
pub use gateway::serve_if_asked;
use reader::{Seen, follow};

/// Readers of each of the 1,000 runs.
const READERS: usize = 5;

/// When the versions of a run were committed.
type Commits = Vec<(i64, Instant)>;

/// Measures the time from a commit to a reader of events, with 5,000 connections to one gateway in a process of its own and 1,000
/// changes a second, each of a run with five readers; and the memory that a connection takes there.
///
/// The server, the gateway, the readers and the writers share the machine's cores.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let runtime = Runtime::new()?;
    let Measured {
        latencies,
        ended,
        memory,
        memory_after,
        processor,
    } = runtime.block_on(run(server))?;
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize] * 1e3;
    let line = |name: &str, figure: f64, unit, budget| {
        Line::alone(name, Figures::once(figure), Unit::Cost(unit), budget)
    };
    Ok(vec![
        line(
            "web: commit to reader, 1,000 changes a second, 5,000 event streams, p50",
            at(0.5),
            "ms",
            Budget::AtMost(50.0),
        ),
        line("web: the same, p99", at(0.99), "ms", Budget::AtMost(250.0)),
        line("web: the same, the longest", at(1.0), "ms", Budget::None),
        Line::alone(
            "web: event streams of 5,000 that got the final state and their end",
            Figures::once(ended as f64),
            Unit::Rate("streams"),
            Budget::AtLeast(5_000.0),
        ),
        line(
            "web: memory of an event stream, of 5,000",
            memory,
            "bytes",
            Budget::AtMost(30_000.0),
        ),
        line(
            "web: the same, after 30,000 changes",
            memory_after,
            "bytes",
            Budget::None,
        ),
        line(
            "web: processor time of the gateway for an event",
            processor,
            "µs",
            Budget::None,
        ),
    ])
}

struct Measured {
    /// The seconds from each commit to each of its readers, sorted.
    latencies: Vec<f64>,
    /// Readers that saw the end.
    ended: usize,
    memory: f64,
    memory_after: f64,
    processor: f64,
}

async fn run(server: &Server) -> Result<Measured> {
    let ids = run_ids();
    let gateway = Gateway::start(server.url()).await?;
    let (opened, mut count) = watch::channel(0);
    // What the first connection brings is not counted.
    let mut first = JoinSet::new();
    first.spawn(follow(gateway.address(), "none".to_owned(), opened.clone()));
    count.wait_for(|count| *count == 1).await?;
    let before = gateway.resident()?;
    let mut readers = JoinSet::new();
    for (number, id) in ids.iter().enumerate() {
        for _ in 0..READERS {
            let followed = follow(gateway.address(), id.clone(), opened.clone());
            readers.spawn(async move { (number, followed.await) });
        }
        // So that they do not wait in the backlog of the listener.
        count
            .wait_for(|count| *count + 100 > number * READERS)
            .await?;
    }
    let all = ids.len() * READERS;
    count.wait_for(|count| *count == all + 1).await?;
    let memory = (gateway.resident()? - before) / all as f64;
    let busy_before = gateway.processor()?;
    let commits = write(server, &ids).await?;
    let memory_after = (gateway.resident()? - before) / all as f64;
    let busy = gateway.processor()? - busy_before;
    let session = connect(server.config()).await?;
    session
        .execute(
            "SELECT runmeta.finish(id) FROM unnest($1::text[]) AS id",
            &[&ids],
        )
        .await?;
    let (mut latencies, mut ended) = (Vec::new(), 0);
    while let Some(followed) = readers.join_next().await {
        let (number, seen) = followed?;
        let seen = seen?;
        ended += usize::from(seen.has_ended);
        latencies.extend(times(&commits[number], &seen));
    }
    latencies.sort_by(f64::total_cmp);
    let events = (TIME.as_secs() * RATE) as f64 * READERS as f64;
    let processor = busy.as_secs_f64() * 1e6 / events;
    Ok(Measured {
        latencies,
        ended,
        memory,
        memory_after,
        processor,
    })
}

/// Changes the runs in turns, and returns the commits of each.
async fn write(server: &Server, ids: &[String]) -> Result<Vec<Commits>> {
    let start = Instant::now();
    let mut writers = JoinSet::new();
    for (part, ids) in ids.chunks(ids.len() / SESSIONS).enumerate() {
        let session = connect(server.config()).await?;
        let ids = ids.to_vec();
        writers.spawn(async move {
            let mut commits = vec![Commits::new(); ids.len()];
            steady::change(&session, &ids, start, |run, version, at| {
                commits[run].push((version, at));
            })
            .await?;
            Ok::<_, tokio_postgres::Error>((part, commits))
        });
    }
    let mut parts = Vec::new();
    while let Some(written) = writers.join_next().await {
        parts.push(written??);
    }
    parts.sort_by_key(|(part, _)| *part);
    Ok(parts.into_iter().flat_map(|(_, commits)| commits).collect())
}

/// Returns the seconds from each commit to the event that brought it, or a newer one. A reader that has it before the writer knows
/// waited for nothing.
fn times<'a>(commits: &'a Commits, seen: &'a Seen) -> impl Iterator<Item = f64> + 'a {
    commits.iter().filter_map(|(version, committed)| {
        let event = seen.events.iter().find(|(event, _)| event >= version)?;
        let time = event.1.saturating_duration_since(*committed);
        Some(time.as_secs_f64())
    })
}
