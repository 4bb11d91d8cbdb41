//! The client and a server that lost something, or applies only some.

use std::time::Duration;

use runmeta_client::{Builder, Client, NewRun};
use serde_json::{Value, json};

use crate::harness::{Database, Proxy, delete_by_hand, rows};

async fn stored(client: &tokio_postgres::Client, run: &str) -> Value {
    client
        .query_one("SELECT runmeta.get($1)", &[&run])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn batches_that_a_promoted_standby_never_had_are_sent_again() {
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    let run = client.start(NewRun::new("a")).await.unwrap();
    for value in 1..=3 {
        run.metadata().append("log", value).flush().await.unwrap();
    }
    let server = database.connect().await;
    // As if the last batch, and then all of them with the start, had not been replicated.
    for (lost, expected) in [
        (
            r#"UPDATE runmeta.run SET metadata = '{"log": [1, 2]}', version = 3; UPDATE runmeta.writer SET last_sequence = 3"#,
            json!([1, 2, 3, 4]),
        ),
        ("DELETE FROM runmeta.writer", json!([1, 2, 3, 4, 5])),
    ] {
        if lost.starts_with("DELETE") {
            delete_by_hand(&server, "true").await;
        }
        server.batch_execute(lost).await.unwrap();
        run.metadata()
            .append("log", expected.as_array().unwrap().len())
            .flush()
            .await
            .unwrap();
        assert_eq!(stored(&server, "a").await["log"], expected);
    }
    run.metadata().refresh().await.unwrap();
    assert_eq!(
        run.metadata().get::<Vec<u8>>("log"),
        Some(vec![1, 2, 3, 4, 5])
    );
    assert_eq!(client.metrics().lost_batches, 0);
}

#[tokio::test]
async fn run_that_a_policy_denies_costs_the_others_nothing() {
    let database = Database::new().await;
    let server = database.connect().await;
    server
        .batch_execute(
            "DO $$ BEGIN EXECUTE format('CREATE ROLE %I LOGIN IN ROLE runmeta_writer', current_database()); END $$;
            ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
            CREATE POLICY start ON runmeta.run FOR INSERT WITH CHECK (true);
            CREATE POLICY read ON runmeta.run FOR SELECT USING (true);
            CREATE POLICY write ON runmeta.run FOR UPDATE USING (true) WITH CHECK (id <> 'run 5');",
        )
        .await
        .unwrap();
    let name = database.url().rsplit('/').next().unwrap().to_owned();
    let builder = Builder::url(&database.url().replace("postgres@", &format!("{name}@")))
        .interval(Duration::from_secs(60));
    let client = builder.connect().await.unwrap();
    let mut runs = Vec::new();
    for run in 0..10 {
        runs.push(
            client
                .start(NewRun::new(format!("run {run}")))
                .await
                .unwrap(),
        );
    }
    for run in &runs {
        run.metadata().set("key", 1);
    }
    let error = client.flush().await.unwrap_err();
    assert_eq!(error.code(), Some("42501"));
    assert_eq!(error.unapplied().len(), 1);
    assert_eq!(
        (error.unapplied()[0].run_id(), error.unapplied()[0].reason()),
        ("run 5", "42501")
    );
    for run in 0..10 {
        let expected = if run == 5 {
            json!({})
        } else {
            json!({"key": 1})
        };
        assert_eq!(stored(&server, &format!("run {run}")).await, expected);
    }
    client.shutdown(Duration::from_secs(10)).await.unwrap();
    server
        .batch_execute("DO $$ BEGIN EXECUTE format('DROP OWNED BY %I', current_database()); EXECUTE format('DROP ROLE %I', current_database()); END $$")
        .await
        .unwrap();
}

#[tokio::test]
async fn unapplied_operations_are_reported_though_the_connection_was_cut_before_the_answer() {
    let database = Database::new().await;
    let server = database.connect().await;
    let close_at_once = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET runmeta.update_window = 0', current_database()); END $$";
    server.batch_execute(close_at_once).await.unwrap();
    let proxy = Proxy::before(&database).await;
    // Long enough that everything recorded leaves in one batch, with the flush.
    let builder = Builder::url(proxy.url()).interval(Duration::from_secs(600));
    let client = builder.connect().await.unwrap();
    let mut runs = Vec::new();
    for id in ["closed", "gone", "good", "large", "skips"] {
        runs.push(client.start(NewRun::new(id)).await.unwrap());
    }
    let [closed, gone, good, large, skips] = &runs[..] else {
        unreachable!();
    };
    closed.finish().await.unwrap();
    delete_by_hand(&server, "id = 'gone'").await;
    good.metadata().increment("n", 1).flush().await.unwrap();

    proxy.cut_every(2);
    closed.metadata().set("a", 1);
    gone.metadata().increment("n", 1);
    good.metadata().increment("n", 1);
    large.metadata().append("log", "x".repeat(300_000));
    skips.metadata().set("text", "x").remove("text", "x");
    let error = client.flush().await.unwrap_err();
    // Twice where the server was so slow to start the runs that batches became small: the large run then fills one.
    let cuts = proxy.cuts();
    assert!((1..=2).contains(&cuts), "{cuts}");
    assert_eq!(client.metrics().retries, u64::from(cuts));
    let reported: Vec<_> = error
        .unapplied()
        .iter()
        .map(|one| (one.run_id(), one.kind(), one.reason()))
        .collect();
    assert_eq!(
        reported,
        [
            ("closed", "set", "closed"),
            ("gone", "increment", "not_found"),
            ("large", "append", "too_large"),
            ("skips", "remove", "not_an_array"),
        ]
    );
    client.flush().await.unwrap();
    client.shutdown(Duration::from_secs(60)).await.unwrap();
    let documents =
        "SELECT string_agg(id || ' ' || metadata::text, ', ' ORDER BY id) FROM runmeta.run";
    assert_eq!(
        rows(&server, documents).await,
        r#"closed {}, good {"n": 2}, large {}, skips {"text": "x"}"#
    );
}
