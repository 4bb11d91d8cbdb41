//! Watching where notifications do not come through.

use std::time::Duration;

use runmeta_client::{Builder, Client, Watch};
use tokio_postgres::NoTls;

use super::{line, until};
use crate::harness::{Database, PgBouncer, delete_by_hand};

const INTERVAL: Duration = Duration::from_millis(20);

/// Watches a run and a set while they change, are finished, deleted and started anew.
async fn follow(client: Client, database: &Database) {
    let server = database.connect().await;
    let mut one = client.watch(Watch::run("a")).await.unwrap();
    let mut all = client.watch(Watch::all().unfinished()).await.unwrap();
    server
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    assert_eq!(line(&mut one).await, "a 1 running {}");
    assert_eq!(line(&mut all).await, "a 1 running {}");
    let change = "SELECT count(runmeta.increment('a', 'n')) FROM generate_series(1, 10)";
    server.batch_execute(change).await.unwrap();
    assert_eq!(line(&mut one).await, r#"a 11 running {"n":10}"#);
    server
        .batch_execute("SELECT runmeta.finish('a')")
        .await
        .unwrap();
    assert_eq!(line(&mut one).await, r#"a 12 completed {"n":10}"#);
    assert_eq!(line(&mut one).await, "end");
    until(&mut all, |snapshot| snapshot.is_finished()).await;
    delete_by_hand(&server, "id = 'a'").await;
    server
        .batch_execute("SELECT pg_notify('runmeta', '{\"resync\": true}')")
        .await
        .unwrap();
    assert_eq!(line(&mut all).await, "a 12 gone {}");
    server
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    assert_eq!(line(&mut all).await, "a 1 running {}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_behind_pgbouncer_polls_and_leaves_no_listen_behind() {
    let database = Database::new().await;
    let bouncer = PgBouncer::before(&database, 2).await;
    // Others take the server's connections in turns with the client.
    let mut others = Vec::new();
    for _ in 0..3 {
        let config: tokio_postgres::Config = bouncer.url().parse().unwrap();
        let (other, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(async { drop(connection.await) });
        others.push(tokio::spawn(async move {
            loop {
                other.simple_query("SELECT 1").await.unwrap();
            }
        }));
    }
    let builder = Builder::url(bouncer.url()).poll_interval(INTERVAL);
    follow(builder.connect().await.unwrap(), &database).await;
    for other in others {
        other.abort();
    }
    let server = database.connect().await;
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'listen%'
        AND datname = current_database() AND pid <> pg_backend_pid()";
    let listening: i64 = server.query_one(listening, &[]).await.unwrap().get(0);
    assert_eq!(listening, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_with_a_direct_url_beside_pgbouncer_listens() {
    let database = Database::new().await;
    let bouncer = PgBouncer::before(&database, 2).await;
    // It would not poll within the patience of the test.
    let builder = Builder::url(bouncer.url())
        .listen_url(&database.url())
        .poll_interval(Duration::from_secs(3600));
    follow(builder.connect().await.unwrap(), &database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_over_connections_of_a_pool_polls() {
    let database = Database::new().await;
    let config: tokio_postgres::Config = database.url().parse().unwrap();
    let manager = deadpool_postgres::Manager::new(config, NoTls);
    let pool = deadpool_postgres::Pool::builder(manager).max_size(2);
    let builder = Builder::pool(pool.build().unwrap()).poll_interval(INTERVAL);
    follow(builder.connect().await.unwrap(), &database).await;
}
