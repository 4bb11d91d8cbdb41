//! Whoever reads through functions or the view sees what waits, at once and exactly.

use super::{COUNT, LIVE, append, family, queueing, run};

#[tokio::test]
async fn every_reading_function_sees_what_waits() {
    let (_database, client) = family().await;
    client
        .batch_execute("SELECT runmeta.start('grandchild', parent_run_id => 'child')")
        .await
        .unwrap();
    run(
        &client,
        &format!(
            "{COUNT}; {}; SELECT runmeta.set('grandchild', 'n', '5', 'parent')",
            append("1")
        ),
    )
    .await;
    let reads = r"
        SELECT runmeta.get('top'), runmeta.get('top', 'n'), runmeta.get('child', 'n');
        SELECT metadata, version FROM runmeta.ancestors('grandchild');
        SELECT metadata, version FROM runmeta.descendants('top') WHERE id = 'child';
        SELECT metadata, version FROM runmeta.tree('top') WHERE depth < 2 ORDER BY id;
        SELECT count, sum FROM runmeta.rollup('top', 'n', include_self => true);
        SELECT run_id, sum FROM runmeta.rollup_each('{top,child}', 'n', include_self => true)";
    assert_eq!(
        run(&client, reads).await,
        r#"{"n": 1, "list": [1]} | 1 | 5
{"n": 5} | 2
{"n": 1, "list": [1]} | 3
{"n": 5} | 2
{"n": 5} | 2
{} | 1
{"n": 1, "list": [1]} | 3
2 | 6
top | 6
child | 5"#
    );
}

#[tokio::test]
async fn view_has_the_columns_of_the_table_and_what_get_returns() {
    let (_database, client) = family().await;
    run(&client, &format!("{COUNT}; {}", append("1"))).await;
    let columns = "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ',' ORDER BY attname)
        FROM pg_attribute WHERE attrelid = '$'::regclass AND attnum > 0 AND NOT attisdropped";
    assert_eq!(
        run(&client, &columns.replace('$', "runmeta.run")).await,
        run(&client, &columns.replace('$', "runmeta.live_run")).await
    );
    let same = "SELECT bool_and(l.metadata = runmeta.get(l.id)), bool_and(l.updated_at >= r.updated_at),
        bool_or(l.updated_at > r.updated_at) FROM runmeta.live_run AS l JOIN runmeta.run AS r USING (id)";
    assert_eq!(run(&client, same).await, "t | t | t");
}

#[tokio::test]
async fn view_is_looked_up_by_index_and_pays_for_selected_columns_only() {
    let (_database, client) = family().await;
    let plan = run(&client, "SET enable_seqscan = off; EXPLAIN (VERBOSE, COSTS OFF) SELECT id, status FROM runmeta.live_run WHERE id = 'top'").await;
    assert!(plan.contains("Index Scan using run_"), "{plan}");
    assert!(!plan.contains("_live"), "{plan}");
}

/// A transaction that has written something reads with the snapshot of the statement too: with a newer one, a list that
/// was folded meanwhile would be missing in both.
#[tokio::test]
async fn statement_sees_each_list_once_while_others_fold() {
    let (database, client) = family().await;
    let (writer, reader) = (queueing(&database).await, queueing(&database).await);
    reader
        .batch_execute("BEGIN; SELECT runmeta.start('mine')")
        .await
        .unwrap();
    let write = async {
        for _ in 0..300 {
            run(&writer, COUNT).await;
            run(&writer, "SELECT runmeta.fold()").await;
        }
    };
    let read = async {
        let (mut last, mut reads) = ((0, 0), 0);
        while last.0 < 300 {
            let row = reader
                .query_one("SELECT (metadata ->> 'n')::bigint, version FROM runmeta.live_run WHERE id = 'top'", &[])
                .await
                .unwrap();
            let now: (i64, i64) = (row.get(0), row.get(1));
            assert!(now >= last, "{now:?} after {last:?}");
            assert_eq!(now.1, now.0 + 1);
            (last, reads) = (now, reads + 1);
        }
        reads
    };
    let ((), reads) = tokio::join!(write, read);
    assert!(reads > 1);
    assert_eq!(run(&client, LIVE).await, r#"{"n": 300, "list": []} | 301"#);
}

#[tokio::test]
async fn plain_select_is_behind_until_the_fold() {
    let (_database, client) = family().await;
    run(&client, COUNT).await;
    let plain = "SELECT metadata -> 'n' FROM runmeta.run WHERE id = 'top'";
    assert_eq!(run(&client, plain).await, "0");
    run(&client, "SELECT runmeta.fold()").await;
    assert_eq!(run(&client, plain).await, "1");
}
