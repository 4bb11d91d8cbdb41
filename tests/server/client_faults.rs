//! The client under faults: after each, 10,000 increments and appends from many tasks are there exactly once and in order.

use std::sync::Arc;
use std::time::Duration;

use runmeta_client::{Builder, Client, NewRun};

use crate::harness::{Database, OwnServer, Proxy, assert_complete, load};

/// Flushes often and comes back soon, so that there is much to go wrong in little time.
async fn client(url: &str) -> Client {
    let builder = Builder::url(url)
        .application_name("load")
        .interval(Duration::from_millis(2));
    builder
        .backoff(Duration::from_millis(1)..=Duration::from_millis(50))
        .connect()
        .await
        .unwrap()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_cut_between_commit_and_answer_of_every_third_flush() {
    let database = Database::new().await;
    let proxy = Proxy::before(&database).await;
    let client = client(proxy.url()).await;
    proxy.cut_every(3);
    load(&client, |_| async {}).await;
    proxy.cut_every(0);
    assert!(proxy.cuts() >= 5, "{} cuts", proxy.cuts());
    assert!(client.metrics().retries >= u64::from(proxy.cuts()));
    client.shutdown(Duration::from_secs(60)).await.unwrap();
    assert_complete(&database.connect().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backend_terminated_in_the_middle_of_a_load() {
    let database = Database::new().await;
    let client = client(&database.url()).await;
    let killer = Arc::new(database.connect().await);
    let kills = move |round: usize| {
        let killer = killer.clone();
        async move {
            if round % 20 == 10 {
                let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'load'";
                killer.query(kill, &[]).await.unwrap();
            }
        }
    };
    load(&client, kills).await;
    client.shutdown(Duration::from_secs(60)).await.unwrap();
    assert!(client.metrics().connections >= 10, "{:?}", client.metrics());
    assert_complete(&database.connect().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn immediate_stop_and_restart_of_the_server_in_the_middle_of_a_load() {
    let server = Arc::new(OwnServer::start().await);
    let client = client(server.url()).await;
    let crashing = server.clone();
    let crash = move |round: usize| {
        let server = crashing.clone();
        async move {
            if round == 201 || round == 402 {
                server.crash().await;
            }
        }
    };
    load(&client, crash).await;
    client.shutdown(Duration::from_secs(60)).await.unwrap();
    assert!(client.metrics().connections >= 3, "{:?}", client.metrics());
    let config: tokio_postgres::Config = server.url().parse().unwrap();
    let (database, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(async { drop(connection.await) });
    assert_complete(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_refuses_connections_for_a_while() {
    let database = Database::new().await;
    let proxy = Arc::new(Proxy::before(&database).await);
    let client = client(proxy.url()).await;
    let refusing = (proxy.clone(), client.clone());
    let refuse = move |round: usize| {
        let (proxy, client) = refusing.clone();
        async move {
            match round {
                101 | 301 => proxy.refuse().await,
                // No flush was waited for since: the load went on without a server.
                123 | 323 => {
                    let before = client.metrics().retries;
                    until(|| client.metrics().retries >= before + 5).await;
                    proxy.accept().await;
                }
                _ => {}
            }
        }
    };
    load(&client, refuse).await;
    client.shutdown(Duration::from_secs(60)).await.unwrap();
    assert_complete(&database.connect().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_that_waits_too_long_is_sent_again_and_counts_once() {
    let database = Database::new().await;
    let builder = Builder::url(&database.url()).statement_timeout(Duration::from_millis(50));
    let client = builder
        .backoff(Duration::from_millis(1)..=Duration::from_millis(5))
        .connect()
        .await
        .unwrap();
    let run = client.start(NewRun::new("a")).await.unwrap();
    let mut other = database.connect().await;
    let transaction = other.transaction().await.unwrap();
    transaction
        .batch_execute("SELECT FROM runmeta.run WHERE root_id = 'a' AND id = 'a' FOR UPDATE")
        .await
        .unwrap();
    run.metadata().increment("n", 1);
    until(|| client.metrics().retries >= 3).await;
    transaction.commit().await.unwrap();
    run.metadata().flush().await.unwrap();
    run.metadata().refresh().await.unwrap();
    assert_eq!(run.metadata().get::<u8>("n"), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_atomically_is_there_whole_at_any_moment() {
    const CHILDREN: i64 = 8;
    const ROUNDS: i64 = 250;
    let database = Database::new().await;
    let proxy = Proxy::before(&database).await;
    let client = client(proxy.url()).await;
    client.start(NewRun::new("parent")).await.unwrap();
    proxy.cut_every(3);
    let mut children = tokio::task::JoinSet::new();
    for child in 0..CHILDREN {
        let run = NewRun::new(format!("child {child}")).parent("parent");
        let run = client.start(run).await.unwrap();
        children.spawn(async move {
            for round in 0..ROUNDS {
                run.metadata().atomically(|metadata| {
                    metadata.set("next", round + 1);
                    metadata.parent().increment("all", 1);
                });
                if round % 10 == 0 {
                    run.metadata().flush().await.unwrap();
                }
            }
            run.metadata().flush().await.unwrap();
        });
    }
    let observer = database.connect().await;
    // One statement on one tree, which has one snapshot on a cluster too.
    let look = "SELECT coalesce(sum((metadata->'all')::int8), 0)::int8, coalesce(sum((metadata->'next')::int8), 0)::int8
            FROM runmeta.run WHERE root_id = 'parent'";
    let mut looks = 0;
    loop {
        let done = children.try_join_next();
        let row = observer.query_one(look, &[]).await.unwrap();
        let (all, sum): (i64, i64) = (row.get(0), row.get(1));
        assert_eq!(all, sum);
        looks += 1;
        match done {
            Some(done) => done.unwrap(),
            None if children.is_empty() => {
                assert_eq!(all, CHILDREN * ROUNDS);
                break;
            }
            None => {}
        }
    }
    assert!(
        proxy.cuts() >= 5 && looks >= 10,
        "{} cuts, {looks} looks",
        proxy.cuts()
    );
    client.shutdown(Duration::from_secs(60)).await.unwrap();
}
