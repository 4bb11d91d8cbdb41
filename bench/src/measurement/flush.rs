//! A batch of 1,000 operations on 1,000 runs, in one session.

use std::time::Instant;

use serde_json::{Value, json};
use tokio_postgres::Statement;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, OPERATIONS, Unit};
use crate::measurement::run_ids;
use crate::server::Server;

const ROUNDS: usize = 30;

/// Measures a flush against one bare set-based `UPDATE`, which checks nothing, skips nothing and announces nothing.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let mut ours = Flush::prepare(server)?;
    let ids = run_ids();
    let update = server
        .session()
        .prepare(include_str!("sql/flush/update.sql"))?;
    let update_ours = server
        .session()
        .prepare(include_str!("sql/flush/update_our_table.sql"))?;
    let mut our_times = Figures::default();
    let mut their_times = [Figures::default(), Figures::default()];
    for round in 1..=ROUNDS {
        our_times.push(ours.send()? * 1e3);

        for (update, times) in [&update, &update_ours].into_iter().zip(&mut their_times) {
            let values = vec![json!(-(round as i64)); ids.len()];
            let start = Instant::now();
            server.session().execute(update, &[&ids, &values])?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }

        // Both leave a dead version of each row behind.
        server.settle()?;
    }
    let [bare, our_table] = their_times;
    let name = "`flush`, 1,000 runs a batch, 1 session, live updates on";
    Ok(vec![
        Line::alone(
            name,
            our_times.map(|milliseconds| ids.len() as f64 / milliseconds * 1e3),
            OPERATIONS,
            Budget::AtLeast(150_000.0),
        ),
        Line::beside(
            name,
            &our_times,
            ("`UPDATE … jsonb_set … FROM unnest`", &bare),
            Unit::Cost("ms"),
            Budget::None,
        ),
        Line::beside(
            name,
            &our_times,
            ("the same `UPDATE` of `runmeta.run`", &our_table),
            Unit::Cost("ms"),
            // Of the same table, as when the budget was set: how much longer than Postgres' own writing of these rows.
            Budget::AtMostTimes(1.8),
        ),
    ])
}

/// A statement that sends a batch of one operation for each of 1,000 runs.
pub struct Flush<'a> {
    server: &'a Server,
    statement: Statement,
    ids: Vec<String>,
    batches: usize,
}

impl Flush<'_> {
    /// Prepares the statement.
    pub fn prepare(server: &Server) -> Result<Flush<'_>> {
        Ok(Flush {
            server,
            statement: server
                .session()
                .prepare(include_str!("sql/flush/flush.sql"))?,
            ids: run_ids(),
            batches: 0,
        })
    }

    /// Sends a batch and returns the seconds until it was committed.
    pub fn send(&mut self) -> Result<f64> {
        self.batches += 1;
        let batch: Value = self
            .ids
            .iter()
            .map(|id| json!({"run": id, "operations": [{"type": "set", "key": "progress", "value": self.batches}]}))
            .collect();
        let start = Instant::now();
        self.server.session().execute(&self.statement, &[&batch])?;
        Ok(start.elapsed().as_secs_f64())
    }
}
