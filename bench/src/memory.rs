//! The peak of a backend's private memory in one statement: a flush of 4,000 documents of 262 kB against the bare `UPDATE`.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

use tokio_postgres::Client;

use crate::line::{Budget, Line};

const START: &str = "SELECT count(runmeta.start('large ' || i, jsonb_build_object('text', repeat('x', 262000), 'n', 0)))
    FROM generate_series(1, 4000) AS i";
const FLUSH: &str = r#"SELECT count(*) FROM runmeta.flush((
    SELECT jsonb_agg(jsonb_build_object('run', 'large ' || i, 'operations', '[{"type": "increment", "key": "n", "value": 1}]'::jsonb))
    FROM generate_series(1, 4000) AS i))"#;
const UPDATE: &str = "UPDATE runmeta.run SET metadata = jsonb_set(metadata, '{n}', to_jsonb((metadata ->> 'n')::numeric + 1)),
    version = version + 1, updated_at = now() WHERE id IN (SELECT 'large ' || i FROM generate_series(1, 4000) AS i)";

/// Megabytes above those of the session before. The server has to be on this machine.
///
/// # Errors
///
/// Those of Postgres, and of a system without `/proc`.
pub async fn flush(client: &Client) -> Result<Line, Box<dyn Error>> {
    client.execute(START, &[]).await?;
    let ours = peak(client, FLUSH).await?;
    let theirs = peak(client, UPDATE).await?;
    client.batch_execute("DELETE FROM runmeta.run").await?;
    client.batch_execute("VACUUM runmeta.run").await?;
    Ok(Line {
        name: "peak memory of a flush, 4,000 documents of 262 kB",
        instead: "UPDATE … jsonb_set of as many",
        ours,
        theirs: Some(theirs),
        unit: "MB",
        budget: Budget::AtMost(64.0),
    })
}

async fn peak(client: &Client, statement: &str) -> Result<f64, Box<dyn Error>> {
    let row = client.query_one("SELECT pg_backend_pid()", &[]).await?;
    let status = format!("/proc/{}/status", row.get::<_, i32>(0));
    let before = private_memory(&status).ok_or("this system has no /proc")?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    // Samples: the peak that the kernel keeps counts shared memory too.
    let watcher = thread::spawn(move || {
        let mut most = before;
        while !stopped.load(Ordering::Relaxed) {
            most = most.max(private_memory(&status).unwrap_or(0));
            thread::sleep(Duration::from_millis(1));
        }
        most
    });
    let done = client.execute(statement, &[]).await;
    stop.store(true, Ordering::Relaxed);
    let most = watcher.join().map_err(|_| "the sampler panicked")?;
    done?;
    Ok((most - before) as f64 / 1024.0)
}

/// Returns the kilobytes of a process that no other process shares.
fn private_memory(status: &str) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
