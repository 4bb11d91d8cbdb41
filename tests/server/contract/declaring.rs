//! Setting and removing contracts.

use super::{SCHEMA, declare, has_trigger};
use crate::harness::{Database, refusal, rows};

#[tokio::test]
async fn trigger_comes_with_the_first_contract_and_goes_with_the_last() {
    let database = Database::new().await;
    let client = database.connect().await;
    assert!(!has_trigger(&client).await);
    assert!(declare(&client, SCHEMA, "warn").await);
    assert!(has_trigger(&client).await);
    let other = "SELECT runmeta.contract('mail', '{}')";
    assert_eq!(rows(&client, other).await, "t");
    let remove = |task: &str| format!("SELECT runmeta.contract('{task}', NULL)");
    assert_eq!(rows(&client, &remove("mail")).await, "t");
    assert!(has_trigger(&client).await);
    assert_eq!(rows(&client, &remove("mail")).await, "f");
    assert!(has_trigger(&client).await);
    assert_eq!(rows(&client, &remove("import")).await, "t");
    assert!(!has_trigger(&client).await);
    assert_eq!(rows(&client, &remove("import")).await, "f");
}

/// A restore of data alone brings contracts, and `DROP EXTENSION` takes the trigger.
#[tokio::test]
async fn migrating_makes_a_trigger_that_is_missing() {
    let database = Database::new().await;
    let mut client = database.connect().await;
    let insert = "INSERT INTO runmeta.contract (task, schema, mode) VALUES ('import', '{\"required\": [\"rows\"]}', 'enforce')";
    client.batch_execute(insert).await.unwrap();
    assert!(!has_trigger(&client).await);
    for lose in ["", "DROP EXTENSION runmeta CASCADE"] {
        client.batch_execute(lose).await.unwrap();
        runmeta_migrations::migrate(&mut client).await.unwrap();
        assert!(has_trigger(&client).await);
        let start = client.simple_query("SELECT runmeta.start('a', task => 'import')");
        assert!(refusal(start.await).starts_with("23514: "));
        let bad = client.simple_query("UPDATE runmeta.contract SET schema = '[]'");
        assert!(refusal(bad.await).starts_with("22023: "));
    }
}

#[tokio::test]
async fn same_contract_again_changes_nothing_and_locks_nothing() {
    let database = Database::new().await;
    let (client, mut other) = (database.connect().await, database.connect().await);
    assert!(declare(&client, SCHEMA, "warn").await);
    client
        .batch_execute("SELECT runmeta.start('a', task => 'import')")
        .await
        .unwrap();
    // Whoever writes holds up a contract that changes.
    let writing = other.transaction().await.unwrap();
    writing
        .batch_execute("SELECT runmeta.set('a', 'rows', '1')")
        .await
        .unwrap();
    client
        .batch_execute("SET lock_timeout = '50ms'")
        .await
        .unwrap();
    assert!(!declare(&client, SCHEMA, "warn").await);
    let change = client.simple_query("SELECT runmeta.contract('import', '{}')");
    assert_eq!(
        refusal(change.await),
        "55P03: canceling statement due to lock timeout"
    );
    writing.commit().await.unwrap();
    assert!(declare(&client, SCHEMA, "enforce").await);
}

