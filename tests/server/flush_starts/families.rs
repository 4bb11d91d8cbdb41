//! Parents and children that one batch starts.

use super::{after, database, flush, runs};
use crate::harness::rows;

const TREE: &str = "SELECT id, root_id, parent_id, depth FROM runmeta.run ORDER BY id";
const ONE: &str = r#"[{"type": "increment", "key": "n"}]"#;

#[tokio::test]
async fn a_parent_may_stand_before_or_behind_its_children() {
    let (_database, client) = after("SELECT runmeta.start('root')").await;
    let entry = |run: &str, parent: &str| {
        format!(
            r#"{{"run": "{run}", "start": {{"parent": "{parent}"}}, "parentOperations": {ONE}, "rootOperations": {ONE}}}"#
        )
    };
    let batch = [
        entry("z", "m"),
        entry("a", "m"),
        entry("m", "b"),
        entry("b", "root"),
    ]
    .join(",");
    let answer = flush(&client, &format!("[{batch}]")).await;
    assert_eq!(answer.matches("| applied |").count(), 12, "{answer}");
    assert_eq!(
        rows(&client, TREE).await,
        "a | root | m | 3\nb | root | root | 1\nm | root | b | 2\nroot | root | NULL | 0\nz | root | m | 3"
    );
    let counts =
        "SELECT string_agg(id || ' ' || (metadata ->> 'n'), ', ' ORDER BY id) FROM runmeta.run";
    assert_eq!(rows(&client, counts).await, "b 1, m 2, root 5");
}

#[tokio::test]
async fn a_parent_is_started_by_the_first_of_its_starts_that_has_a_place() {
    let start = |(run, parent): (&str, &str)| match parent {
        "" => format!(r#"{{"run": "{run}", "start": {{}}}}"#),
        parent => format!(r#"{{"run": "{run}", "start": {{"parent": "{parent}"}}}}"#),
    };
    for (starts, outcomes, tree) in [
        (
            &[("d", "x"), ("d", ""), ("b", "d")][..],
            "not_found applied applied",
            "b d 1, d d 0",
        ),
        (
            &[("b", "d"), ("d", "x"), ("d", ""), ("d", "y")],
            "applied not_found applied unchanged",
            "b d 1, d d 0",
        ),
        // Runs that are each other's parents: the first one of the batch gives way last.
        (
            &[("a", "b"), ("b", "a"), ("a", ""), ("b", "")],
            "applied not_found unchanged applied",
            "a b 1, b b 0",
        ),
        (
            &[("c", "a"), ("a", "b"), ("b", "a"), ("a", "")],
            "applied not_found not_found applied",
            "a a 0, c a 1",
        ),
        (
            &[("a", "b"), ("b", "a"), ("c", "b")],
            "not_found not_found not_found",
            "",
        ),
    ] {
        let (_database, client) = database().await;
        let batch: Vec<String> = starts.iter().copied().map(start).collect();
        let flush = format!(
            "SELECT array_to_string(ARRAY(SELECT outcome FROM runmeta.flush('[{}]')), ' ')",
            batch.join(",")
        );
        assert_eq!(rows(&client, &flush).await, outcomes, "{starts:?}");
        const TREE: &str = "SELECT COALESCE(string_agg(concat_ws(' ', id, root_id, depth), ', ' ORDER BY id), '') FROM runmeta.run";
        assert_eq!(rows(&client, TREE).await, tree, "{starts:?}");
    }
}

#[tokio::test]
async fn ten_thousand_children_start_with_their_parent_in_one_statement() {
    let (_database, client) = database().await;
    let flush = r#"SELECT part, outcome, version, count(*) FROM runmeta.flush((
        SELECT jsonb_agg(jsonb_build_object('run', 'job ' || i, 'start', jsonb_build_object('parent', 'nightly', 'status', 'queued')))
        FROM generate_series(1, 10000) AS i) || '[{"run": "nightly", "start": {"metadata": {"jobs": 10000}}}]') GROUP BY 1, 2, 3"#;
    assert_eq!(rows(&client, flush).await, "start | applied | 1 | 10001");
    let tree =
        "SELECT root_id, parent_id, depth, count(*) FROM runmeta.run GROUP BY 1, 2, 3 ORDER BY 3";
    assert_eq!(
        rows(&client, tree).await,
        "nightly | NULL | 0 | 1\nnightly | nightly | 1 | 10000"
    );
    assert_eq!(rows(&client, flush).await, "start | unchanged | 1 | 10001");
}

