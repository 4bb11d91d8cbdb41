//! Streams: a burst of 200,000 chunks that three readers follow, and how long a chunk takes from writer to reader.

use std::future::poll_fn;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::stream;
use runmeta_client::{Client, NewRun};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Config, NoTls};

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;
use crate::session::{Session, connect};

const CHUNKS: u64 = 200_000;
const TURNS: usize = 3;
/// Chunks that theirs writes in each turn: they take as long as ours.
const THEIR_CHUNKS: usize = 5_000;
/// Chunks whose way is timed, one a millisecond.
const TIMED: usize = 5_000;
const INSTEAD: &str = "an `INSERT` and `pg_notify` for each";

/// Measures writing at full speed beside readers, and the time to a reader.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let session = server.session();
    session.run(include_str!("sql/stream/table.sql"))?;
    let runtime = Runtime::new()?;
    let client = runtime.block_on(Client::connect(server.url()))?;
    let (mut written, mut read, mut theirs) = <(Figures, Figures, Figures)>::default();
    for turn in 0..TURNS {
        server.settle()?;
        let run = format!("burst {turn}");
        let burst = runtime.block_on(burst(&client, server.url(), &run))?;
        written.push(CHUNKS as f64 / burst.written.as_secs_f64());
        read.push(CHUNKS as f64 / burst.read.as_secs_f64());
        server.settle()?;
        theirs.push(insert(session)?);
    }
    server.settle()?;
    let ours = runtime.block_on(trickle(&client))?;
    let instead = runtime.block_on(insert_trickle(server.config()))?;
    runtime.block_on(client.shutdown(Duration::from_secs(10)))?;
    let rate = Unit::Rate("chunks/s");
    let name = "a stream of 200,000 chunks beside three readers";
    let mut lines = vec![
        Line::beside(
            name,
            &written,
            (INSTEAD, &theirs),
            rate,
            Budget::TimesAsFast(10.0),
        ),
        Line::alone(
            format!("{name}, until all have read it"),
            read,
            rate,
            Budget::None,
        ),
    ];
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        lines.push(Line::beside(
            format!("from the writer of a chunk to its reader, 1,000 a second: {name}"),
            &percentile(&ours, share),
            (INSTEAD, &percentile(&instead, share)),
            Unit::Cost("ms"),
            Budget::None,
        ));
    }
    Ok(lines)
}

/// How long a burst took to be committed, and to be read.
struct Burst {
    written: Duration,
    read: Duration,
}

async fn burst(client: &Client, url: &str, id: &str) -> Result<Burst> {
    let run = client.start(NewRun::new(id)).await?;
    let start = Instant::now();
    let tokens = stream::iter((0..CHUNKS).map(|number| format!("token {number}")));
    let written = tokio::spawn({
        let tokens = run.metadata().stream("tokens", tokens);
        async move {
            tokens.finished().await?;
            Ok::<_, runmeta_client::Error>(start.elapsed())
        }
    });
    let (early, late, returning) = tokio::join!(
        follow(client.clone(), id, 0, None),
        async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            follow(client.clone(), id, 1_000, None).await
        },
        come_back(url, id),
    );
    early?;
    late?;
    returning?;
    let read = start.elapsed();
    let written = written.await??;
    Ok(Burst { written, read })
}

/// Reads from a chunk on, to the end or so many, and checks that none is missing. Returns the number of the next.
async fn follow(client: Client, id: &str, from: u64, most: Option<u64>) -> Result<u64> {
    let mut chunks = client.read_stream(id, "tokens", from).await?;
    let mut next = from;
    while most.is_none_or(|most| next < most)
        && let Some(chunk) = chunks.next().await
    {
        let chunk = chunk?;
        if (chunk.number(), chunk.json()) != (next, &*format!("\"token {next}\"")) {
            return Err(format!("chunk {} is read in place of {next}", chunk.number()).into());
        }
        next += 1;
    }
    match most.is_none() && next != CHUNKS {
        true => Err(format!("the stream ends at {next}").into()),
        false => Ok(next),
    }
}

/// Reads with one client, and goes on with another.
async fn come_back(url: &str, id: &str) -> Result<u64> {
    let mut next = 0;
    for most in [Some(CHUNKS / 4), None] {
        let client = Client::connect(url).await?;
        next = follow(client.clone(), id, next, most).await?;
        client.shutdown(Duration::from_secs(10)).await?;
    }
    Ok(next)
}

fn insert(session: &Session) -> Result<f64> {
    let insert = session.prepare(include_str!("sql/stream/insert_and_notify.sql"))?;
    let start = Instant::now();
    for number in 0..THEIR_CHUNKS {
        session.execute(&insert, &[&format!("\"token {number}\"")])?;
    }
    Ok(THEIR_CHUNKS as f64 / start.elapsed().as_secs_f64())
}

/// Returns the milliseconds that each chunk took.
async fn trickle(client: &Client) -> Result<Vec<f64>> {
    let run = client.start(NewRun::new("trickle")).await?;
    let mut chunks = client.read_stream("trickle", "times", 0).await?;
    let reading = tokio::spawn(async move {
        let mut delays = Vec::new();
        while let Some(chunk) = chunks.next().await {
            delays.push(milliseconds_since(chunk?.value()?));
        }
        Ok::<_, runmeta_client::Error>(delays)
    });
    let mut writer = run.metadata().stream_writer("times");
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    for _ in 0..TIMED {
        ticks.tick().await;
        writer.push(now()).await?;
    }
    writer.close().await?;
    Ok(reading.await??)
}

async fn insert_trickle(config: &Config) -> Result<Vec<f64>> {
    let writer = connect(config).await?;
    let insert = writer
        .prepare(include_str!("sql/stream/insert_and_notify.sql"))
        .await?;
    let (listener, mut connection) = config.connect(NoTls).await?;
    let (sender, mut delays) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                let chunk = notification.payload().split_once(' ');
                let written = chunk.and_then(|(_, chunk)| chunk.parse().ok());
                sender.send(milliseconds_since(written.unwrap_or(0.0))).ok();
            }
        }
    });
    listener.batch_execute("LISTEN chunk").await?;
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let mut all = Vec::new();
    for _ in 0..TIMED {
        ticks.tick().await;
        writer.execute(&insert, &[&now().to_string()]).await?;
    }
    while all.len() < TIMED
        && let Some(delay) = delays.recv().await
    {
        all.push(delay);
    }
    Ok(all)
}

/// Returns the time in milliseconds.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64() * 1e3
}

fn milliseconds_since(then: f64) -> f64 {
    now() - then
}

fn percentile(delays: &[f64], share: f64) -> Figures {
    let mut sorted = delays.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share) as usize;
    Figures::once(sorted.get(at).copied().unwrap_or(f64::NAN))
}
