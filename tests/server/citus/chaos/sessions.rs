//! Sessions of SQL that send numbered batches, each until it is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_postgres::{Config, NoTls};

use super::{Writer, trees};

/// Returns a batch: it starts and finishes a tree of its own, starts a child in another one, and counts in several.
fn batch(number: usize, batch: u64) -> Value {
    let mut entries = vec![json!({
        "run": format!("root of {number}, {batch}"),
        "start": {},
        "operations": [{"type": "increment", "key": "sent"}],
        "finish": "completed",
    })];
    for (place, tree) in trees(number, batch).enumerate() {
        let done = json!({"type": "increment", "key": "done"});
        if place == 0 {
            entries.push(json!({
                "run": format!("child of {number}, {batch}"),
                "start": {"parent": format!("leaf {tree}")},
            }));
        }
        entries.push(json!({
            "run": format!("leaf {tree}"),
            "operations": [{"type": "increment", "key": "sent"}],
            "parentOperations": [done, done],
            "rootOperations": [done, done, done],
            "streams": {"log": [format!("{number}, {batch}")]},
        }));
    }
    json!(entries)
}

/// Sends batches until it is over and the last one was answered.
pub async fn send(url: String, number: usize, writer: Arc<Writer>, is_over: Arc<AtomicBool>) {
    let config: Config = url.parse().unwrap();
    let flush = format!(
        "SELECT array_agg(outcome) <@ '{{applied,duplicate}}', array_agg(outcome)::text
        FROM runmeta.flush($1, '00000000-0000-4000-8000-{number:012}', $2)"
    );
    let mut sequence = 1;
    loop {
        // Refused while the node restarts.
        let Ok((client, connection)) = config.connect(NoTls).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let connection = tokio::spawn(connection);
        loop {
            let batch = batch(number, sequence);
            let number = i64::try_from(sequence).unwrap();
            match client.query_one(&flush, &[&batch, &number]).await {
                Ok(row) => {
                    assert!(row.get::<_, bool>(0), "{}", row.get::<_, String>(1));
                    writer.batches.store(sequence, Relaxed);
                    sequence += 1;
                    if is_over.load(Relaxed) {
                        return;
                    }
                }
                Err(error) => {
                    let code = error.code().map_or("none", |code| code.code());
                    writer.failed(code);
                    if error.is_closed() {
                        break;
                    }
                }
            }
        }
        drop(client);
        drop(connection.await);
    }
}
