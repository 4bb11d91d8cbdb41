//! Schemas and documents that are made to do harm.

use super::{declare, enforced};
use crate::harness::{Database, refusal, rows};

#[tokio::test]
async fn schemas_that_are_too_large_are_refused() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mut refusals = Vec::new();
    for schema in [
        "jsonb_build_object('enum', (SELECT jsonb_agg(i) FROM generate_series(1, 20000) AS i))",
        "jsonb_build_object('description', repeat('x', 70000))",
        r#"(repeat('{"not":', 101) || '{}' || repeat('}', 101))::jsonb"#,
        r#"(repeat('{"not":', 5000) || '{}' || repeat('}', 5000))::jsonb"#,
        "jsonb_build_object('properties', (SELECT jsonb_object_agg('k' || i, jsonb_build_object('pattern', '^\\w{1,60}' || i)) FROM generate_series(1, 65) AS i))",
        "jsonb_build_object('patternProperties', (SELECT jsonb_object_agg('^k' || i, '{}'::jsonb) FROM generate_series(1, 65) AS i))",
        r#"'{"pattern": "^([ab]x?){1,300000}y$"}'"#,
    ] {
        refusals.push(refusal(
            client
                .simple_query(&format!("SELECT runmeta.contract('import', {schema})"))
                .await,
        ));
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    54000: schema is too large
    DETAIL: It has 108904 bytes as compact JSON, and the limit is 65536.
    HINT: Have the contract describe what reports and other programs rely on, and leave out the rest.
    54000: schema is too large
    DETAIL: It has 70018 bytes as compact JSON, and the limit is 65536.
    HINT: Have the contract describe what reports and other programs rely on, and leave out the rest.
    54000: schema is too large
    DETAIL: It nests more than 100 levels.
    HINT: Have the contract describe what reports and other programs rely on, and leave out the rest.
    54000: schema is too large
    DETAIL: It nests more than 100 levels.
    HINT: Have the contract describe what reports and other programs rely on, and leave out the rest.
    54000: schema is too large
    DETAIL: It has 65 patterns, and the limit is 64.
    HINT: Have the contract describe what reports and other programs rely on, and leave out the rest.
    54000: schema is too large
    DETAIL: It has 65 patterns, and the limit is 64.
    HINT: Have the contract describe what reports and other programs rely on, and leave out the rest.
    22023: schema is not a valid JSON Schema
    DETAIL: At $.pattern: "^([ab]x?){1,300000}y$" is not a "regex".
    HINT: Correct the schema. References to other documents are not followed, and patterns have no look-around and no backreferences.
    "#);
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.contract").await,
        "0"
    );
}

/// A backtracking engine takes 2^40 steps for the text.
#[tokio::test]
async fn pattern_takes_linear_time() {
    let (_database, client) = enforced(r#"{"properties": {"a": {"pattern": "^(a+)+$"}}}"#).await;
    client
        .batch_execute("SET statement_timeout = '60s'")
        .await
        .unwrap();
    let set = "SELECT runmeta.set('a', 'a', to_jsonb(repeat('a', 100000) || 'b'))";
    assert!(refusal(client.simple_query(set).await).starts_with("23514: "));
}

#[tokio::test]
async fn schema_that_refers_to_itself_is_followed_as_deep_as_the_document_goes() {
    let (_database, client) =
        enforced(r##"{"additionalProperties": {"$ref": "#"}, "type": "object"}"##).await;
    let deep = |levels: usize, inside: &str| {
        format!(
            "SELECT runmeta.replace('a', (repeat('{{\"a\":', {levels}) || '{inside}' || repeat('}}', {levels}))::jsonb)"
        )
    };
    client.batch_execute(&deep(99, "{}")).await.unwrap();
    assert!(refusal(client.simple_query(&deep(99, "1")).await).starts_with("23514: "));
    // Nothing at all follows.
    declare(&client, r##"{"$ref": "#"}"##, "enforce").await;
    client.batch_execute(&deep(50, "{}")).await.unwrap();
    // By hand a document may be deeper than ours may.
    let update = "UPDATE runmeta.run SET metadata = (repeat('{\"a\":', 5000) || '{}' || repeat('}', 5000))::jsonb";
    let refused = refusal(client.simple_query(update).await);
    assert!(
        refused.contains("the document nests more than 100 levels"),
        "{refused}"
    );
}

/// 900 references at each of a hundred levels would need 20 MB of stack.
#[tokio::test]
async fn chain_of_references_ends_with_an_error_and_not_with_the_server() {
    let (_database, client) = enforced("{}").await;
    let schema = r##"jsonb_build_object('$ref', '#/$defs/d1', '$defs', (
        SELECT jsonb_object_agg('d' || i, CASE WHEN i < 901 THEN jsonb_build_object('not', jsonb_build_object('$ref', '#/$defs/d' || (i + 1)))
            ELSE '{"type": "object", "properties": {"a": {"$ref": "#/$defs/d1"}}}' END)
        FROM generate_series(1, 901) AS i))"##;
    client
        .batch_execute(&format!(
            "SELECT runmeta.contract('import', {schema}, 'enforce')"
        ))
        .await
        .unwrap();
    let deep =
        "SELECT runmeta.replace('a', (repeat('{\"a\":', 99) || '{}' || repeat('}', 99))::jsonb)";
    assert!(
        refusal(client.simple_query(deep).await).starts_with("54001: stack depth limit exceeded")
    );
    client
        .batch_execute("SELECT runmeta.set('a', 'b', '1')")
        .await
        .unwrap();
}

/// Each level asks for the next one twice: 2^60 looks at one value.
#[tokio::test]
async fn schema_that_would_take_for_ever_is_cancelled() {
    let (_database, client) = enforced("{}").await;
    let schema = r##"jsonb_build_object('$ref', '#/$defs/d1', '$defs', (
        SELECT jsonb_object_agg('d' || i, CASE WHEN i < 60
            THEN format('{"anyOf": [{"allOf": [{"$ref": "#/$defs/d%1$s"}, {"required": ["x%2$s"]}]}, {"allOf": [{"$ref": "#/$defs/d%1$s"}, {"required": ["y%2$s"]}]}]}', i + 1, i)::jsonb
            ELSE '{"properties": {"a": {"type": "object"}}}' END)
        FROM generate_series(1, 60) AS i))"##;
    client
        .batch_execute(&format!(
            "SELECT runmeta.contract('import', {schema}, 'enforce')"
        ))
        .await
        .unwrap();
    client
        .batch_execute("SET statement_timeout = '500ms'")
        .await
        .unwrap();
    let set = client.simple_query("SELECT runmeta.set('a', 'a', '{}')");
    assert!(refusal(set.await).starts_with("57014: "));
}
