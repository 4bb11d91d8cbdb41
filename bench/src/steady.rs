//! Changes at a steady rate, for measurements of how long they take to arrive.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, Error};

/// Changes a second of all sessions together, the sessions, and for how long they do it.
pub const RATE: u64 = 1_000;
pub const SESSIONS: usize = 4;
pub const TIME: Duration = Duration::from_secs(30);

/// Changes runs in turns, as one of the sessions, and passes on the place of each, the version and the time of its commit.
pub async fn change(
    session: &Client,
    ids: &[String],
    start: Instant,
    mut committed: impl FnMut(usize, i64, Instant),
) -> Result<(), Error> {
    let pause = Duration::from_secs(1) * SESSIONS as u32 / RATE as u32;
    let set = session
        .prepare("SELECT runmeta.set($1, 'n', to_jsonb($2::int8))")
        .await?;
    for round in 0.. {
        let due = start + pause * round;
        if due > start + TIME {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let run = round as usize % ids.len();
        let row = session
            .query_one(&set, &[&ids[run], &i64::from(round)])
            .await?;
        committed(run, row.get(0), Instant::now());
    }
    Ok(())
}