#[tokio::test]
async fn contract_that_is_rolled_back_leaves_nothing() {
    let database = Database::new().await;
    let mut client = database.connect().await;
    let start = "SELECT runmeta.start('a', task => 'import')";
    client.batch_execute(start).await.unwrap();
    let declaring = client.transaction().await.unwrap();
    declaring
        .batch_execute(r#"SELECT runmeta.contract('import', '{"required": ["rows"]}', 'enforce'); SAVEPOINT checked"#)
        .await
        .unwrap();
    let write = "SELECT runmeta.set('a', 'file', '1')";
    assert!(refusal(declaring.simple_query(write).await).starts_with("23514: "));
    declaring.rollback().await.unwrap();
    assert!(!has_trigger(&client).await);
    client.batch_execute(write).await.unwrap();
}

#[tokio::test]
async fn contract_of_a_savepoint_that_is_rolled_back_is_not_remembered() {
    let database = Database::new().await;
    let mut client = database.connect().await;
    declare(&client, "{}", "enforce").await;
    let start = "SELECT runmeta.start('a', task => 'import')";
    client.batch_execute(start).await.unwrap();
    let declaring = client.transaction().await.unwrap();
    declaring
        .batch_execute(
            r#"SAVEPOINT before;
            SELECT runmeta.contract('import', '{"required": ["rows"]}', 'enforce');
            SELECT runmeta.set('a', 'rows', '1');
            ROLLBACK TO before;
            SELECT runmeta.set('a', 'file', '1')"#,
        )
        .await
        .unwrap();
    declaring.commit().await.unwrap();
}

#[tokio::test]
async fn schema_that_is_none_is_refused_with_the_place() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mut refusals = Vec::new();
    for schema in [
        r#"{"properties": {"rows": {"type": "number", "minimum": "one"}}}"#,
        r#"{"properties": {"a.b": {"pattern": "("}}}"#,
        r#"{"properties": {"name": {"pattern": "^(?!x)"}}}"#,
        r#"{"$ref": "https://example.com/schema.json"}"#,
        r##"{"$ref": "#/$defs/missing"}"##,
        r#"{"$ref": "file:///etc/passwd"}"#,
        r#"{"$schema": "https://example.com/schema.json"}"#,
        r#"{"maximum": 1e400}"#,
        "[]",
        "true",
    ] {
        let set = "SELECT runmeta.contract('import', $1::text::jsonb)";
        refusals.push(refusal(client.query(set, &[&schema]).await));
    }
    for arguments in [
        "'import', '{}', 'off'",
        "'', '{}'",
        "NULL, '{}'",
        "'import', '{}', NULL",
    ] {
        let set = format!("SELECT runmeta.contract({arguments})");
        refusals.push(refusal(client.simple_query(&set).await));
    }
    insta::assert_snapshot!(refusals.join("\n\n"), @r#"
    22023: schema is not a valid JSON Schema
    DETAIL: At $.properties.rows.minimum: "one" is not of type "number".
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.

    22023: schema is not a valid JSON Schema
    DETAIL: At $.properties["a.b"].pattern: "(" is not a "regex".
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.

    22023: schema is not a valid JSON Schema
    DETAIL: At $.properties.name.pattern: "^(?!x)" is not a "regex".
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.

    22023: schema is not a valid JSON Schema
    DETAIL: At $: Resource 'https://example.com/schema.json' is not present in a registry and retrieving it failed: Retrieval is disabled, cannot fetch https://example.com/schema.json.
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.

    22023: schema is not a valid JSON Schema
    DETAIL: At $: Pointer '/$defs/missing' does not exist.
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.

    22023: schema is not a valid JSON Schema
    DETAIL: At $: Resource 'file:///etc/passwd' is not present in a registry and retrieving it failed: Retrieval is disabled, cannot fetch file:///etc/passwd.
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.

    22023: schema is not a valid JSON Schema
    DETAIL: At $: Unknown meta-schema: 'https://example.com/schema.json'. Custom meta-schemas must be registered in the registry before use.
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.

    22023: schema is not a valid JSON Schema
    DETAIL: At $: a number is beyond those of 64-bit floats.
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.

    22023: schema is not a valid JSON Schema
    DETAIL: At $: is not an object.
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.

    22023: schema is not a valid JSON Schema
    DETAIL: At $: is not an object.
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.

    22023: unknown mode: "off"
    HINT: Write warn or enforce.

    22023: task has 0 bytes
    DETAIL: A task has 1 to 255 bytes.
    HINT: Give a shorter text, or a hash of it, and never an empty one.

    22004: task is null
    HINT: Give it a value that is not NULL.

    22004: mode is null
    HINT: Give it a value that is not NULL.
    "#);
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.contract").await,
        "0"
    );
    assert!(!has_trigger(&client).await);
}

#[tokio::test]
async fn row_that_is_written_by_hand_is_checked_too() {
    let database = Database::new().await;
    let client = database.connect().await;
    let insert = |schema: &str, mode: &str| {
        format!(
            "INSERT INTO runmeta.contract (task, schema, mode) VALUES ('import', '{schema}', '{mode}')"
        )
    };
    let mut refusals = Vec::new();
    for (schema, mode) in [("{}", "off"), (r#"{"type": "text"}"#, "warn")] {
        let refused = refusal(client.simple_query(&insert(schema, mode)).await);
        refusals.extend(refused.lines().next().map(str::to_owned));
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    23514: new row for relation "contract" violates check constraint "contract_mode_known"
    22023: schema is not a valid JSON Schema
    "#);
    client.batch_execute(&insert("{}", "warn")).await.unwrap();
}

#[tokio::test]
async fn draft_is_the_one_that_the_schema_names() {
    let database = Database::new().await;
    let client = database.connect().await;
    // In draft 4, exclusiveMinimum is a boolean and 1.0 no integer; in 2020-12 a format is a remark.
    let draft4 = r#"{"$schema": "http://json-schema.org/draft-04/schema#", "properties":
        {"rows": {"type": "integer", "minimum": 0, "exclusiveMinimum": true}, "at": {"format": "date-time"}}}"#;
    declare(&client, draft4, "enforce").await;
    client
        .batch_execute("SELECT runmeta.start('a', task => 'import')")
        .await
        .unwrap();
    for (key, value) in [("rows", "0"), ("rows", "1.0"), ("at", "\"noon\"")] {
        let set = format!("SELECT runmeta.set('a', '{key}', '{value}')");
        assert!(refusal(client.simple_query(&set).await).starts_with("23514: "));
    }
    declare(
        &client,
        r#"{"properties": {"rows": {"type": "integer"}, "at": {"format": "date-time"}}}"#,
        "enforce",
    )
    .await;
    let sets = r#"SELECT runmeta.set('a', 'rows', '1.0'), runmeta.set('a', 'at', '"noon"')"#;
    client.batch_execute(sets).await.unwrap();
}
