//! A batch of 1,000 operations for 1,000 runs in one session: `flush` against one bare set-based `UPDATE`.

use std::error::Error;
use std::time::Instant;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::line::{Budget, Line, median};

const RUNS: usize = 1000;
const ROUNDS: usize = 30;

/// How many operations a second one session flushes, commit and all, and how that compares with an `UPDATE` that
/// checks nothing, skips nothing and tells nothing.
///
/// # Errors
///
/// Those of Postgres.
pub async fn one_session(client: &Client) -> Result<[Line; 2], Box<dyn Error>> {
    let (ours, theirs) = compare(client).await?;
    let name = "flush, 1,000 runs a batch, one session";
    let throughput = Line {
        name,
        instead: "",
        ours: RUNS as f64 / ours * 1e3,
        theirs: None,
        unit: "operations/s",
        budget: Budget::AtLeast(100_000.0),
    };
    let beside_a_bare_update = Line {
        name,
        instead: "UPDATE … jsonb_set … FROM unnest",
        ours,
        theirs: Some(theirs),
        unit: "ms",
        budget: Budget::AtMostTimes(2.5),
    };
    Ok([throughput, beside_a_bare_update])
}

/// Returns the milliseconds that a batch takes either way, seen from the client.
async fn compare(client: &Client) -> Result<(f64, f64), Box<dyn Error>> {
    client
        .execute(
            "SELECT count(runmeta.start('run_' || i, '{\"progress\": 0, \"status\": \"working\",
                 \"user\": {\"name\": \"Eric\"}}')) FROM generate_series(1, 1000) AS i",
            &[],
        )
        .await?;
    let ids: Vec<String> = (1..=RUNS).map(|number| format!("run_{number}")).collect();
    let flush = client
        .prepare("SELECT count(*) FROM runmeta.flush($1)")
        .await?;
    let update = client
        .prepare(
            "UPDATE runmeta.run AS r
             SET metadata = jsonb_set(r.metadata, '{progress}', u.value), version = r.version + 1, updated_at = now()
             FROM unnest($1::text[], $2::jsonb[]) AS u (id, value) WHERE r.id = u.id",
        )
        .await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let batch: Value = ids
            .iter()
            .map(|id| json!({"run": id, "operations": [{"type": "set", "key": "progress", "value": round}]}))
            .collect();
        let start = Instant::now();
        client.execute(&flush, &[&batch]).await?;
        ours.push(start.elapsed().as_secs_f64() * 1e3);

        let values = vec![json!(-(round as i64)); RUNS];
        let start = Instant::now();
        client.execute(&update, &[&ids, &values]).await?;
        theirs.push(start.elapsed().as_secs_f64() * 1e3);

        // Both leave a dead version of each row behind; what vacuum would do now and then is done in between.
        client.batch_execute("VACUUM ANALYZE runmeta.run").await?;
    }
    Ok((median(ours), median(theirs)))
}
