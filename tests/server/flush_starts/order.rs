//! Batches that start, change and finish the same runs lock them in one order and never deadlock.

use tokio::task::JoinSet;

use super::{after, database, flush, flush_of};
use crate::harness::{process, rows, until_waiting};

const ONE: &str = r#"[{"type": "increment", "key": "n"}]"#;

/// Runs that are not locked.
const FREE: &str = "SELECT string_agg(id, '' ORDER BY id) FROM (SELECT id FROM runmeta.run FOR UPDATE SKIP LOCKED) AS r";

#[tokio::test]
async fn all_that_a_batch_changes_is_locked_in_the_order_of_ids() {
    for batch in [
        r#"[{"run": "g", "finish": {}}, {"run": "e", "status": "x"}, {"run": "a", "start": {"attempt": 2}}, {"run": "c", "operations": [{"type": "increment", "key": "n"}]}]"#,
        // A start that decides whether the parent is reached, which is first in the order of the work.
        r#"[{"run": "g", "start": {"attempt": 1}, "parentOperations": [{"type": "increment", "key": "n"}], "finish": {}}, {"run": "e", "status": "x"},
            {"run": "a", "start": {"attempt": 2}}, {"run": "c", "operations": [{"type": "increment", "key": "n"}]}]"#,
    ] {
        let (database, client) = after(
            "SELECT runmeta.start('c'); SELECT runmeta.start('a'), runmeta.start('e'), runmeta.start('g', parent_run_id => 'c')",
        )
        .await;
        let holder = database.connect().await;
        let observer = database.connect().await;
        let waiting = process(&client).await;
        let hold = "BEGIN; SELECT FROM runmeta.run WHERE id = 'e' FOR UPDATE";
        holder.batch_execute(hold).await.unwrap();
        let batch = batch.to_owned();
        let flushing = tokio::spawn(async move { flush(&client, &batch).await });
        until_waiting(&observer, waiting).await;
        assert_eq!(rows(&observer, FREE).await, "g");
        holder.batch_execute("COMMIT").await.unwrap();
        let answer = flushing.await.unwrap();
        assert!(
            !answer.contains("stale") && answer.contains("g | finish | applied"),
            "{answer}"
        );
    }
}

const SESSIONS: usize = 6;
const BATCHES: usize = 20;

/// Each batch has all runs in another order. Half of them exist, the others are made by whichever session is first.
#[tokio::test]
async fn batches_over_the_same_runs_never_deadlock() {
    let (database, client) = after(
        "SELECT runmeta.start('tree ' || i) FROM generate_series(1, 5) AS i;
         SELECT runmeta.start(i % 7 || ' run ' || i, parent_run_id => 'tree ' || i % 5 + 1) FROM generate_series(1, 20) AS i;",
    )
    .await;
    let mut sessions = JoinSet::new();
    for session in 0..SESSIONS {
        let client = database.connect().await;
        sessions.spawn(async move {
            for batch in 0..BATCHES {
                let flush = format!(
                    r#"SELECT count(*) FILTER (WHERE outcome = 'not_found') FROM runmeta.flush((
                        SELECT jsonb_agg(CASE (i + {session} + {batch}) % 4
                            WHEN 0 THEN jsonb_build_object('run', id, 'start', start, 'parentOperations', '{ONE}'::jsonb, 'operations', '{ONE}'::jsonb)
                            WHEN 1 THEN jsonb_build_object('run', id, 'start', start || '{{"attempt": {batch}}}', 'rootOperations', '{ONE}'::jsonb, 'finish', '{{}}'::jsonb)
                            WHEN 2 THEN jsonb_build_object('run', id, 'start', start, 'status', 's{session}')
                            ELSE jsonb_build_object('run', 'tree ' || i % 5 + 1, 'operations', '{ONE}'::jsonb, 'status', 's{session}') END
                            ORDER BY md5(id || '{session}/{batch}'))
                        FROM generate_series(1, 40 + {batch}) AS i, LATERAL (VALUES (i % 7 || ' run ' || i,
                            jsonb_build_object('parent', 'tree ' || i % 5 + 1))) AS r (id, start)))"#
                );
                let flush = flush.replace("\"attempt\": 0", "\"attempt\": 1");
                assert_eq!(rows(&client, &flush).await, "0");
            }
        });
    }
    while let Some(session) = sessions.join_next().await {
        session.unwrap();
    }
    let lost = "SELECT count(*) FROM runmeta.run AS r WHERE parent_id IS NOT NULL AND (root_id <> parent_id OR depth <> 1)";
    assert_eq!(rows(&client, lost).await, "0");
}

#[tokio::test]
async fn two_batches_that_start_the_same_runs_in_opposite_order_make_each_once() {
    let (database, first) = database().await;
    let second = database.connect().await;
    let observer = database.connect().await;
    let waiting = process(&second).await;
    let entries = |order: &str| {
        format!(
            r#"(SELECT jsonb_agg(jsonb_build_object('run', 'r' || i, 'start', CASE i WHEN 5 THEN '{{}}' ELSE '{{"parent": "r5"}}'::jsonb END, 'operations', '{ONE}'::jsonb,
                'parentOperations', '{ONE}'::jsonb) ORDER BY i {order}) FROM generate_series(1, 9) AS i)"#
        )
    };
    let flush = |order| {
        format!(
            "SELECT part, outcome, count(*) FROM runmeta.flush({}) GROUP BY 1, 2 ORDER BY 1",
            entries(order)
        )
    };
    first.batch_execute("BEGIN").await.unwrap();
    assert_eq!(
        rows(&first, &flush("ASC")).await,
        "operations | applied | 18\nstart | applied | 9"
    );
    let descending = flush("DESC");
    let later = tokio::spawn(async move { rows(&second, &descending).await });
    until_waiting(&observer, waiting).await;
    first.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        later.await.unwrap(),
        "operations | applied | 18\nstart | unchanged | 9"
    );
    let sums =
        "SELECT sum((metadata ->> 'n')::int), count(*), count(DISTINCT root_id) FROM runmeta.run";
    assert_eq!(rows(&observer, sums).await, "36 | 9 | 1");
}

/// The other session makes the parent elsewhere, so the children that were inserted under it are inserted again.
#[tokio::test]
async fn children_follow_a_parent_that_another_session_starts_elsewhere_meanwhile() {
    for (end, root, depth) in [("COMMIT", "top", "2"), ("ROLLBACK", "p", "1")] {
        let (database, other) = after("SELECT runmeta.start('top')").await;
        let client = database.connect().await;
        let observer = database.connect().await;
        let waiting = process(&client).await;
        other
            .batch_execute("BEGIN; SELECT runmeta.start('p', parent_run_id => 'top')")
            .await
            .unwrap();
        let batch = r#"[{"run": "a", "start": {"parent": "p"}}, {"run": "p", "start": {}}, {"run": "z", "start": {"parent": "p"}}]"#;
        let flush = tokio::spawn(async move { rows(&client, &flush_of(batch)).await });
        until_waiting(&observer, waiting).await;
        other.batch_execute(end).await.unwrap();
        let of_p = if end == "COMMIT" {
            "unchanged"
        } else {
            "applied"
        };
        assert_eq!(
            flush.await.unwrap(),
            format!(
                "a | start | applied | 1 | NULL\np | start | {of_p} | 1 | NULL\nz | start | applied | 1 | NULL"
            )
        );
        let tree = "SELECT DISTINCT root_id, depth FROM runmeta.run WHERE parent_id = 'p'";
        assert_eq!(rows(&observer, tree).await, format!("{root} | {depth}"));
    }
}
