//! The client, its connections, and what must not pass from one run to another over them.

use runmeta_client::{Client, NewRun};
use serde_json::json;

use crate::harness::Database;

#[tokio::test]
async fn document_that_cannot_be_read_fails_its_own_run_only() {
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    let run = client.start(NewRun::new("good")).await.unwrap();
    let server = database.connect().await;
    server
        .batch_execute(
            r#"SELECT runmeta.start(id) FROM unnest(ARRAY['number', 'no number', 'deep', 'other']) AS id;
            UPDATE runmeta.run SET metadata = '{"a": {"$serde_json::private::Number": "5"}}' WHERE id = 'number';
            UPDATE runmeta.run SET metadata = '{"a": {"$serde_json::private::Number": 5}}' WHERE id = 'no number';
            UPDATE runmeta.run SET metadata = jsonb_build_object('a', (repeat('[', 200) || repeat(']', 200))::jsonb)
            WHERE id = 'deep'"#,
        )
        .await
        .unwrap();
    let (number, no_number, deep, other) = tokio::join!(
        client.run("number"),
        client.run("no number"),
        client.run("deep"),
        client.run("other"),
    );
    for (result, message) in [
        (
            number,
            "the metadata of run \"number\" cannot be read: a key begins with \"$serde_json::private::\"",
        ),
        (
            no_number,
            "the metadata of run \"no number\" cannot be read: a key begins with \"$serde_json::private::\"",
        ),
        (
            deep,
            "the metadata of run \"deep\" cannot be read: it nests deeper than a client reads",
        ),
    ] {
        let error = result.unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert!(!error.is_retryable());
    }
    other
        .unwrap()
        .metadata()
        .set("ok", 1)
        .flush()
        .await
        .unwrap();
    run.metadata().set("ok", 1).flush().await.unwrap();
    run.metadata().refresh().await.unwrap();
    assert_eq!(run.metadata().current(), Some(json!({"ok": 1})));
    assert_eq!(client.metrics().retries, 0);
}

#[tokio::test]
async fn id_that_no_run_can_have_is_refused_before_it_is_sent() {
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    client.start(NewRun::new("a")).await.unwrap();
    for id in ["b\0", "", &"x".repeat(256)] {
        // Asked for at the same time, so that they would be read in one statement.
        let (good, bad) = tokio::join!(client.run("a"), client.run(id));
        good.unwrap();
        let started = client.start(NewRun::new(id)).await;
        let child = client.start(NewRun::new("child").parent(id)).await;
        let finished = client.finish(id, "completed").await;
        for error in [
            bad.unwrap_err(),
            started.unwrap_err(),
            child.unwrap_err(),
            finished.unwrap_err(),
        ] {
            assert_eq!(
                error.code().map(|code| code.code()),
                Some("22023"),
                "{error}"
            );
        }
    }
}
