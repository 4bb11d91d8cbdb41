//! The client, its connections, and what must not pass from one run to another over them.

use std::error::Error;
use std::time::Duration;

use runmeta_client::{Builder, Client, NewRun};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_postgres::NoTls;

use crate::harness::{Database, PgBouncer, Proxy, rows};

#[tokio::test]
async fn document_that_no_client_would_write_harms_no_run() {
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    let run = client.start(NewRun::new("good")).await.unwrap();
    let server = database.connect().await;
    // The key is one that serde_json uses inside.
    server
        .batch_execute(
            r#"SELECT runmeta.start(id) FROM unnest(ARRAY['number', 'deep', 'array', 'other']) AS id;
            UPDATE runmeta.run SET metadata = '{"a": {"$serde_json::private::Number": "5"}}' WHERE id = 'number';
            UPDATE runmeta.run SET metadata = jsonb_build_object('a', (repeat('[', 200) || repeat(']', 200))::jsonb)
            WHERE id = 'deep'"#,
        )
        .await
        .unwrap();
    let (number, deep, other) = tokio::join!(
        client.run("number"),
        client.run("deep"),
        client.run("other")
    );
    let number = number.unwrap();
    number.metadata().set("$.a.b", 1).flush().await.unwrap();
    let stored = "SELECT metadata::text FROM runmeta.run WHERE id = 'number'";
    assert_eq!(
        rows(&server, stored).await,
        r#"{"a": {"b": 1, "$serde_json::private::Number": "5"}}"#
    );
    // 200 levels are more than a client reads, and than serde_json does.
    let deep = deep.unwrap().metadata();
    deep.set("ok", 1).flush().await.unwrap();
    assert_eq!(deep.get::<u8>("ok"), Some(1));
    assert!(deep.try_get::<serde_json::Value>("a").is_err());
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
            assert_eq!(error.code(), Some("22023"), "{error}");
        }
    }
}

const NAME: &str = "client under test";

/// Waits, but not for ever, until so few sessions of the client are left.
async fn until_sessions(server: &tokio_postgres::Client, most: i64) {
    let few = async {
        while sessions(server).await > most {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), few).await;
    assert!(waited.is_ok(), "{} sessions", sessions(server).await);
}

async fn sessions(server: &tokio_postgres::Client) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1";
    server.query_one(count, &[&NAME]).await.unwrap().get(0)
}

fn pool(database: &Database, connections: usize) -> deadpool_postgres::Pool {
    let mut config: tokio_postgres::Config = database.url().parse().unwrap();
    config.application_name(NAME);
    let manager = deadpool_postgres::Manager::new(config, NoTls);
    let pool = deadpool_postgres::Pool::builder(manager).max_size(connections);
    pool.build().unwrap()
}

