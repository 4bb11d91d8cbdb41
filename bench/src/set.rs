//! One value of one run in one session: `runmeta.set` against `UPDATE … jsonb_set`.

use std::error::Error;
use std::time::Instant;

use serde_json::json;
use tokio_postgres::Client;

use crate::line::{Budget, Line, median};

const ROUNDS: usize = 7;
const CALLS: usize = 300;

/// Transactions a second, commit and all.
///
/// # Errors
///
/// Those of Postgres.
pub async fn one_session(client: &Client) -> Result<Line, Box<dyn Error>> {
    client
        .execute(
            "SELECT runmeta.start('set', '{\"progress\": 0, \"status\": \"working\"}')",
            &[],
        )
        .await?;
    let set = client
        .prepare("SELECT runmeta.set('set', 'progress', $1)")
        .await?;
    let update = client
        .prepare(
            "UPDATE runmeta.run SET metadata = jsonb_set(metadata, '{progress}', $1), version = version + 1,
                 updated_at = now() WHERE id = 'set'",
        )
        .await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (statement, times) in [(&set, &mut ours), (&update, &mut theirs)] {
            let start = Instant::now();
            for call in 0..CALLS {
                client
                    .execute(statement, &[&json!(round * CALLS + call)])
                    .await?;
            }
            times.push(start.elapsed().as_secs_f64() * 1e6 / CALLS as f64);
        }
    }
    Ok(Line {
        name: "one set, one session",
        instead: "UPDATE … jsonb_set",
        ours: median(ours),
        theirs: Some(median(theirs)),
        unit: "µs",
        budget: Budget::TimesAsFast(0.8),
    })
}
