//! What the functions do otherwise where Citus has distributed the tables, as far as one server can show it. `make test-citus` runs the
//! other tests there.

use runmeta_migrations::{Layout, distribute};

use crate::harness::{Database, Role, rows};

const TREE: &str = r#"
    SELECT runmeta.start('top', '{"n": 1}', task => 'all'), runmeta.start('a', '{"n": 2.5}', parent_run_id => 'top', task => 'part'),
        runmeta.start('b', '{"n": "text"}', parent_run_id => 'top', task => 'part'), runmeta.start('c', parent_run_id => 'a'),
        runmeta.start('d', '{"n": 9e131071}', parent_run_id => 'c', task => 'part'), runmeta.start('e', '{"n": -4}', parent_run_id => 'd')"#;

#[tokio::test]
async fn rollup_of_one_tree_agrees_with_that_of_many() {
    let database = Database::new().await;
    let client = database.connect().await;
    client.batch_execute(TREE).await.unwrap();
    // Only the split layout finds the root of a run by itself.
    distribute(&mut database.connect().await, Layout::Split)
        .await
        .unwrap();
    let differing = "
        SELECT r.id, d.depth, t.task, i.is_own
        FROM (VALUES ('top'), ('a'), ('c'), ('e'), ('nobody')) AS r (id),
            (VALUES (NULL), (1), (2), (9)) AS d (depth), (VALUES (NULL), ('part'), ('none')) AS t (task),
            (VALUES (true), (false)) AS i (is_own)
        WHERE (SELECT o::text FROM runmeta._rollup_of(r.id, 'n', d.depth, t.task, i.is_own) AS o)
            IS DISTINCT FROM (SELECT (count, sum, min, max, average, missing, not_numbers)::text
                FROM runmeta.rollup_each(ARRAY[r.id], 'n', d.depth, t.task, i.is_own))";
    assert_eq!(rows(&client, differing).await, "");
    let some = "SELECT o::text FROM runmeta._rollup_of('top', 'n', NULL, NULL, true) AS o";
    assert_eq!(
        rows(&client, some).await,
        "(3,-0.5,-4,2.5,-0.16666666666666666667,1,2)"
    );
}

#[tokio::test]
async fn no_layout_of_one_server_is_taken_for_a_distributed_one() {
    let database = Database::new().await;
    let mut client = database.connect().await;
    for layout in [Layout::Split, Layout::Partitions(2), Layout::Plain] {
        distribute(&mut client, layout).await.unwrap();
        let found = rows(&client, "SELECT runmeta._is_distributed()").await;
        assert_eq!(found, "f", "{layout}");
    }
}

#[tokio::test]
async fn what_progress_shows_of_a_run_is_a_part_of_the_query() {
    let database = Database::new().await;
    let client = database.connect().await;
    let plan = rows(
        &client,
        "EXPLAIN (COSTS OFF) SELECT * FROM runmeta.progress WHERE id = 'top'",
    )
    .await;
    assert!(!plan.contains("Scan on _progress"), "{plan}");
    assert!(plan.contains("jsonb_each"), "{plan}");
}

#[tokio::test]
async fn lists_applied_in_a_shard_have_an_outcome_each() {
    let database = Database::new().await;
    let client = database.connect().await;
    let lists = r#"[[{"type": "increment", "key": "n"}], [], [{"type": "set", "key": "a", "value": "too long"}],
        [{"type": "shout"}, {"type": "set", "key": "b", "value": 2}]]"#;
    let of_a_run = format!(
        "SELECT a.*
        FROM (VALUES (false, 7::int8), (true, 7), (false, 9223372036854775807)) AS v (is_closed, version),
            runmeta._apply_in_shard('a', '{{\"n\": 1}}', v.version, 7, v.is_closed, '{lists}', 15) AS a"
    );
    insta::assert_snapshot!(rows(&client, &of_a_run).await, @r#"
    {"b": 2, "n": 2} | 13 | 8 | applied unchanged too_large applied | [null, null, null, [{"index": 0, "detail": "the type of the operation is missing or unknown; types are set, delete, update, merge, append, remove and increment", "reason": "unknown_type"}]]
    NULL | NULL | 7 | closed closed closed closed | NULL
    NULL | NULL | 9223372036854775807 | closed closed closed closed | NULL
    "#);
}

#[tokio::test]
async fn root_in_a_batch_is_a_hint() {
    let database = Database::new().await;
    let client = database.connect().await;
    client.batch_execute(TREE).await.unwrap();
    for layout in [Layout::Plain, Layout::Split, Layout::Partitions(3)] {
        distribute(&mut database.connect().await, layout)
            .await
            .unwrap();
        let entries = [
            ("top", "top"),
            ("a", "top"),
            ("b", "nobody"),
            ("c", "a"),
            ("nobody", "top"),
        ];
        let entries = entries.map(|(run, root)| {
            format!(
                r#"{{"run": "{run}", "root": "{root}", "operations": [{{"type": "increment", "key": "hints"}}]}}"#
            )
        });
        let flush = format!(
            "SELECT run_id, outcome FROM runmeta.flush('[{}]')",
            entries.join(", ")
        );
        let outcomes = rows(&client, &flush).await;
        assert_eq!(
            outcomes,
            "top | applied\na | applied\nb | applied\nc | applied\nnobody | not_found"
        );
    }
    let hints = "SELECT id, metadata->'hints' FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, hints).await, @r"
    a | 3
    b | 3
    c | 3
    d | NULL
    e | NULL
    top | 3
    ");
}

