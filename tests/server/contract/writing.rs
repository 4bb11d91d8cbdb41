//! Single writes to runs whose task has a contract.

use super::{SCHEMA, declare, enforced};
use crate::harness::{refusal, rows};

#[tokio::test]
async fn document_that_does_not_fit_is_refused_with_the_place_and_nothing_changes() {
    let (_database, client) = enforced(SCHEMA).await;
    client
        .batch_execute("SELECT runmeta.set('a', 'rows', '1')")
        .await
        .unwrap();
    let mut refusals = Vec::new();
    for call in [
        "set('a', 'rows', '\"secret\"')",
        "increment('a', 'rows', -2)",
        "set('a', '$.file.name', '42')",
        "merge('a', '{\"rows\": 0.5, \"file\": {\"name\": [\"secret\"]}}')",
        "replace('a', '{\"rows\": null}')",
        "del('a', 'none')",
    ] {
        let result = client.simple_query(&format!("SELECT runmeta.{call}")).await;
        match result {
            Ok(_) => refusals.push(format!("{call} is taken")),
            Err(error) => refusals.push(refusal(Err::<(), _>(error))),
        }
    }
    insta::assert_snapshot!(refusals.join("\n\n"), @r#"
    23514: metadata of run "a" does not fit the contract of task "import"
    DETAIL: At $.rows: value is not of type "integer".
    HINT: Write what the schema in runmeta.contract asks for, or have its owner change it with runmeta.contract().

    23514: metadata of run "a" does not fit the contract of task "import"
    DETAIL: At $.rows: value is less than the minimum of 0.
    HINT: Write what the schema in runmeta.contract asks for, or have its owner change it with runmeta.contract().

    23514: metadata of run "a" does not fit the contract of task "import"
    DETAIL: At $.file.name: value is not of type "string".
    HINT: Write what the schema in runmeta.contract asks for, or have its owner change it with runmeta.contract().

    23514: metadata of run "a" does not fit the contract of task "import"
    DETAIL: At $.file.name: value is not of type "string"; at $.rows: value is not of type "integer".
    HINT: Write what the schema in runmeta.contract asks for, or have its owner change it with runmeta.contract().

    23514: metadata of run "a" does not fit the contract of task "import"
    DETAIL: At $.rows: value is not of type "integer".
    HINT: Write what the schema in runmeta.contract asks for, or have its owner change it with runmeta.contract().

    del('a', 'none') is taken
    "#);
    let run = "SELECT metadata, version FROM runmeta.run";
    assert_eq!(rows(&client, run).await, r#"{"rows": 1} | 2"#);
}

#[tokio::test]
async fn five_places_are_told_and_the_others_counted() {
    let schema = r#"{"additionalProperties": {"type": "integer"}}"#;
    let (_database, client) = enforced(schema).await;
    let texts = "SELECT runmeta.merge('a', (SELECT jsonb_object_agg('key ' || i || repeat('x', 300), 'secret') FROM generate_series(1, 500) AS i))";
    let refused = refusal(client.simple_query(texts).await);
    assert_eq!(refused.matches("; at ").count(), 4, "{refused}");
    assert!(refused.contains("; and 495 more."), "{refused}");
    assert!(
        refused.len() < 3000 && !refused.contains("secret"),
        "{refused}"
    );
}

#[tokio::test]
async fn start_and_a_further_attempt_are_checked_and_other_tasks_are_not() {
    let (_database, client) = enforced(SCHEMA).await;
    let start = |id: &str, task: &str, attempt: i32| {
        format!(
            r#"SELECT runmeta.start('{id}', '{{"rows": "one"}}', task => '{task}', attempt => {attempt})"#
        )
    };
    assert!(refusal(client.simple_query(&start("b", "import", 1)).await).starts_with("23514: "));
    assert!(refusal(client.simple_query(&start("a", "import", 2)).await).starts_with("23514: "));
    client.batch_execute(&start("c", "mail", 1)).await.unwrap();
    client
        .batch_execute("SELECT runmeta.start('d', '{\"rows\": \"one\"}')")
        .await
        .unwrap();
    let runs = "SELECT id, attempt FROM runmeta.run ORDER BY id";
    assert_eq!(rows(&client, runs).await, "a | 1\nc | 1\nd | 1");
}

#[tokio::test]
async fn update_by_hand_is_checked_and_so_is_another_task() {
    let (_database, client) = enforced(SCHEMA).await;
    client
        .batch_execute("SELECT runmeta.start('b', '{\"rows\": \"one\"}', task => 'mail')")
        .await
        .unwrap();
    for update in [
        "metadata = '{\"rows\": true}' WHERE id = 'a'",
        "metadata = '[]' WHERE id = 'a'",
        "metadata = '1' WHERE id = 'a'",
        "task = 'import' WHERE id = 'b'",
    ] {
        let update = format!("UPDATE runmeta.run SET {update}");
        assert!(refusal(client.simple_query(&update).await).starts_with("23514: "));
    }
    client
        .batch_execute("UPDATE runmeta.run SET task = NULL, metadata = '[]' WHERE id = 'a'")
        .await
        .unwrap();
}

/// A run that does not fit from before goes on: it changes its status, finishes, and is mended.
#[tokio::test]
async fn run_that_did_not_fit_before_finishes_and_is_mended() {
    let (_database, client) = enforced("{}").await;
    client
        .batch_execute("SELECT runmeta.set('a', 'rows', to_jsonb(repeat('x', 100000)))")
        .await
        .unwrap();
    declare(&client, SCHEMA, "enforce").await;
    client
        .batch_execute(
            "SELECT runmeta.set_status('a', 'waiting'), runmeta.set_status('a', 'running')",
        )
        .await
        .unwrap();
    let other = client.simple_query("SELECT runmeta.set('a', 'other', '1')");
    assert!(refusal(other.await).starts_with("23514: "));
    client
        .batch_execute("UPDATE runmeta.run SET metadata = metadata; SELECT runmeta.finish('a')")
        .await
        .unwrap();
    client
        .batch_execute("SELECT runmeta.set('a', 'rows', '1')")
        .await
        .unwrap();
}

#[tokio::test]
async fn runs_that_do_not_fit_are_found_before_a_contract_is_enforced() {
    let (_database, client) = enforced("{}").await;
    client
        .batch_execute(
            r#"SELECT runmeta.set('a', 'rows', '"many"'), runmeta.set('a', '$.file.name', '1');
            SELECT runmeta.start('b', '{"rows": 1}', task => 'import'), runmeta.start('c', '{"rows": -1}', task => 'import'),
                runmeta.start('d', '{"rows": -1}', task => 'mail')"#,
        )
        .await
        .unwrap();
    let stored = "SELECT * FROM runmeta.contract_violations('import')";
    assert_eq!(rows(&client, stored).await, "");
    let given = |runs: i32| {
        format!("SELECT * FROM runmeta.contract_violations('import', {runs}, '{SCHEMA}')")
    };
    insta::assert_snapshot!(rows(&client, &given(10)).await, @r#"
    c | $.rows | value is less than the minimum of 0
    a | $.file.name | value is not of type "string"
    a | $.rows | value is not of type "integer"
    "#);
    assert_eq!(rows(&client, &given(1)).await.lines().count(), 1);
    declare(&client, SCHEMA, "warn").await;
    assert_eq!(rows(&client, stored).await, rows(&client, &given(10)).await);
    let mut refusals = Vec::new();
    for arguments in [
        "'mail'",
        "'import', 0",
        "NULL",
        r#"'mail', 1, '{"type": 1}'"#,
    ] {
        let violations = format!("SELECT * FROM runmeta.contract_violations({arguments})");
        refusals.push(refusal(client.simple_query(&violations).await));
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    P0002: task "mail" has no contract
    HINT: Give the schema as the third argument, or set it first with runmeta.contract().
    22023: max_runs is not positive
    HINT: Give a whole number from 1.
    22004: task is null
    HINT: Give it a value that is not NULL.
    22023: schema is not a valid JSON Schema
    DETAIL: At $.type: 1 is not valid under any of the schemas listed in the 'anyOf' keyword.
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.
    "#);
}
