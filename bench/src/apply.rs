//! Operations on a document of 220 kB, without storing it: `apply_operations` against Postgres' own functions.

use std::error::Error;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::line::{Budget, Line, median};

const ROUNDS: usize = 7;
const CALLS: i32 = 100;

/// One key is set.
///
/// # Errors
///
/// Those of Postgres.
pub async fn one_operation(client: &Client) -> Result<Line, Box<dyn Error>> {
    let operations = json!([{"type": "set", "key": "progress", "value": 0.5}]);
    let (ours, theirs) = compare(client, &operations, "jsonb_set(d, '{progress}', '0.5')").await?;
    Ok(Line {
        name: "one operation on a document of 220 kB",
        instead: "jsonb_set",
        ours,
        theirs: Some(theirs),
        unit: "µs",
        budget: Budget::TimesAsFast(1.0),
    })
}

/// Twenty operations of a job that reports what it does: values, counters, logs, by key and by path.
///
/// # Errors
///
/// Those of Postgres.
pub async fn twenty_operations(client: &Client) -> Result<Line, Box<dyn Error>> {
    let mut operations = Vec::new();
    let mut chain = "d".to_owned();
    for number in 0..5 {
        operations.extend([
            json!({"type": "set", "key": format!("status{number}"), "value": "working"}),
            json!({"type": "set", "key": format!("$.user.name{number}"), "value": "Eric"}),
            json!({"type": "increment", "key": format!("count{number}"), "value": 1}),
            json!({"type": "append", "key": "log", "value": "Step complete"}),
        ]);
        chain = format!("jsonb_set({chain}, '{{status{number}}}', '\"working\"')");
        chain = format!("jsonb_set({chain}, '{{user,name{number}}}', '\"Eric\"')");
        chain = format!(
            "jsonb_set({chain}, '{{count{number}}}', to_jsonb(coalesce((d->>'count{number}')::numeric, 0) + 1))"
        );
        chain = format!("jsonb_insert({chain}, '{{log,-1}}', '\"Step complete\"', true)");
    }
    let (ours, theirs) = compare(client, &Value::Array(operations), &chain).await?;
    Ok(Line {
        name: "20 operations on a document of 220 kB",
        instead: "20 of jsonb_set and jsonb_insert",
        ours,
        theirs: Some(theirs),
        unit: "µs",
        budget: Budget::TimesAsFast(5.0),
    })
}

/// Returns the microseconds that a call of ours and one of theirs takes. Both see the same document.
async fn compare(
    client: &Client,
    operations: &Value,
    theirs: &str,
) -> Result<(f64, f64), Box<dyn Error>> {
    client
        .batch_execute(
            "CREATE TEMP TABLE IF NOT EXISTS document AS
             SELECT jsonb_build_object('progress', 0.1, 'user', '{\"id\": 7}'::jsonb, 'log', '[\"Step 1\"]'::jsonb,
                 'rows', (SELECT jsonb_agg(jsonb_build_object('id', i, 'name', 'row number ' || i, 'ok', true,
                     'ratio', i * 0.37)) FROM generate_series(1, 3560) AS i)) AS d",
        )
        .await?;
    let row = client
        .query_one("SELECT runmeta.size(d) FROM document", &[])
        .await?;
    let size: i32 = row.get(0);
    assert!(
        (210_000..230_000).contains(&size),
        "the document has {size} bytes"
    );
    let ours = format!("runmeta.apply_operations(d, '{operations}')");
    check_equal(client, &ours, theirs).await?;
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_times.push(time(client, &ours).await?);
        their_times.push(time(client, theirs).await?);
    }
    Ok((median(our_times), median(their_times)))
}

async fn check_equal(client: &Client, ours: &str, theirs: &str) -> Result<(), Box<dyn Error>> {
    let row = client
        .query_one(&format!("SELECT {ours} = {theirs} FROM document"), &[])
        .await?;
    if row.get(0) {
        Ok(())
    } else {
        Err("the two do not make the same document".into())
    }
}

/// Returns the microseconds that one evaluation takes, in the server and without sending the result. The document
/// is taken out of storage once and stays in memory.
async fn time(client: &Client, expression: &str) -> Result<f64, Box<dyn Error>> {
    let statement = format!(
        "DO $do$
         DECLARE
             document jsonb := (SELECT document.d || '{{}}' FROM document);
             start timestamptz;
             calls bigint;
         BEGIN
             start := clock_timestamp();
             SELECT count({expression}) INTO calls
             FROM generate_series(1, {CALLS}), LATERAL (SELECT document AS d OFFSET 0) AS t;
             PERFORM set_config('bench.time', extract(epoch FROM clock_timestamp() - start)::text, false);
         END
         $do$"
    );
    client.batch_execute(&statement).await?;
    let row = client
        .query_one("SELECT current_setting('bench.time')::float8", &[])
        .await?;
    let seconds: f64 = row.get(0);
    Ok(seconds * 1e6 / f64::from(CALLS))
}
