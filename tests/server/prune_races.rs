//! Many sessions start and reopen runs of finished trees, and write to them, while others prune these trees: no run loses
//! its parent, and none is gone that a start returned.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::harness::{Database, by_hand, rows, until};

const TREES: u32 = 120;
const SESSIONS: u32 = 6;
const CALLS: u32 = 120;

/// A small generator of numbers, the same in each run of the test.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(sides)).unwrap()
    }
}

/// Starts and reopens runs. Returns the ids of those that a start returned and whose transaction committed.
async fn start(client: Client, session: u32, isolation: &'static str) -> Vec<String> {
    let mut dice = Dice(session.into());
    let mut started = Vec::new();
    client
        .batch_execute(&format!(
            "SET default_transaction_isolation = '{isolation}'"
        ))
        .await
        .unwrap();
    for call in 0..CALLS {
        let tree = dice.roll(TREES);
        let (id, parent, attempt) = match dice.roll(4) {
            0 => (
                format!("tree {tree}/{session}-{call}"),
                Some(format!("tree {tree}")),
                None,
            ),
            1 => (
                format!("tree {tree}/a/{session}-{call}"),
                Some(format!("tree {tree}/a")),
                None,
            ),
            2 => (
                format!("tree {tree}/b"),
                Some(format!("tree {tree}")),
                Some(2 + i32::try_from(call).unwrap()),
            ),
            _ => (
                format!("tree {tree}"),
                None,
                Some(2 + i32::try_from(call).unwrap()),
            ),
        };
        let statement = "SELECT runmeta.start($1, parent_run_id => $2, attempt => $3)";
        client.batch_execute("BEGIN").await.unwrap();
        let result = client.query_one(statement, &[&id, &parent, &attempt]).await;
        if dice.roll(2) == 0 {
            tokio::task::yield_now().await;
        }
        match result {
            Ok(_) => match client.batch_execute("COMMIT").await {
                Ok(()) => started.push(id),
                Err(error) => panic!("{id}: {error:?}"),
            },
            Err(error) => {
                // Its tree was pruned, another session has a greater attempt, or a transaction is to be tried again.
                let expected = [
                    SqlState::NO_DATA_FOUND,
                    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                    SqlState::T_R_SERIALIZATION_FAILURE,
                ];
                assert!(
                    error.code().is_some_and(|code| expected.contains(code)),
                    "{id}: {error:?}"
                );
                client.batch_execute("ROLLBACK").await.unwrap();
            }
        }
    }
    started
}

/// Writes to runs of several trees at once, in batches that lock what prune locks.
async fn flush(client: Client, working: Arc<AtomicUsize>) {
    let mut dice = Dice(99);
    while working.load(Relaxed) > 0 {
        let entries: Vec<String> = (0..8)
            .map(|_| {
                let tree = dice.roll(TREES);
                format!(r#"{{"run": "tree {tree}/a", "operations": [{{"type": "increment", "key": "n"}}], "rootOperations": [{{"type": "increment", "key": "n"}}]}}"#)
            })
            .collect();
        let flush = format!("SELECT runmeta.flush('[{}]')", entries.join(","));
        client.batch_execute(&flush).await.unwrap();
    }
}

async fn prune(client: Client, working: Arc<AtomicUsize>) {
    while working.load(Relaxed) > 0 {
        let prune = "SELECT runmeta.prune('infinity', 2)";
        client.batch_execute(prune).await.unwrap();
    }
}

async fn race(isolation: &'static str) {
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    // Finished long ago; in half of the trees the children's ids come before the root's.
    client
        .batch_execute(&format!(
            "INSERT INTO runmeta.run (root_id, id, finished_at)
             SELECT 'tree ' || n, 'tree ' || n, '2026-01-01' FROM generate_series(0, {TREES} - 1) AS n;
             INSERT INTO runmeta.run (root_id, id, parent_id, depth, finished_at)
             SELECT 'tree ' || n, 'tree ' || n || '/' || child, 'tree ' || n, 1, '2026-01-01'
             FROM generate_series(0, {TREES} - 1) AS n, unnest('{{a,b}}'::text[]) AS child"
        ))
        .await
        .unwrap();
    let working = Arc::new(AtomicUsize::new(SESSIONS as usize));
    let mut clients = Vec::new();
    for _ in 0..SESSIONS {
        clients.push(database.connect().await);
    }
    let flushing = tokio::spawn(flush(database.connect().await, working.clone()));
    let mut pruning = Vec::new();
    for _ in 0..2 {
        pruning.push(tokio::spawn(prune(
            database.connect().await,
            working.clone(),
        )));
    }
    // On a busy machine all could be started before anything is pruned.
    let is_pruned = format!("SELECT count(*) < 3 * {TREES} FROM runmeta.run");
    until(&client, &is_pruned).await;
    let mut starting = Vec::new();
    for (session, client) in (1..).zip(clients) {
        let working = working.clone();
        starting.push(tokio::spawn(async move {
            let started = start(client, session, isolation).await;
            working.fetch_sub(1, Relaxed);
            started
        }));
    }
    let mut started = Vec::new();
    for session in starting {
        started.extend(session.await.unwrap());
    }
    flushing.await.unwrap();
    for session in pruning {
        session.await.unwrap();
    }
    assert!(!started.is_empty());

    let orphans = "SELECT r.id FROM runmeta.run AS r WHERE NOT EXISTS (SELECT FROM runmeta.run AS t WHERE t.id = r.root_id)
        OR r.parent_id IS NOT NULL AND NOT EXISTS (SELECT FROM runmeta.run AS p WHERE p.root_id = r.root_id AND p.id = r.parent_id)";
    assert_eq!(rows(&client, orphans).await, "");
    let lost = client
        .query(
            "SELECT id FROM unnest($1::text[]) AS id EXCEPT SELECT id FROM runmeta.run",
            &[&started],
        )
        .await
        .unwrap();
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_run_loses_its_parent_or_is_lost_at_read_committed() {
    race("read committed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_run_loses_its_parent_or_is_lost_at_repeatable_read() {
    race("repeatable read").await;
}
