//! The questions that everybody asks are answered by index, and no index makes updates slower.

use tokio_postgres::Client;

use crate::harness::{Database, by_hand, rows};

/// A database with 20,000 runs in 2,000 trees, of which one in 50 runs, and with the index by tags of the operations guide.
async fn many_runs() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    client
        .batch_execute(
            "INSERT INTO runmeta.run (root_id, id, parent_id, depth, task, tags, status, created_at, finished_at)
             SELECT 'import-' || r, CASE WHEN c = 0 THEN 'import-' || r ELSE 'import-' || r || '/chunk-' || c END,
                CASE WHEN c > 0 THEN 'import-' || r END, least(c, 1),
                CASE WHEN c = 0 THEN 'import' ELSE 'chunk' END || r % 10, ARRAY['tenant-' || r % 100, 'prod'],
                CASE WHEN r % 50 = 0 THEN 'running' ELSE 'completed' END, now() - r * interval '1 minute',
                CASE WHEN r % 50 <> 0 THEN now() END
             FROM generate_series(1, 2000) AS r, generate_series(0, 9) AS c;
             CREATE INDEX run_tags_idx ON runmeta.run USING gin (tags);
             ANALYZE runmeta.run;",
        )
        .await
        .unwrap();
    (database, client)
}

#[tokio::test]
async fn questions_that_everybody_asks_are_answered_by_index() {
    let (_database, client) = many_runs().await;
    for (question, index) in [
        (
            "WHERE parent_id IS NULL ORDER BY created_at DESC LIMIT 20",
            "run_created_at_idx",
        ),
        (
            "WHERE finished_at IS NULL ORDER BY created_at LIMIT 20",
            "run_unfinished_idx",
        ),
        (
            "WHERE finished_at IS NULL AND updated_at < now() - interval '1 hour'",
            "run_unfinished_idx",
        ),
        (
            "WHERE task = 'import3' ORDER BY created_at DESC LIMIT 20",
            "run_task_created_at_idx",
        ),
        (
            "WHERE task = 'import3' AND created_at >= now() - interval '1 hour'",
            "run_task_created_at_idx",
        ),
        (
            "WHERE tags @> '{tenant-7}' ORDER BY created_at DESC LIMIT 20",
            "run_tags_idx",
        ),
    ] {
        let plan = rows(
            &client,
            &format!("EXPLAIN SELECT id, status FROM runmeta.run {question}"),
        )
        .await;
        assert!(
            plan.contains(index) && !plan.contains("Seq Scan"),
            "{question}\n{plan}"
        );
    }
}

#[tokio::test]
async fn no_index_has_a_column_that_changes_while_a_run_works() {
    let database = Database::new().await;
    let client = database.connect().await;
    // In its condition as well as among its keys: both keep an update from being HOT.
    let columns = "
        SELECT string_agg(DISTINCT a.attname, ' ' ORDER BY a.attname)
        FROM pg_index AS i
        JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0
            AND (d.objid = i.indexrelid OR d.objid IN (SELECT oid FROM pg_constraint WHERE conindid = i.indexrelid))
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid
        WHERE i.indrelid = 'runmeta.run'::regclass";
    assert_eq!(
        rows(&client, columns).await,
        "created_at finished_at id parent_id root_id task"
    );
}

#[tokio::test]
async fn updates_of_runs_are_hot() {
    let (_database, client) = many_runs().await;
    let hot = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relid = 'runmeta.run'::regclass";
    client
        .batch_execute(
            "BEGIN;
             SELECT runmeta.set(id, 'progress', '0.5') FROM runmeta.run WHERE id LIKE 'import-%50/%';
             SELECT runmeta.increment(id, 'rows', 1, 'parent') FROM runmeta.run WHERE id IN ('import-1/chunk-1', 'import-50/chunk-2')",
        )
        .await
        .unwrap();
    assert_eq!(rows(&client, hot).await, "182 | 182");
    client.batch_execute("ROLLBACK").await.unwrap();
}