#[tokio::test]
async fn a_chain_of_ten_thousand_runs_starts_in_any_order() {
    let (_database, client) = database().await;
    let flush = "SELECT outcome, count(*) FROM runmeta.flush((
        SELECT jsonb_agg(jsonb_build_object('run', 'r' || i, 'start', CASE i WHEN 1 THEN '{}' ELSE jsonb_build_object('parent', 'r' || i - 1) END)
            ORDER BY md5(i::text))
        FROM generate_series(1, 10000) AS i)) GROUP BY 1";
    assert_eq!(rows(&client, flush).await, "applied | 10000");
    let depth = "SELECT max(depth), count(DISTINCT root_id), count(*) FILTER (WHERE depth = substr(id, 2)::int - 1) FROM runmeta.run";
    assert_eq!(rows(&client, depth).await, "9999 | 1 | 10000");
}

#[tokio::test]
async fn runs_that_are_each_others_parents_are_not_found() {
    let (_database, client) = database().await;
    let batch = r#"[{"run": "a", "start": {"parent": "b"}}, {"run": "b", "start": {"parent": "c"}}, {"run": "c", "start": {"parent": "a"}},
        {"run": "self", "start": {"parent": "self"}}, {"run": "below", "start": {"parent": "a"}}, {"run": "fine", "start": {}}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "a | start | not_found | NULL | NULL\nb | start | not_found | NULL | NULL\nc | start | not_found | NULL | NULL\n\
         self | start | not_found | NULL | NULL\nbelow | start | not_found | NULL | NULL\nfine | start | applied | 1 | NULL"
    );
    assert_eq!(rows(&client, TREE).await, "fine | fine | NULL | 0");
}

#[tokio::test]
async fn children_of_a_parent_that_cannot_be_started_are_not_found() {
    let (_database, client) = database().await;
    let batch = r#"[{"run": "child", "start": {"parent": "bad"}}, {"run": "bad", "start": {"status": "done"}}, {"run": "below", "start": {"parent": "child"}}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "child | start | not_found | NULL | NULL\nbad | start | invalid | NULL | [{\"reason\": \"final_status\"}]\nbelow | start | not_found | NULL | NULL"
    );
}

#[tokio::test]
async fn a_parent_that_exists_keeps_its_place_whatever_its_start_says() {
    let (_database, client) = after(
        "SELECT runmeta.start('root'), runmeta.start('other'); SELECT runmeta.start('p', parent_run_id => 'root'), runmeta.finish('p')",
    )
    .await;
    let batch = r#"[{"run": "p", "start": {"parent": "other"}}, {"run": "c", "start": {"parent": "p"}}, {"run": "root", "start": {"parent": "p"}},
        {"run": "p", "start": {"parent": "nobody", "attempt": 1}}]"#;
    assert_eq!(
        flush(&client, batch).await,
        "p | start | closed | 2 | NULL\nc | start | applied | 1 | NULL\nroot | start | unchanged | 1 | NULL\np | start | unchanged | 2 | NULL"
    );
    assert_eq!(
        rows(&client, TREE).await,
        "c | root | p | 2\nother | other | NULL | 0\np | root | root | 1\nroot | root | NULL | 0"
    );
}

#[tokio::test]
async fn a_stale_child_whose_id_is_behind_its_parents_does_not_reach_the_parent() {
    let (_database, client) = after(
        "SELECT runmeta.start('a'), runmeta.start('z', parent_run_id => 'a'), runmeta.start('y', parent_run_id => 'z', attempt => 2);
         SELECT runmeta.start('b', parent_run_id => 'z')",
    )
    .await;
    let batch = format!(
        r#"[{{"run": "y", "start": {{"attempt": 1}}, "parentOperations": {ONE}, "rootOperations": {ONE}}},
            {{"run": "z", "start": {{"attempt": 2}}, "parentOperations": {ONE}}},
            {{"run": "b", "start": {{}}, "parentOperations": {ONE}, "rootOperations": {ONE}}}]"#
    );
    assert_eq!(
        flush(&client, &batch).await,
        "y | start | stale | 1 | NULL\ny | operations | stale | NULL | NULL\ny | operations | stale | NULL | NULL\n\
         z | start | applied | 2 | NULL\nz | operations | applied | 2 | NULL\n\
         b | start | unchanged | 1 | NULL\nb | operations | applied | 3 | NULL\nb | operations | applied | 2 | NULL"
    );
    assert_eq!(
        runs(&client).await,
        "a | 1 | running | 2 | t | f | {\"n\": 2}\nb | 1 | running | 1 | t | f | {}\ny | 2 | running | 1 | t | f | {}\nz | 2 | running | 3 | t | f | {\"n\": 1}"
    );
}
