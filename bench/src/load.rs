//! Sessions that call one statement over and over: what a number of workers does to the server.
//!
//! All of them are on one thread. Of `UPDATE`s of 1,000 runs in 32 sessions on two cores, pgbench makes 1.03 times as many
//! with one thread and 1.04 with two, and of statements that do nothing 1.1 and 1.2, at 9 µs a call against 12. But its
//! sessions are new in each run: they would load our library and plan their statements anew in each turn, and turns
//! are short. The same goes for both sides, so what a call costs here makes the ratio no worse than 4 % wrong.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Statement};

use crate::Result;
use crate::session::connect;

/// Calls of each session before anything is measured: it loads our library, fills its caches, and Postgres takes
/// a plan for good after the fifth.
const WARM_UP: i64 = 20;

/// Sessions that stay connected between turns.
pub struct Load {
    runtime: Runtime,
    sessions: Vec<Worker>,
}

struct Worker {
    client: Client,
    statement: Statement,
    /// What the calls take for `$1`, one after the other.
    ids: Vec<String>,
    calls: Cell<i64>,
}

/// What a turn brought.
pub struct Turn {
    /// Calls that were committed.
    pub calls: u64,
    /// How long they took altogether.
    pub elapsed: Duration,
}

impl Load {
    /// Connects the sessions and warms them up. `$1` of the statement is an id: each session has its share of `ids`, and
    /// goes round it; where there are more sessions than ids, they share. `$2`, if the statement has it, is a number
    /// that grows. `settings` is a script that each session runs first.
    pub fn open(
        config: &Config,
        sessions: usize,
        settings: &str,
        statement: &str,
        ids: &[String],
    ) -> Result<Load> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let opened = try_join_all((0..sessions).map(async |session| {
            let client = connect(config).await?;
            client.batch_execute(settings).await?;
            let statement = client.prepare(statement).await?;
            let share = ids.iter().skip(session % ids.len()).step_by(sessions);
            let worker = Worker {
                client,
                statement,
                ids: share.cloned().collect(),
                calls: Cell::new(0),
            };
            while worker.calls.get() < WARM_UP {
                worker.call().await?;
            }
            Result::Ok(worker)
        }));
        let sessions = runtime.block_on(opened)?;
        Ok(Load { runtime, sessions })
    }

    /// Returns how often the statement was called, warming up included.
    pub fn calls(&self) -> i64 {
        self.sessions.iter().map(|worker| worker.calls.get()).sum()
    }

    /// Lets all sessions call for a while.
    pub fn turn(&self, duration: Duration) -> Result<Turn> {
        let before = self.calls();
        let start = Instant::now();
        let sessions = self.sessions.iter().map(async |worker| {
            while start.elapsed() < duration {
                worker.call().await?;
            }
            Result::Ok(())
        });
        self.runtime.block_on(try_join_all(sessions))?;
        Ok(Turn {
            calls: u64::try_from(self.calls() - before)?,
            elapsed: start.elapsed(),
        })
    }
}

impl Worker {
    async fn call(&self) -> Result<()> {
        let call = self.calls.get();
        self.calls.set(call + 1);
        let id = &self.ids[call as usize % self.ids.len()];
        let values: [&(dyn ToSql + Sync); 2] = [id, &call];
        let wanted = &values[..self.statement.params().len()];
        self.client.execute(&self.statement, wanted).await?;
        Ok(())
    }
}
