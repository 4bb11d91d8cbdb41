//! What `runmeta adapt QUEUE --remove` leaves behind, whatever is gone already.

use tokio_postgres::Client;

use super::command::runmeta;
use super::{ENQUEUE, TABLES, adapted, execute};
use crate::harness::{Database, rows};

const REMOVE: [&str; 3] = ["adapt", "graphile-worker", "--remove"];
const NO_MORE: &str = "runs follow the jobs of graphile-worker no more\n";
const OTHER: &str = r#"CREATE TABLE mine (id int PRIMARY KEY, state text);
    SELECT runmeta.adapt('table', table_name => 'mine', mapping => '{"id": "id", "status": "state"}')"#;

/// Returns how many triggers and functions of ours there are in queues.
async fn left(client: &Client) -> String {
    let left = "SELECT (SELECT count(*) FROM pg_trigger WHERE tgname LIKE '\\_runmeta%'),
        (SELECT count(*) FROM pg_proc WHERE proname ~ '^_runmeta_(follow|truncate|queue)')";
    rows(client, left).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_where_the_extension_is_gone() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    execute(&client, &[OTHER]).await;
    assert_eq!(left(&client).await, "8 | 6");
    execute(&client, &["DROP EXTENSION runmeta CASCADE"]).await;
    let (script, code) = runmeta(&database, &[&REMOVE[..], &["--dry-run"]].concat());
    assert_eq!(code, Some(0), "{script}");
    assert_eq!(left(&client).await, "8 | 6");
    assert_eq!(runmeta(&database, &REMOVE), (NO_MORE.to_owned(), Some(0)));
    // Another queue keeps its own.
    assert_eq!(left(&client).await, "4 | 3");
    let kept = "SELECT queue FROM runmeta.adapter";
    assert_eq!(rows(&client, kept).await, "table");
    execute(&client, &[ENQUEUE]).await;
    let again = runmeta(&database, &REMOVE);
    let refused = "error: queue \"graphile-worker\" is not adapted\n";
    assert_eq!(again, (refused.to_owned(), Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn script_of_a_dry_run_removes_too_where_the_extension_is_gone() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    execute(&client, &["DROP EXTENSION runmeta CASCADE"]).await;
    let (script, _) = runmeta(&database, &[&REMOVE[..], &["--dry-run"]].concat());
    execute(&client, &[&script]).await;
    assert_eq!(left(&client).await, "0 | 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_where_the_tables_of_runmeta_are_gone_too() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    let gone = [
        OTHER,
        "DROP EXTENSION runmeta CASCADE",
        "DROP SCHEMA runmeta CASCADE",
    ];
    execute(&client, &gone).await;
    let one = [&REMOVE[..], &["--schema", "graphile_worker"]].concat();
    assert_eq!(runmeta(&database, &one), (NO_MORE.to_owned(), Some(0)));
    assert_eq!(left(&client).await, "4 | 3");
    assert_eq!(runmeta(&database, &REMOVE).1, Some(0));
    assert_eq!(left(&client).await, "0 | 0");
    let (output, code) = runmeta(&database, &REMOVE);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(output, @r#"
    error: queue "graphile-worker" is not adapted
    detail: Neither runmeta nor a trigger of it is in this database.
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_that_is_gone_can_be_removed() {
    let database = Database::new().await;
    let client = database.connect().await;
    adapted(&client).await;
    execute(
        &client,
        &[
            OTHER,
            "DROP TABLE mine",
            "DROP SCHEMA graphile_worker CASCADE",
        ],
    )
    .await;
    assert_eq!(runmeta(&database, &REMOVE), (NO_MORE.to_owned(), Some(0)));
    let own = ["adapt", "--table", "mine", "--remove"];
    assert_eq!(runmeta(&database, &own).1, Some(0));
    assert_eq!(left(&client).await, "0 | 0");
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.adapter").await,
        "0"
    );
    let (output, code) = runmeta(&database, &own);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(output, @r#"
    error: queue "mine" is not adapted
    hint: SELECT * FROM runmeta.adapter shows what is adapted: name the schema and the table.
    "#);
    execute(&client, &[TABLES]).await;
}
