//! Lists that waited in the inbox and do not fit.

use super::{SCHEMA, enforced};
use crate::harness::{refusal, rows};

const KEPT: &str = "SELECT operation ->> 'key', operation -> 'value', reason, detail FROM runmeta.unapplied ORDER BY position";

#[tokio::test]
async fn list_that_does_not_fit_is_unapplied_with_the_place() {
    let (_database, client) = enforced(SCHEMA).await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('b', parent_run_id => 'a');
            SET runmeta.inbox = on;
            SELECT runmeta.increment('b', 'rows', 1, 'parent');
            SELECT runmeta.set('b', '$.file.name', '1', 'parent');
            SELECT runmeta.increment('b', 'rows', 1, 'parent')"#,
        )
        .await
        .unwrap();
    let set = client.simple_query("SELECT runmeta.set('a', 'other', '1')");
    insta::assert_snapshot!(refusal(set.await), @r#"
    23514: metadata of run "a" does not fit the contract of task "import"
    DETAIL: At $.file.name: value is not of type "string".
    HINT: Write what the schema in runmeta.contract asks for, or have its owner change it with runmeta.contract().
    "#);
    assert_eq!(rows(&client, "SELECT runmeta.fold()").await, "3");
    insta::assert_snapshot!(rows(&client, KEPT).await, @r#"
    $.file.name | 1 | contract | At $.file.name: value is not of type "string".
    "#);
    let run = "SELECT metadata, version FROM runmeta.run WHERE id = 'a'";
    assert_eq!(rows(&client, run).await, r#"{"rows": 2} | 4"#);
}

/// The batch is not to blame for what waited.
#[tokio::test]
async fn batch_finds_out_what_waited_and_does_not_fit() {
    let (_database, client) = enforced(SCHEMA).await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('b', parent_run_id => 'a');
            SET runmeta.inbox = on;
            SELECT runmeta.set('b', '$.file.name', '1', 'parent');
            SET runmeta.inbox = off"#,
        )
        .await
        .unwrap();
    let flush = r#"SELECT outcome, version FROM runmeta.flush('[{"run": "a", "operations": [{"type": "increment", "key": "rows"}], "finish": "completed"}]')"#;
    assert_eq!(rows(&client, flush).await, "applied | 3\napplied | 4");
    insta::assert_snapshot!(rows(&client, KEPT).await, @r#"
    $.file.name | 1 | contract | At $.file.name: value is not of type "string".
    "#);
}
