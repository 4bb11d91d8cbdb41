//! Programs that record with the Rust client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use runmeta_client::{Builder, NewRun};

use super::{TREES, Writer, trees};

/// Records until it is over. What the others call a batch is what is awaited by one flush here.
pub async fn send(url: String, number: usize, writer: Arc<Writer>, is_over: Arc<AtomicBool>) {
    let builder = Builder::url(&url)
        .interval(Duration::from_millis(2))
        .call_timeout(super::PATIENCE)
        .backoff(Duration::from_millis(1)..=Duration::from_millis(50));
    let client = builder.connect().await.unwrap();
    let mut leaves = Vec::new();
    for tree in 0..TREES {
        let run =
            NewRun::new(format!("leaf of {number} in {tree}")).parent(format!("parent {tree}"));
        leaves.push(client.start(run).await.unwrap().metadata());
    }
    let mut batch = 1;
    while !is_over.load(Relaxed) {
        for tree in trees(number, batch) {
            let leaf = &leaves[usize::try_from(tree).unwrap()];
            leaf.increment("sent", 1);
            leaf.append("batches", batch);
            leaf.parent().increment("done", 2);
            leaf.root().increment("done", 3);
        }
        // A node that was lost in the middle of the commit has the run when the commit is recovered.
        let run = NewRun::new(format!("root of {number}, {batch}"));
        let run = client.start(run).await.unwrap();
        run.metadata().increment("sent", 1);
        run.finish().await.unwrap();
        for tree in trees(number, batch) {
            let leaf = &leaves[usize::try_from(tree).unwrap()];
            leaf.flush().await.unwrap();
        }
        writer.batches.store(batch, Relaxed);
        batch += 1;
    }
    let metrics = client.metrics();
    assert_eq!((metrics.unapplied, metrics.lost_batches), (0, 0));
    println!("{metrics:?}");
    client.shutdown(super::PATIENCE).await.unwrap();
}