/// Locks the row of run `a`, until the transaction ends.
async fn locked(other: &mut tokio_postgres::Client) -> tokio_postgres::Transaction<'_> {
    let transaction = other.transaction().await.unwrap();
    let lock = "SELECT FROM runmeta.run WHERE root_id = 'a' AND id = 'a' FOR UPDATE";
    transaction.batch_execute(lock).await.unwrap();
    transaction
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_that_takes_too_long_leaves_no_session_behind() {
    let database = Database::new().await;
    let client = Builder::url(&database.url())
        .application_name(NAME)
        .statement_timeout(Duration::from_millis(50))
        .backoff(Duration::from_millis(1)..=Duration::from_millis(5))
        .connect()
        .await
        .unwrap();
    let run = client.start(NewRun::new("a")).await.unwrap();
    let server = database.connect().await;
    let mut other = database.connect().await;
    let transaction = locked(&mut other).await;
    run.metadata().increment("n", 1);
    let mut most = 0;
    while client.metrics().retries < 15 {
        most = most.max(sessions(&server).await);
    }
    assert!((1..=4).contains(&most), "{most} sessions");
    transaction.commit().await.unwrap();
    run.metadata().flush().await.unwrap();
    run.metadata().refresh().await.unwrap();
    assert_eq!(run.metadata().get::<u8>("n"), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn call_that_its_caller_drops_leaves_no_session_behind() {
    let database = Database::new().await;
    let builder = Builder::url(&database.url()).application_name(NAME);
    let client = builder.connect().await.unwrap();
    let run = client.start(NewRun::new("a")).await.unwrap();
    let server = database.connect().await;
    let mut other = database.connect().await;
    let transaction = locked(&mut other).await;
    for _ in 0..10 {
        let finish = tokio::time::timeout(Duration::from_millis(50), run.finish());
        assert!(finish.await.is_err());
    }
    // The lock is still held.
    until_sessions(&server, 2).await;
    transaction.commit().await.unwrap();
    run.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn call_that_its_caller_drops_does_not_block_a_connection_of_the_pool() {
    let database = Database::new().await;
    let pool = pool(&database, 1);
    let client = Builder::pool(pool.clone()).connect().await.unwrap();
    let run = client.start(NewRun::new("a")).await.unwrap();
    let mut other = database.connect().await;
    let transaction = locked(&mut other).await;
    let finish = tokio::time::timeout(Duration::from_millis(200), run.finish());
    assert!(finish.await.is_err());
    // The lock is still held.
    let free = async { pool.get().await.unwrap().simple_query("SELECT 1").await };
    let free = tokio::time::timeout(Duration::from_secs(20), free).await;
    free.unwrap().unwrap();
    transaction.commit().await.unwrap();
    run.finish().await.unwrap();
}

#[tokio::test]
async fn host_that_does_not_answer_is_left_for_the_next() {
    let database = Database::new().await;
    let proxy = Proxy::before(&database).await;
    // Takes connections, as far as the other side can see.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().unwrap();
    let url = proxy
        .url()
        .replace("@127.0.0.1:", &format!("@{silent},127.0.0.1:"));
    let client = Client::connect(&format!("{url}&connect_timeout=1"))
        .await
        .unwrap();
    client.start(NewRun::new("a")).await.unwrap();
    assert_eq!(client.metrics().connections, 1);
}

#[tokio::test]
async fn pool_without_a_free_connection_shows_as_passing_trouble() {
    let database = Database::new().await;
    let pool = pool(&database, 1);
    let client = Builder::pool(pool.clone())
        .statement_timeout(Duration::from_secs(1))
        .backoff(Duration::from_millis(1)..=Duration::from_millis(5))
        .connect()
        .await
        .unwrap();
    let run = client.start(NewRun::new("a")).await.unwrap();
    let held = pool.get().await.unwrap();
    let metadata = run.metadata();
    let seen = async {
        let last_error = Some("getting a connection from the pool took too long".to_owned());
        while client.metrics().retries < 2 || client.metrics().last_error != last_error {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(held);
    };
    let both = async { tokio::join!(metadata.set("key", 1).flush(), seen) };
    let (flushed, ()) = tokio::time::timeout(Duration::from_secs(20), both)
        .await
        .unwrap();
    flushed.unwrap();
}

#[tokio::test]
async fn values_in_an_error_of_the_server_are_in_its_source_only() {
    let database = Database::new().await;
    let server = database.connect().await;
    server
        .batch_execute(
            "ALTER TABLE runmeta.run ADD CONSTRAINT no_secrets CHECK (NOT metadata ? 'password')",
        )
        .await
        .unwrap();
    let client = Client::connect(&database.url()).await.unwrap();
    let run = client.start(NewRun::new("a")).await.unwrap();
    let refused = run.metadata().set("password", "hunter2").flush().await;
    let refused = refused.unwrap_err();
    let texts = [
        refused.to_string(),
        format!("{refused:?}"),
        client.metrics().last_error.unwrap(),
    ];
    for text in texts {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("no_secrets"), "{text}");
        assert!(text.contains("SQLSTATE 23514"), "{text}");
    }
    let new = NewRun::new("b").metadata(json!({"password": "hunter2"}));
    let error = client.start(new).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server rejected the statement: new row for relation \"run\" violates check constraint \"no_secrets\" \
         (SQLSTATE 23514)"
    );
    let source = error.source().unwrap().downcast_ref();
    let source: &tokio_postgres::Error = source.unwrap();
    let detail = source.as_db_error().unwrap().detail().unwrap();
    assert!(detail.contains("hunter2"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_harms_neither_pgbouncer_nor_its_connections() {
    let database = Database::new().await;
    let bouncer = PgBouncer::before(&database, 2).await;
    let client = Builder::url(bouncer.url())
        .statement_timeout(Duration::from_millis(200))
        .backoff(Duration::from_millis(1)..=Duration::from_millis(5))
        .connect()
        .await
        .unwrap();
    let run = client.start(NewRun::new("a")).await.unwrap();
    let mut other = database.connect().await;
    let transaction = locked(&mut other).await;
    run.metadata().increment("n", 1);
    while client.metrics().retries < 10 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // One of the two connections waits for the lock. The other is free.
    let config: tokio_postgres::Config = bouncer.url().parse().unwrap();
    let (inside, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(async { drop(connection.await) });
    let free = inside.simple_query("SELECT 1");
    let free = tokio::time::timeout(Duration::from_secs(20), free).await;
    free.unwrap().unwrap();
    transaction.commit().await.unwrap();
    run.metadata().flush().await.unwrap();
    // Cancelled at any moment.
    for round in 0..200 {
        let start = client.start(NewRun::new(format!("run {round}")));
        let _ = tokio::time::timeout(Duration::from_micros(100 * (round % 30)), start).await;
    }
    run.metadata().refresh().await.unwrap();
    assert_eq!(run.metadata().get::<u8>("n"), Some(1));
    inside.simple_query("SELECT 1").await.unwrap();
}
