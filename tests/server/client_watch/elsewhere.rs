//! Watching what other servers announce too, as the nodes of Citus do. A second database stands for one: what it announces reaches
//! nobody who listens in the first.

use std::time::Duration;

use runmeta_client::{Builder, Snapshots, Watch};
use tokio_postgres::Client;

use super::line;
use crate::harness::{Database, until};

const LISTENING: &str = "SELECT pid FROM pg_stat_activity
    WHERE query ILIKE 'listen%' AND datname = current_database() AND pid <> pg_backend_pid()";
const CHANGED: &str = r#"SELECT pg_notify('runmeta', '{"runs": [{"id": "a", "root": "a"}]}')"#;

/// Starts a run, and watches it. The session that is returned announces nothing.
async fn watched(database: &Database, builder: Builder) -> (Client, Snapshots) {
    let server = database.connect().await;
    let start = "SET runmeta.notify = off; SELECT runmeta.start('a')";
    server.batch_execute(start).await.unwrap();
    let client = builder.connect().await.unwrap();
    let mut run = client.watch(Watch::run("a")).await.unwrap();
    assert_eq!(line(&mut run).await, "a 1 running {}");
    (server, run)
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_listens_to_other_servers_and_again_when_it_is_cut_off() {
    let (database, node) = (Database::new().await, Database::empty().await);
    let there = node.connect().await;
    // It would not poll within the patience of the test.
    let builder = Builder::url(&database.url())
        .also_listen_url(&node.url())
        .poll_interval(Duration::from_secs(3600));
    let (server, mut run) = watched(&database, builder).await;
    let mut version = 1;
    for _ in 0..3 {
        until(&there, &format!("SELECT EXISTS ({LISTENING})")).await;
        // The first may be read because it listens again, and the second because it is announced.
        for _ in 0..2 {
            version += 1;
            let set = format!("SELECT runmeta.set('a', 'n', '{version}')");
            server.batch_execute(&set).await.unwrap();
            there.batch_execute(CHANGED).await.unwrap();
            let expected = format!("a {version} running {{\"n\":{version}}}");
            assert_eq!(line(&mut run).await, expected);
        }
        let cut = LISTENING.replace("SELECT pid", "SELECT pg_terminate_backend(pid)");
        there.batch_execute(&cut).await.unwrap();
        until(&there, &format!("SELECT NOT EXISTS ({LISTENING})")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_sees_what_nobody_announces_while_another_server_is_away() {
    let database = Database::new().await;
    let away = database.url().replace("runmeta_test", "runmeta_nowhere");
    let builder = Builder::url(&database.url())
        .also_listen_url(&away)
        .poll_interval(Duration::from_millis(20));
    let (server, mut run) = watched(&database, builder).await;
    server
        .batch_execute("SELECT runmeta.finish('a')")
        .await
        .unwrap();
    assert_eq!(line(&mut run).await, "a 2 completed {}");
    assert_eq!(line(&mut run).await, "end");
}
