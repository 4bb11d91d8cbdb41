//! Batches bring lists for parents and roots into the inbox, and fold what waits for the runs that they write.

use crate::harness::Database;

use super::{COUNT, LIVE, STORED, append, family, run, waiting};

fn flush(batch: &str) -> String {
    format!("SELECT run_id, target, outcome, version, unapplied FROM runmeta.flush('{batch}')")
}

#[tokio::test]
async fn lists_for_parents_and_roots_are_queued_with_their_writer_exactly_once() {
    let (_database, client) = family().await;
    let batch = r#"[{"run": "child", "operations": [{"type": "set", "key": "a", "value": 1}],
        "parentOperations": [{"type": "increment", "key": "n", "value": 1}],
        "rootOperations": [{"type": "explode"}, {"type": "append", "key": "list", "value": 1}]},
        {"run": "second", "parentOperations": [{"type": "append", "key": "list", "value": 2}]},
        {"run": "nobody", "parentOperations": [{"type": "append", "key": "list", "value": 3}]}]"#;
    let numbered = format!(
        "SELECT run_id, target, outcome, version, unapplied -> 0 -> 'reason' FROM runmeta.flush('{batch}', '00000000-0000-4000-8000-000000000001', 1)"
    );
    assert_eq!(
        run(&client, &numbered).await,
        "child | self | applied | 2 | NULL\nchild | parent | queued | NULL | NULL\nchild | root | queued | NULL | \"unknown_type\"\nsecond | parent | queued | NULL | NULL\nnobody | parent | not_found | NULL | NULL"
    );
    assert_eq!(run(&client, LIVE).await, r#"{"n": 1, "list": [1, 2]} | 4"#);
    let again = run(&client, &numbered).await;
    assert_eq!(again.matches("duplicate").count(), 4, "{again}");
    let rows = "SELECT source_id, right(writer::text, 1) FROM runmeta.inbox ORDER BY id";
    assert_eq!(run(&client, rows).await, "child | 1\nchild | 1\nsecond | 1");
    run(&client, "SELECT runmeta.fold()").await;
    assert_eq!(
        run(&client, STORED).await,
        r#"{"n": 1, "list": [1, 2]} | 4"#
    );
}

#[tokio::test]
async fn flush_folds_before_it_applies() {
    let (_database, client) = family().await;
    for value in ["1", "2"] {
        run(&client, &append(value)).await;
    }
    let own = r#"[{"run": "top", "operations": [{"type": "append", "key": "list", "value": 3}]}]"#;
    assert_eq!(
        run(&client, &flush(own)).await,
        "top | self | applied | 4 | NULL"
    );
    assert_eq!(
        run(&client, STORED).await,
        r#"{"n": 0, "list": [1, 2, 3]} | 4"#
    );
    assert_eq!(waiting(&client).await, 0);
    run(&client, COUNT).await;
    let nothing = r#"[{"run": "top", "operations": [{"type": "set", "key": "n", "value": 1}]}]"#;
    assert_eq!(
        run(&client, &flush(nothing)).await,
        "top | self | unchanged | 5 | NULL"
    );
    assert_eq!(
        run(&client, STORED).await,
        r#"{"n": 1, "list": [1, 2, 3]} | 5"#
    );
}

/// What a batch brings for a run of which it brings own lists as well keeps the order of the batch.
#[tokio::test]
async fn lists_for_a_run_that_the_batch_writes_itself_keep_the_order_of_the_batch() {
    let (_database, client) = family().await;
    let batch = r#"[{"run": "child", "parentOperations": [{"type": "append", "key": "list", "value": 1}]},
        {"run": "top", "operations": [{"type": "append", "key": "list", "value": 2}], "parentOperations": [{"type": "append", "key": "list", "value": 3}]},
        {"run": "second", "rootOperations": [{"type": "append", "key": "list", "value": 4}]}]"#;
    let outcomes = run(&client, &flush(batch)).await;
    assert_eq!(outcomes.matches("applied | 2").count(), 4, "{outcomes}");
    assert_eq!(
        run(&client, STORED).await,
        r#"{"n": 0, "list": [1, 2, 3, 4]} | 2"#
    );
}

#[tokio::test]
async fn list_behind_one_that_may_not_wait_does_not_overtake_it() {
    let (_database, client) = family().await;
    client
        .batch_execute("SET runmeta.maximum_size = '32MB'")
        .await
        .unwrap();
    let large = "x".repeat(70_000);
    let batch = format!(
        r#"[{{"run": "child", "parentOperations": [{{"type": "append", "key": "list", "value": 1}}]}},
        {{"run": "child", "parentOperations": [{{"type": "set", "key": "text", "value": "{large}"}}, {{"type": "append", "key": "list", "value": 2}}]}},
        {{"run": "child", "parentOperations": [{{"type": "append", "key": "list", "value": 3}}]}}]"#
    );
    let outcomes = "SELECT outcome FROM runmeta.flush";
    assert_eq!(
        run(&client, &format!("{outcomes}('{batch}')")).await,
        "queued\napplied\napplied"
    );
    assert_eq!(
        run(&client, "SELECT runmeta.get('top', 'list')").await,
        "[1, 2, 3]"
    );
    assert_eq!(waiting(&client).await, 0);
}

#[tokio::test]
async fn own_list_for_a_large_document_waits_whichever_way_the_flush_takes() {
    let database = Database::with_worker().await;
    for (large, plans) in [("top", "auto"), ("other", "force_custom_plan")] {
        let client = database.connect().await;
        run(
            &client,
            &format!("SET plan_cache_mode = {plans}; SELECT runmeta.start('small')"),
        )
        .await;
        let start = "runmeta.start($1, jsonb_build_object('text', repeat('x', 200000), 'n', 0))";
        client
            .query_one(&format!("SELECT {start}"), &[&large])
            .await
            .unwrap();
        let count = r#""operations": [{"type": "increment", "key": "n"}]"#;
        let batch = format!(r#"[{{"run": "small", {count}}}, {{"run": "{large}", {count}}}]"#);
        let outcomes = run(
            &client,
            &format!("SELECT outcome FROM runmeta.flush('{batch}')"),
        )
        .await;
        assert_eq!(outcomes, "applied\nqueued", "{plans}");
        let read = format!("SELECT runmeta.get('{large}', 'n')");
        assert_eq!(run(&client, &read).await, "1");
    }
}
