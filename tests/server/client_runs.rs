//! The client's calls against the server.

use std::time::Duration;

use runmeta_client::{Client, NewRun, metadata};
use serde_json::{Value, json};

use crate::harness::{Database, delete_by_hand};

async fn stored(database: &Database, run: &str) -> (Value, String) {
    let client = database.connect().await;
    let row = client
        .query_one(
            "SELECT metadata, status FROM runmeta.run WHERE id = $1",
            &[&run],
        )
        .await
        .unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn every_operation_arrives_and_is_read_the_same_on_both_sides() {
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    let new = NewRun::new("import")
        .task("csv")
        .tags(["a", "b"])
        .metadata(json!({"user": {"name": "Eric"}, "tags": [1, 2, 1]}));
    let run = client.start(new).await.unwrap();
    run.scope(async {
        metadata::set("$.steps[0].name", "load")
            .append("log", "one")
            .append_keep("log", "two", 1)
            .remove("tags", 1.0)
            .increment("progress", 0.1)
            .increment("progress", 0.2)
            .decrement("left", 3)
            .merge(json!({"user": {"name": null, "id": 7}}))
            .merge_at("user", json!({"plan": "free"}))
            .set("gone", 1)
            .del("gone");
    })
    .await;
    let expected = json!({
        "steps": {"0": {"name": "load"}}, "log": ["two"], "tags": [2], "progress": 0.3, "left": -3,
        "user": {"id": 7, "plan": "free"}
    });
    assert_eq!(run.metadata().current(), Some(expected.clone()));
    assert_eq!(
        stored(&database, "import").await,
        (expected, "running".to_owned())
    );
    run.metadata().replace(json!({"done": true}));
    run.finish().await.unwrap();
    assert_eq!(
        stored(&database, "import").await,
        (json!({"done": true}), "completed".to_owned())
    );
    let error = client.start(NewRun::new("import")).await.unwrap_err();
    assert_eq!(error.code(), Some("55000"));
    // A job that is tried again starts its run again.
    let new = NewRun::new("import").attempt(2);
    let again = client
        .start(new.metadata(json!({"rows": 0})))
        .await
        .unwrap();
    assert_eq!(
        again.metadata().current(),
        Some(json!({"done": true, "rows": 0}))
    );
    assert_eq!(stored(&database, "import").await.1, "running");
    client.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_run_is_queued_set_to_work_and_found_at_its_attempt() {
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    let new = || NewRun::new("job").status("queued").attempt(2);
    let run = client.start(new()).await.unwrap();
    assert_eq!(stored(&database, "job").await.1, "queued");
    run.set_status("running").await.unwrap();
    run.finish_as("failed").await.unwrap();
    // As of a call whose answer was lost.
    client.start(new()).await.unwrap();
    assert_eq!(stored(&database, "job").await.1, "failed");
    for refused in [
        run.set_status("running").await,
        run.finish().await,
        client.start(NewRun::new("job").attempt(1)).await.map(drop),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.code(), Some("55000"));
        assert!(!error.is_retryable());
    }
    client.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn what_the_server_does_not_apply_is_reported_with_its_reason() {
    let database = Database::new().await;
    database.connect().await.batch_execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET runmeta.update_window = 0', current_database());
            EXECUTE format('ALTER DATABASE %I SET runmeta.maximum_size = ''1kB''', current_database()); END $$",
    ).await.unwrap();
    let client = Client::connect(&database.url()).await.unwrap();
    let missing = client
        .start(NewRun::new("child").parent("nobody"))
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Some("P0002"));
    assert!(!missing.is_retryable());
    let run = client
        .start(NewRun::new("a").metadata(json!({"list": "no"})))
        .await
        .unwrap();
    run.metadata().remove("list", 1).set("ok", 1);
    let error = run.metadata().flush().await.unwrap_err();
    assert_eq!(
        (error.unapplied().len(), error.unapplied()[0].reason()),
        (1, "not_an_array")
    );
    run.metadata().set("big", "x".repeat(2000));
    let error = run.metadata().flush().await.unwrap_err();
    assert_eq!(
        (error.unapplied()[0].reason(), error.code()),
        ("too_large", Some("54000"))
    );
    run.finish_as("failed").await.unwrap();
    run.metadata().set("late", 1);
    let error = run.metadata().flush().await.unwrap_err();
    assert!(error.is_closed());
    assert_eq!(
        stored(&database, "a").await,
        (json!({"list": "no", "ok": 1}), "failed".to_owned())
    );
}

#[tokio::test]
async fn what_is_not_retryable_without_intervention_fails_at_once() {
    let empty = Database::empty().await;
    let client = Client::connect(&empty.url()).await.unwrap();
    let error = client.start(NewRun::new("a")).await.unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(error.code(), Some("3F000"));

    let url = empty.url().replace("runmeta_test", "no_such_database");
    let error = Client::connect(&url).await.unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(error.code(), Some("3D000"));

    let error = Client::connect("postgresql://127.0.0.1:1/app")
        .await
        .unwrap_err();
    assert!(error.is_retryable());
}

#[tokio::test]
async fn connections_may_come_from_a_pool() {
    let database = Database::new().await;
    let config: tokio_postgres::Config = database.url().parse().unwrap();
    let manager = deadpool_postgres::Manager::new(config, tokio_postgres::NoTls);
    let pool = deadpool_postgres::Pool::builder(manager)
        .max_size(2)
        .build()
        .unwrap();
    let client = runmeta_client::Builder::pool(pool.clone())
        .connect()
        .await
        .unwrap();
    let run = client.start(NewRun::new("a")).await.unwrap();
    run.metadata().set("key", 1).flush().await.unwrap();
    // A connection that the server ended is no trouble: the batch goes over another.
    let killer = database.connect().await;
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    killer.query(others, &[]).await.unwrap();
    run.metadata().set("key", 2).flush().await.unwrap();
    assert_eq!(stored(&database, "a").await.0, json!({"key": 2}));
    client.shutdown(Duration::from_secs(10)).await.unwrap();
    assert_eq!(pool.status().size, pool.status().available);
}

#[tokio::test]
async fn run_that_was_started_anew_in_another_tree_is_found_there() {
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    client.start(NewRun::new("first")).await.unwrap();
    let new = NewRun::new("child").parent("first");
    let old = client.start(new).await.unwrap();
    let server = database.connect().await;
    delete_by_hand(&server, "id = 'child'").await;
    let anew = "SELECT runmeta.start('second');
        SELECT runmeta.start('child', '{\"n\": 2}', parent_run_id => 'second')";
    server.batch_execute(anew).await.unwrap();
    let run = client.run("child").await.unwrap();
    assert_eq!(
        (run.root_id(), run.metadata().get("n")),
        ("second", Some(2))
    );
    old.metadata().refresh().await.unwrap();
}