#[tokio::test]
async fn run_that_was_started_anew_in_another_tree_is_found_there() {
    let database = Database::new().await;
    let client = database.connect().await;
    distribute(&mut database.connect().await, Layout::Split)
        .await
        .unwrap();
    let count = r#"SELECT outcome FROM runmeta.flush('[{"run": "a", "operations": [{"type": "increment", "key": "n"}]}]')"#;
    client
        .batch_execute("SELECT runmeta.start('a'), runmeta.start('top')")
        .await
        .unwrap();
    assert_eq!(rows(&client, count).await, "applied");
    for again in [
        "SELECT runmeta.finish('a')",
        "UPDATE runmeta.run SET finished_at = '2026-01-01' WHERE id = 'a' RETURNING id",
        "SELECT runmeta.prune('infinity')",
        "SELECT runmeta.start('a', parent_run_id => 'top')",
    ] {
        rows(&client, again).await;
    }
    assert_eq!(rows(&client, count).await, "applied");
    assert_eq!(rows(&client, count).await, "applied");
    let found = "SELECT root_id, metadata FROM runmeta.run WHERE id = 'a'";
    assert_eq!(rows(&client, found).await, r#"top | {"n": 2}"#);
}

#[tokio::test]
async fn settings_of_a_session_change_nothing_of_what_is_stored() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SET TimeZone = 'Asia/Kolkata'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard';
            SET standard_conforming_strings = off; SET backslash_quote = on; SET escape_string_warning = off;
            SET plan_cache_mode = force_generic_plan; SET runmeta.inbox = off",
        )
        .await
        .unwrap();
    let flush = |member: &str| {
        format!(
            "SELECT part, outcome FROM runmeta.flush(E'[{{\"run\": \"a\\\\\\\\b\", {member}}}]')"
        )
    };
    let list = r#""operations": [{"type": "increment", "key": "n"}]"#;
    let finish = r#""finish": "completed""#;
    let start = r#""start": {"metadata": {"text": "l'"}}"#.replace('\'', "\\'");
    for (member, outcomes) in [
        (start, "start | applied"),
        (
            format!("{list}, {finish}"),
            "operations | applied\nfinish | applied",
        ),
        (list.to_owned(), "operations | applied"),
    ] {
        assert_eq!(rows(&client, &flush(&member)).await, outcomes);
    }
    assert_eq!(
        rows(&client, "SELECT runmeta.prune(now() - interval '1 hour')").await,
        "0"
    );
    let other = database.connect().await;
    let found = "SELECT id, metadata, now() - created_at < '1 minute', finished_at - created_at < '1 minute' FROM runmeta.run";
    insta::assert_snapshot!(rows(&other, found).await, @r#"a\b | {"n": 2, "text": "l'"} | t | t"#);
}

#[tokio::test]
async fn role_whom_no_policy_lets_change_runs_finds_none_to_change() {
    let database = Database::new().await;
    let client = database.connect().await;
    let role = Role::new();
    rows(&client, "SELECT runmeta.start('a')").await;
    let grant = format!("GRANT runmeta_writer TO {}", role.quoted());
    client.batch_execute(&grant).await.unwrap();
    let other = database.connect_as(role.name()).await;
    let flush = |root: &str| {
        format!(
            r#"SELECT outcome FROM runmeta.flush('[{{"run": "a", {root} "operations": [{{"type": "increment", "key": "n"}}]}}]')"#
        )
    };
    assert_eq!(rows(&other, &flush("")).await, "applied");
    client
        .batch_execute("ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY")
        .await
        .unwrap();
    for root in ["", r#""root": "a","#] {
        assert_eq!(rows(&other, &flush(root)).await, "not_found");
    }
}

#[tokio::test]
async fn numbers_that_are_long_as_text_are_set_as_quickly_as_others() {
    let database = Database::new().await;
    let client = database.connect().await;
    let flush = "SET statement_timeout = '20s';
        SELECT runmeta.start('a');
        SELECT count(*) FROM runmeta.flush((
            SELECT jsonb_build_array(jsonb_build_object('run', 'a', 'operations', jsonb_agg(
                '{\"type\": \"set\", \"key\": \"a\", \"value\": 1e131000}'::jsonb)))
            FROM generate_series(1, 3000)))";
    client.batch_execute(flush).await.unwrap();
    let found = "SELECT runmeta.get('a', 'a') = '1e131000'";
    assert_eq!(rows(&client, found).await, "t");
}
