//! The client behind PgBouncer in transaction mode.

use std::time::Duration;

use runmeta_client::Builder;

use crate::harness::{Database, PgBouncer, assert_complete, load};

#[tokio::test(flavor = "multi_thread")]
async fn load_through_few_shared_connections_arrives_and_leaves_nothing_in_the_sessions() {
    let database = Database::new().await;
    let bouncer = PgBouncer::before(&database, 2).await;
    let client = Builder::url(bouncer.url())
        .interval(Duration::from_millis(2))
        .connect()
        .await
        .unwrap();
    // Other sessions take the server's connections in turns with the client.
    let mut others = Vec::new();
    for _ in 0..3 {
        let config: tokio_postgres::Config = bouncer.url().parse().unwrap();
        let (other, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(async { drop(connection.await) });
        others.push(tokio::spawn(async move {
            loop {
                other
                    .simple_query("BEGIN; SELECT pg_backend_pid(); COMMIT")
                    .await
                    .unwrap();
            }
        }));
    }
    load(&client, |_| async {}).await;
    client.shutdown(Duration::from_secs(60)).await.unwrap();
    assert_eq!(client.metrics().retries, 0, "{:?}", client.metrics());
    for other in &others {
        assert!(!other.is_finished());
        other.abort();
    }
    let config: tokio_postgres::Config = bouncer.url().parse().unwrap();
    let (inside, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(async { drop(connection.await) });
    let prepared = inside
        .simple_query("SELECT name FROM pg_prepared_statements WHERE name NOT LIKE '\\_%'")
        .await
        .unwrap();
    assert!(
        !prepared
            .iter()
            .any(|message| matches!(message, tokio_postgres::SimpleQueryMessage::Row(_)))
    );
    assert_complete(&database.connect().await).await;
}
