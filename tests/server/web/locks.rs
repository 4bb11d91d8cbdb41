//! A transaction that holds a run's row, and requests for other runs.

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::Web;
use crate::harness::{Database, until_one_waits, waiting_sessions};

/// Requests that change the locked run.
const HELD: usize = 40;

fn increment() -> serde_json::Value {
    json!({"operations": [{"type": "increment", "key": "n"}]})
}

/// The held requests fail after their call timeout: they succeed only if the others did not take that long.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_for_a_locked_run_hold_up_no_other_run() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for id in ["held", "free"] {
        assert_eq!(web.post("/v1/runs", json!({"id": id})).await.status, 201);
    }
    let mut other = database.connect().await;
    let transaction = other.transaction().await.unwrap();
    let lock = "SELECT FROM runmeta.run WHERE root_id = 'held' AND id = 'held' FOR UPDATE";
    transaction.execute(lock, &[]).await.unwrap();
    let mut held = JoinSet::new();
    for _ in 0..HELD {
        let request = web.request(Method::POST, "/v1/runs/held/operations");
        held.spawn(request.json(&increment()).send());
    }
    let server = database.connect().await;
    let waiting = waiting_sessions("runmeta serve");
    let waiting = async || -> i64 { server.query_one(&waiting, &[]).await.unwrap().get(0) };
    while waiting().await == 0 {}

    for n in 0..10 {
        let id = format!("late {n}");
        assert_eq!(web.post("/v1/runs", json!({"id": id})).await.status, 201);
        let changed = web.post("/v1/runs/free/operations", increment()).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        assert_eq!(web.get("/v1/runs/held").await.status, 200);
        assert_eq!(web.get("/v1/runs?limit=1").await.status, 200);
        assert!(waiting().await <= 1);
    }
    assert_eq!(held.len(), HELD);
    transaction.commit().await.unwrap();
    while let Some(answer) = held.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
    let read = web.get("/v1/runs/held").await;
    assert_eq!(read.body["metadata"], json!({"n": HELD}));
}

/// Batches of several runs wait for no turn, and for locks over half of the connections at most.
#[tokio::test(flavor = "multi_thread")]
async fn batches_that_wait_for_locked_runs_leave_connections_to_others() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let ids: Vec<String> = (0..HELD).map(|n| format!("held {n}")).collect();
    for id in ids.iter().map(String::as_str).chain(["free", "shared"]) {
        assert_eq!(web.post("/v1/runs", json!({"id": id})).await.status, 201);
    }
    let mut other = database.connect().await;
    let transaction = other.transaction().await.unwrap();
    for id in &ids {
        let lock = "SELECT FROM runmeta.run WHERE root_id = $1 AND id = $1 FOR UPDATE";
        transaction.execute(lock, &[id]).await.unwrap();
    }
    let mut held = JoinSet::new();
    for id in &ids {
        let entry = |run: &str| json!({"run": run, "operations": increment()["operations"]});
        let request = web.request(Method::POST, "/v1/operations");
        let body = json!([entry(id), entry("shared")]);
        held.spawn(request.json(&body).send());
    }
    let server = database.connect().await;
    until_one_waits(&server, "runmeta serve").await;
    for _ in 0..10 {
        let changed = web.post("/v1/runs/free/operations", increment()).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        assert_eq!(web.get("/v1/runs/free").await.status, 200);
    }
    transaction.commit().await.unwrap();
    while let Some(answer) = held.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
    let read = web.get("/v1/runs/shared").await;
    assert_eq!(read.body["metadata"], json!({"n": HELD}));
}
