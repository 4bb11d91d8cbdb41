//! Contracts that warn.

use super::{SCHEMA, declare};
use crate::harness::Database;

#[tokio::test]
async fn document_that_does_not_fit_is_stored_with_a_warning_for_each_rule_and_session() {
    let database = Database::new().await;
    let client = database.connect().await;
    declare(&client, SCHEMA, "warn").await;
    client
        .batch_execute(
            "SELECT runmeta.start('a', task => 'import'), runmeta.start('b', task => 'import')",
        )
        .await
        .unwrap();
    let shown = database.psql(
        r#"\pset format unaligned
        \pset tuples_only
        \set VERBOSITY verbose
        SELECT runmeta.set('a', 'rows', '"secret"');
        SELECT runmeta.set('a', 'rows', '"other"'), runmeta.set('b', 'rows', '"other"');
        SELECT runmeta.set('b', '$.file.name', '1');
        SELECT runmeta.flush('[{"run": "a", "operations": [{"type": "set", "key": "rows", "value": -1}]}]');"#,
    );
    // The place in the source is not to be compared.
    let shown: Vec<&str> = shown
        .lines()
        .filter(|line| !line.starts_with("LOCATION") && !line.starts_with("CONTEXT"))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    WARNING:  23514: metadata of run "a" does not fit the contract of task "import"
    DETAIL:  At $.rows: value is not of type "integer".
    HINT:  Write what the schema in runmeta.contract asks for, or have its owner change it with runmeta.contract().
    2
    3|2
    WARNING:  23514: metadata of run "b" does not fit the contract of task "import"
    DETAIL:  At $.file.name: value is not of type "string"; at $.rows: value is not of type "integer".
    HINT:  Write what the schema in runmeta.contract asks for, or have its owner change it with runmeta.contract().
    3
    WARNING:  23514: metadata of run "a" does not fit the contract of task "import"
    DETAIL:  At $.rows: value is less than the minimum of 0.
    HINT:  Write what the schema in runmeta.contract asks for, or have its owner change it with runmeta.contract().
    (a,self,applied,4,,operations,)
    "#);
}
