//! What waited and cannot be applied is kept, with the reason.

use super::{COUNT, family, queueing, run, waiting};
use crate::harness::{Role, by_hand, refusal};

#[tokio::test]
async fn operation_that_cannot_be_applied_any_more_is_kept_with_run_operation_and_reason() {
    let (_database, client) = family().await;
    run(&client, "SELECT runmeta.apply('child', '[{\"type\": \"set\", \"key\": \"n\", \"value\": \"word\"},
        {\"type\": \"set\", \"key\": \"$.n.x\", \"value\": 1}, {\"type\": \"set\", \"key\": \"k\", \"value\": 1}]', 'parent')").await;
    run(&client, "SELECT runmeta.fold()").await;
    let kept = "SELECT root_id, run_id, position, source_id, writer, operation, reason, detail FROM runmeta.unapplied";
    assert_eq!(
        run(&client, kept).await,
        r#"top | top | 1 | child | NULL | {"key": "$.n.x", "type": "set", "value": 1} | not_a_container | a scalar stands on the way, where an object or an array is needed"#
    );
    assert_eq!(
        run(&client, "SELECT runmeta.get('top')").await,
        r#"{"k": 1, "n": "word", "list": []}"#
    );
}

#[tokio::test]
async fn mistakes_that_need_no_document_are_refused_at_the_call() {
    let (_database, client) = family().await;
    for call in [
        "runmeta.set('child', '$.a[', '1', 'parent')",
        "runmeta.increment('child', 'n', 'NaN', 'parent')",
        "runmeta.append('child', 'list', '1', 'parent', keep => 0)",
        "runmeta.merge('child', '1', 'parent')",
        "runmeta.set('child', NULL, '1', 'parent')",
    ] {
        let refused = refusal(client.simple_query(&format!("SELECT {call}")).await);
        assert!(refused.starts_with("22"), "{call}: {refused}");
    }
    assert!(
        refusal(
            client
                .simple_query("SELECT runmeta.set('nobody', 'n', '1', 'parent')")
                .await
        )
        .starts_with("P0002")
    );
    assert_eq!(waiting(&client).await, 0);
    // Of a list the rest waits, and the call says what does not.
    let list = r#"[{"type": "explode"}, {"type": "set", "key": "a", "value": 1}, {"type": "set", "key": "$.[", "value": 1}]"#;
    assert_eq!(
        run(&client, &format!("SELECT version, unapplied -> 0 -> 'index', unapplied -> 1 -> 'index', jsonb_array_length(unapplied) FROM runmeta.apply('child', '{list}', 'parent')")).await,
        "NULL | 0 | 2 | 2"
    );
    assert_eq!(
        run(&client, "SELECT operations FROM runmeta.inbox").await,
        r#"[{"key": "a", "type": "set", "value": 1}]"#
    );
    run(&client, "SELECT runmeta.fold()").await;
    assert_eq!(
        run(&client, "SELECT count(*) FROM runmeta.unapplied").await,
        "0"
    );
}

#[tokio::test]
async fn last_hundred_of_a_run_are_kept_and_all_are_counted() {
    let (_database, client) = family().await;
    let remove = "SELECT count(runmeta.remove('child', 'n', to_jsonb(i), 'parent')) FROM generate_series(1, 130) AS i";
    run(&client, remove).await;
    run(&client, "SELECT runmeta.fold()").await;
    run(
        &client,
        "SELECT runmeta.remove('child', 'n', '\"last\"', 'parent'); SELECT runmeta.fold()",
    )
    .await;
    let kept = "SELECT count(*), min(position), max(position), min(operation ->> 'value'), max(operation ->> 'value'),
        min(reason), max(reason) FROM runmeta.unapplied";
    assert_eq!(
        run(&client, kept).await,
        "100 | 32 | 131 | 100 | last | not_an_array | not_an_array"
    );
}

#[tokio::test]
async fn large_operation_is_kept_without_its_value() {
    let (_database, client) = family().await;
    run(&client, "SELECT runmeta.remove('child', 'n', to_jsonb(repeat('x', 9000)), 'parent'); SELECT runmeta.fold()").await;
    assert_eq!(
        run(&client, "SELECT operation FROM runmeta.unapplied").await,
        r#"{"key": "n", "type": "remove"}"#
    );
}

/// Lists of a run that was deleted are no part of one that is started with its id.
#[tokio::test]
async fn run_with_the_id_of_a_deleted_one_gets_none_of_its_lists() {
    let (database, client) = family().await;
    by_hand(&client).await;
    let late = queueing(&database).await;
    late.batch_execute(&format!("BEGIN; {COUNT}"))
        .await
        .unwrap();
    run(&client, COUNT).await;
    let again = r#"DELETE FROM runmeta.run; SELECT runmeta.start('top', '{"n": 100}')"#;
    client.batch_execute(again).await.unwrap();
    late.batch_execute("COMMIT").await.unwrap();
    assert_eq!(waiting(&client).await, 2);
    let seen = "SELECT metadata, version FROM runmeta.live_run";
    assert_eq!(run(&client, seen).await, r#"{"n": 100} | 1"#);
    assert_eq!(
        run(&client, "SELECT runmeta.set('top', 'a', '1')").await,
        "2"
    );
    assert_eq!(run(&client, seen).await, r#"{"a": 1, "n": 100} | 2"#);
    assert_eq!(waiting(&client).await, 0);
    let kept = "SELECT run_id, source_id, reason, operation ->> 'key' FROM runmeta.unapplied";
    assert_eq!(
        run(&client, kept).await,
        ["top | child | run_not_found | n"; 2].join("\n")
    );
}

/// An index, a constraint or a trigger may refuse what a list makes of the document. Every write folds first, and would
/// fail for ever.
#[tokio::test]
async fn list_with_which_the_run_cannot_be_stored_is_unapplied_and_the_others_are_applied() {
    let (_database, client) = family().await;
    client
        .batch_execute(
            "CREATE INDEX ON runmeta.run (((metadata ->> 'rows')::int));
            ALTER TABLE runmeta.run ADD CHECK (COALESCE((metadata ->> 'n')::int, 0) < 3);
            CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN IF NEW.metadata ? 'no' THEN RAISE 'no'; ELSIF NEW.metadata ? 'out' THEN RETURN NULL; END IF; RETURN NEW; END $$;
            CREATE TRIGGER guard BEFORE UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION guard()",
        )
        .await
        .unwrap();
    for call in [
        "increment('child', 'n', 1, 'parent')",
        "set('child', 'rows', '\"secret\"', 'parent')",
        "increment('child', 'n', 1, 'parent')",
        "increment('child', 'n', 1, 'parent')",
        "set('child', 'no', '1', 'parent')",
        "set('child', 'rows', '7', 'parent')",
        "set('child', 'out', '1', 'parent')",
    ] {
        assert_eq!(
            run(&client, &format!("SELECT runmeta.{call}")).await,
            "NULL"
        );
    }
    assert_eq!(
        run(
            &client,
            "SELECT version FROM runmeta.live_run WHERE id = 'top'"
        )
        .await,
        "8"
    );
    let write = "SELECT runmeta.set('top', 'a', '1')";
    assert!(!refusal(client.simple_query(write).await).is_empty());
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "7");
    assert_eq!(waiting(&client).await, 0);
    // Readers have seen the version 8.
    assert_eq!(
        run(
            &client,
            "SELECT metadata, version FROM runmeta.live_run WHERE id = 'top'"
        )
        .await,
        r#"{"n": 2, "list": [], "rows": 7} | 8"#
    );
    assert_eq!(run(&client, write).await, "9");
    let kept =
        "SELECT operation ->> 'key', reason, detail FROM runmeta.unapplied ORDER BY position";
    let sqlstates = [
        ("rows", "22P02"),
        ("n", "23514"),
        ("no", "P0001"),
        ("out", "09000"),
    ];
    assert_eq!(
        run(&client, kept).await,
        sqlstates
            .map(|(key, code)| format!(
                "{key} | refused | the document was refused with SQLSTATE {code}"
            ))
            .join("\n")
    );
}

/// One fold finds out so many: the others wait for the next.
#[tokio::test]
async fn hundred_lists_with_which_the_run_cannot_be_stored_are_unapplied_by_two_folds() {
    let (_database, client) = family().await;
    client
        .batch_execute(
            "ALTER TABLE runmeta.run ADD CHECK (NOT metadata ? 'no');
            SELECT runmeta.set('child', 'no', to_jsonb(i), 'parent') FROM generate_series(1, 100) AS i;
            SELECT runmeta.fold()",
        )
        .await
        .unwrap();
    assert_eq!(waiting(&client).await, 36);
    run(&client, "SELECT runmeta.fold()").await;
    assert_eq!(waiting(&client).await, 0);
    let kept = "SELECT count(*), count(DISTINCT position), min(reason) FROM runmeta.unapplied;
        SELECT version FROM runmeta.run WHERE id = 'top'";
    assert_eq!(run(&client, kept).await, "100 | 100 | refused\n101");
}

/// Missing rights and objects fail every list: nothing is lost by them.
#[tokio::test]
async fn lists_are_kept_where_what_refuses_the_run_is_broken() {
    let (_database, client) = family().await;
    client
        .batch_execute(&format!(
            "CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN IF NEW.metadata ->> 'n' <> '0' THEN PERFORM FROM nowhere; END IF; RETURN NEW; END $$;
            CREATE TRIGGER guard BEFORE UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION guard();
            {COUNT}"
        ))
        .await
        .unwrap();
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "0");
    assert_eq!(waiting(&client).await, 1);
}

/// Row-level security shows the new run, and nothing of the one that had its id.
#[tokio::test]
async fn operations_of_a_deleted_run_are_hidden_from_whoever_starts_another_with_its_id() {
    let writer = Role::with("IN ROLE runmeta_writer");
    let (database, client) = family().await;
    by_hand(&client).await;
    client
        .batch_execute(
            "SELECT runmeta.set('child', '$.n.old', '\"secret\"', 'parent'); SELECT runmeta.fold();
            DELETE FROM runmeta.run; SELECT runmeta.start('top', '{\"n\": 0}', tags => '{new}');
            ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
            CREATE POLICY p ON runmeta.run USING ('new' = ANY (tags));
            SELECT runmeta.start('child', tags => '{new}', parent_run_id => 'top');
            SELECT runmeta.set('child', '$.n.new', '1', 'parent'); SELECT runmeta.fold()",
        )
        .await
        .unwrap();
    let keys = "SELECT operation ->> 'key' FROM runmeta.unapplied ORDER BY position";
    assert_eq!(run(&client, keys).await, "$.n.old\n$.n.new");
    let session = database.connect().await;
    session
        .batch_execute(&format!("SET ROLE {}", writer.quoted()))
        .await
        .unwrap();
    assert_eq!(run(&session, keys).await, "$.n.new");
}

#[tokio::test]
async fn lists_of_a_run_that_is_gone_are_folded_away() {
    let (_database, client) = family().await;
    by_hand(&client).await;
    run(&client, COUNT).await;
    client
        .batch_execute("DELETE FROM runmeta.run")
        .await
        .unwrap();
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "1");
    assert_eq!(waiting(&client).await, 0);
    assert_eq!(
        run(&client, "SELECT run_id, reason FROM runmeta.unapplied").await,
        "top | run_not_found"
    );
}

#[tokio::test]
async fn prune_takes_what_waits_and_what_was_unapplied_with_the_tree() {
    let (database, client) = family().await;
    run(
        &client,
        "SELECT runmeta.remove('child', 'n', '1', 'parent'); SELECT runmeta.fold()",
    )
    .await;
    client
        .batch_execute("SELECT runmeta.finish(id) FROM unnest('{child,second,top}'::text[]) AS id")
        .await
        .unwrap();
    run(&client, COUNT).await;
    assert_eq!(waiting(&client).await, 1);
    client
        .batch_execute("UPDATE runmeta.run SET finished_at = finished_at - interval '2 days'")
        .await
        .unwrap();
    let late = queueing(&database).await;
    late.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .await
        .unwrap();
    assert_eq!(
        run(&client, "SELECT runmeta.prune(now() - interval '1 day')").await,
        "3"
    );
    assert_eq!(waiting(&client).await, 0);
    assert_eq!(
        run(&client, "SELECT count(*) FROM runmeta.unapplied").await,
        "0"
    );
    // Whoever still sees the run of two days ago does not queue for it.
    assert!(refusal(late.simple_query(COUNT).await).starts_with("40001"));
}
