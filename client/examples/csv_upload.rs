//! A CSV upload that is split among children, which count into their parent.

use std::error::Error;
use std::time::Duration;

use runmeta_client::{Client, NewRun, metadata, spawn};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::connect(&std::env::var("DATABASE_URL")?).await?;
    let rows: Vec<String> = (0..1000)
        .map(|row| {
            if row % 100 == 7 {
                ",broken".into()
            } else {
                format!("{row},ok")
            }
        })
        .collect();
    let upload = NewRun::new("upload-42")
        .task("upload")
        .metadata(json!({"totalRows": rows.len(), "processedRows": 0}));
    let upload = client.start(upload).await?;

    let children: Vec<_> = rows
        .chunks(100)
        .enumerate()
        .map(|(number, rows)| (number, rows.to_vec()))
        .collect();
    let mut tasks = Vec::new();
    for (number, rows) in children {
        let child = client
            .start(
                NewRun::new(format!("upload-42/{number}"))
                    .task("chunk")
                    .parent(upload.id()),
            )
            .await?;
        tasks.push(tokio::spawn(async move {
            child.scope(import(rows)).await;
            child.finish().await
        }));
    }
    for task in tasks {
        task.await??;
    }

    // Ten children called `increment` a few thousand times, and a few operations were sent.
    let metadata = upload.metadata();
    println!(
        "{:?} rows, {:?} of them invalid",
        metadata.get::<u64>("processedRows"),
        metadata.get::<u64>("invalidRows")
    );
    upload.finish().await?;
    client.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}

async fn import(rows: Vec<String>) {
    // A task checks half of the rows. Unlike `tokio::spawn`, this `spawn` keeps the scope.
    let (first, second) = rows.split_at(rows.len() / 2);
    let second = second.to_vec();
    let other = spawn(async move { check(&second) });
    check(first);
    if other.await.is_err() {
        metadata::set("error", "a task panicked");
    }
}

fn check(rows: &[String]) {
    let parent = metadata::parent();
    for row in rows {
        metadata::increment("processedRows", 1);
        parent.increment("processedRows", 1);
        if row.starts_with(',') {
            parent
                .increment("invalidRows", 1)
                .append_keep("invalid", row, 20);
        }
    }
}
