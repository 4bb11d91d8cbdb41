//! Starting and finishing runs, and the recursive queries over their trees.

use std::time::Instant;

use tokio_postgres::Client;

use crate::harness::{Database, by_hand, is_partitioned, process, refusal, rows, until_waiting};

async fn refused(client: &Client, statement: &str) -> String {
    refusal(client.batch_execute(statement).await)
}

#[tokio::test]
async fn start_fills_in_the_tree_and_copies_no_metadata() {
    let database = Database::new().await;
    let client = database.connect().await;
    let starts = r#"
        SELECT runmeta.start('top', '{"a": 1}', NULL, 'nightly', '{x,"y z"}');
        SELECT runmeta.start('middle', parent_run_id => 'top');
        SELECT runmeta.start('leaf', NULL, 'middle', tags => NULL);
        SELECT id, root_id, parent_id, depth, task, tags, status, attempt, metadata, version, finished_at,
            created_at = updated_at, created_at = started_at FROM runmeta.run ORDER BY depth;"#;
    insta::assert_snapshot!(rows(&client, starts).await, @r#"
    1
    1
    1
    top | top | NULL | 0 | nightly | {x,"y z"} | running | 1 | {"a": 1} | 1 | NULL | t | t
    middle | top | top | 1 | NULL | {} | running | 1 | {} | 1 | NULL | t | t
    leaf | top | middle | 2 | NULL | {} | running | 1 | {} | 1 | NULL | t | t
    "#);
}

#[tokio::test]
async fn starting_a_run_that_exists_changes_nothing_and_returns_its_version() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute("SELECT runmeta.start('run', '{\"a\": 1}'), runmeta.set('run', 'b', '2'), runmeta.start('other')")
        .await
        .unwrap();
    let row = "SELECT r, xmin FROM runmeta.run AS r WHERE id = 'run'";
    let before = rows(&client, row).await;
    let again = "SELECT runmeta.start('run');
        SELECT runmeta.start('run', '{\"c\": 3}', 'other', 'task', '{tag}');
        SELECT runmeta.start('run', parent_run_id => 'nobody');
        SELECT runmeta.start('run', parent_run_id => 'run');
        SELECT runmeta.start('run', '{\"c\": 3}', status => 'queued', attempt => 1);";
    assert_eq!(rows(&client, again).await, ["2"; 5].join("\n"));
    assert_eq!(rows(&client, row).await, before);
}

#[tokio::test]
async fn two_sessions_that_start_one_run_get_one() {
    let database = Database::new().await;
    let first = database.connect().await;
    let second = database.connect().await;
    let observer = database.connect().await;
    let waiting = process(&second).await;

    first
        .batch_execute("BEGIN; SELECT runmeta.start('run', '{\"by\": \"first\"}'), runmeta.set('run', 'n', '1')")
        .await
        .unwrap();
    let later = tokio::spawn(async move {
        rows(
            &second,
            "SELECT runmeta.start('run', '{\"by\": \"second\"}')",
        )
        .await
    });
    until_waiting(&observer, waiting).await;
    first.batch_execute("COMMIT").await.unwrap();
    assert_eq!(later.await.unwrap(), "2");
    insta::assert_snapshot!(rows(&observer, "SELECT runmeta.get('run')").await, @r#"{"n": 1, "by": "first"}"#);
}

/// No policy applies, so what hides the run is not one: 42501 would send an administrator looking for rights.
#[tokio::test]
async fn write_that_waited_while_its_run_was_deleted_and_started_anew_finds_no_run() {
    let database = Database::new().await;
    let first = database.connect().await;
    by_hand(&first).await;
    let second = database.connect().await;
    let observer = database.connect().await;
    let waiting = process(&second).await;
    rows(&first, "SELECT runmeta.start('run')").await;
    first
        .batch_execute("BEGIN; DELETE FROM runmeta.run; SELECT runmeta.start('run')")
        .await
        .unwrap();
    let set = refused(&second, "SELECT runmeta.set('run', 'n', '1')");
    let (refusal, ()) = tokio::join!(set, async {
        until_waiting(&observer, waiting).await;
        first.batch_execute("COMMIT").await.unwrap();
    });
    assert!(refusal.starts_with("P0002: "), "{refusal}");
}

#[tokio::test]
async fn a_start_that_waited_for_one_that_was_rolled_back_takes_its_place() {
    let database = Database::new().await;
    let first = database.connect().await;
    let second = database.connect().await;
    let observer = database.connect().await;
    let waiting = process(&second).await;

    first
        .batch_execute("BEGIN; SELECT runmeta.start('run', '{\"by\": \"first\"}')")
        .await
        .unwrap();
    let later = tokio::spawn(async move {
        rows(
            &second,
            "SELECT runmeta.start('run', '{\"by\": \"second\"}')",
        )
        .await
    });
    until_waiting(&observer, waiting).await;
    first.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(later.await.unwrap(), "1");
    assert_eq!(
        rows(&observer, "SELECT runmeta.get('run')").await,
        r#"{"by": "second"}"#
    );
}

#[tokio::test]
async fn start_refuses_an_unknown_parent_and_what_is_no_document() {
    let database = Database::new().await;
    let client = database.connect().await;
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.start('run', parent_run_id => 'nobody')").await, @r#"
    P0002: no such parent run: "nobody"
    DETAIL: The run "run" was to be started under it.
    HINT: Start the parent first, with runmeta.start, and commit it.
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.start('run', parent_run_id => 'run')").await, @r#"
    P0002: no such parent run: "run"
    DETAIL: The run "run" was to be started under it.
    HINT: Start the parent first, with runmeta.start, and commit it.
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.start('run', '[1]')").await, @r#"
    22023: document is not an object
    DETAIL: Metadata is one JSON object.
    HINT: Put the value under a key, as in {"value": ...}.
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.start('run', tags => '{a,NULL}')").await, @"
    22004: tag is null
    HINT: Give it a value that is not NULL.
    ");
    assert_eq!(rows(&client, "SELECT count(*) FROM runmeta.run").await, "0");
}

/// A tree whose runs start in the order of their names, apart from one that is named against it.
pub async fn small_tree() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    for statement in [
        r#"SELECT runmeta.start('import', '{"rows": 5}')"#,
        r#"SELECT runmeta.start('part z', '{"rows": 1.5}', 'import')"#,
        r#"SELECT runmeta.start('part b', '{"rows": 2}', 'import', tags => '{late}')"#,
        r#"SELECT runmeta.start('part a', '{"rows": null}', 'import')"#,
        r#"SELECT runmeta.start('step 1', '{"rows": "7", "$": 1}', 'part z')"#,
        r#"SELECT runmeta.start('step 2', '{"nested": {"rows": 40}}', 'part b')"#,
        r#"SELECT runmeta.start('step 3', '{"rows": 1e400}', 'part b')"#,
        r#"SELECT runmeta.start('stranger', '{"rows": 1000}')"#,
        r#"SELECT runmeta.start('part of stranger', '{"rows": 1000}', 'stranger')"#,
        "SELECT runmeta.finish('step 3', 'failed')",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    (database, client)
}

#[tokio::test]
async fn tree_lists_each_run_under_its_parent_in_the_order_of_their_start() {
    let (_database, client) = small_tree().await;
    let tree = "SELECT repeat('  ', depth) || id, parent_id, status, metadata - 'rows' FROM runmeta.tree('import')";
    insta::assert_snapshot!(rows(&client, tree).await, @r#"
    import | NULL | running | {}
      part z | import | running | {}
        step 1 | part z | running | {"$": 1}
      part b | import | running | {}
        step 2 | part b | running | {"nested": {"rows": 40}}
        step 3 | part b | failed | {}
      part a | import | running | {}
    "#);
    insta::assert_snapshot!(rows(&client, "SELECT depth, id, tags FROM runmeta.tree('part b')").await, @"
    0 | part b | {late}
    1 | step 2 | {}
    1 | step 3 | {}
    ");
}

#[tokio::test]
async fn ancestors_and_descendants_leave_out_the_run_itself() {
    let (_database, client) = small_tree().await;
    insta::assert_snapshot!(rows(&client, "SELECT id, depth FROM runmeta.ancestors('step 2')").await, @"
    part b | 1
    import | 0
    ");
    assert_eq!(
        rows(&client, "SELECT id FROM runmeta.ancestors('import')").await,
        ""
    );
    insta::assert_snapshot!(rows(&client, "SELECT id, depth, parent_id FROM runmeta.descendants('import') ORDER BY id").await, @"
    part a | 1 | import
    part b | 1 | import
    part z | 1 | import
    step 1 | 2 | part z
    step 2 | 2 | part b
    step 3 | 2 | part b
    ");
    assert_eq!(
        rows(&client, "SELECT id FROM runmeta.descendants('step 1')").await,
        ""
    );
    // Their rows have the columns of the table, but for the one that serves the functions.
    let same = "SELECT count(*) FROM runmeta.descendants('import') AS d JOIN runmeta.run AS r ON to_jsonb(r) - 'size_bound' = to_jsonb(d)";
    assert_eq!(rows(&client, same).await, "6");
}

/// Runs a query and prints how long it took, for whoever reads the output of the test.
async fn timed(client: &Client, query: &str) -> String {
    let start = Instant::now();
    let result = rows(client, query).await;
    eprintln!("{:>6} ms: {query}", start.elapsed().as_millis());
    result
}

/// What the current transaction did with the table of runs: scans of the whole of it.
const WHOLE_SCANS: &str =
    "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'runmeta.run'::regclass";

async fn assert_never_scans_the_table(client: &Client, queries: &[(&str, &str)]) {
    for (query, expected) in queries {
        client.batch_execute("BEGIN").await.unwrap();
        assert_eq!(timed(client, query).await, *expected, "{query}");
        assert_eq!(rows(client, WHOLE_SCANS).await, "0", "{query}");
        client.batch_execute("COMMIT").await.unwrap();
    }
}

#[tokio::test]
async fn hundred_thousand_runs_under_one_are_found_by_index() {
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('top');
            SET runmeta.maximum_memory = '16MB'; -- a quarter of the default
            INSERT INTO runmeta.run (root_id, id, parent_id, depth, metadata)
            SELECT 'top', 'part ' || n, 'top', 1, jsonb_build_object('rows', n) FROM generate_series(1, 1000) AS n;
            INSERT INTO runmeta.run (root_id, id, parent_id, depth, metadata)
            SELECT 'top', 'step ' || n, 'part ' || (n % 1000 + 1), 2, jsonb_build_object('rows', n) FROM generate_series(1, 99000) AS n;
            INSERT INTO runmeta.run (root_id, id) SELECT 'other ' || n, 'other ' || n FROM generate_series(1, 10000) AS n;"#,
        )
        .await
        .unwrap();
    // Before and after the planner knows how many runs there are.
    for _ in 0..2 {
        assert_never_scans_the_table(
            &client,
            &[
                ("SELECT count(*), max(depth), count(DISTINCT id) FROM runmeta.descendants('top')", "100000 | 2 | 100000"),
                ("SELECT count(*), max(depth), min(depth) FROM runmeta.tree('top')", "100001 | 2 | 0"),
                ("SELECT count, sum, missing FROM runmeta.rollup('top', 'rows', include_self => true)", "100000 | 4901050000 | 1"),
                ("SELECT count(*) FROM runmeta.tree('part 7')", "100"),
                ("SELECT string_agg(id, ',') FROM runmeta.ancestors('step 500')", "part 501,top"),
                ("SELECT runmeta.get('step 500')", r#"{"rows": 500}"#),
                ("SELECT runmeta.increment('step 500', 'n', 1, 'parent') > 1", "t"),
                (r#"SELECT outcome FROM runmeta.flush('[{"run": "step 500", "rootOperations": [{"type": "increment", "key": "n", "value": 1}]}]')"#, "applied"),
            ],
        )
        .await;
        client.batch_execute("ANALYZE runmeta.run").await.unwrap();
    }
    // Each run comes right after its parent or a run below its parent.
    let order = "
        WITH t AS (SELECT row_number() OVER () AS n, * FROM runmeta.tree('top'))
        SELECT count(*) FROM t WHERE depth = 2 AND parent_id <> (
            SELECT p.id FROM t AS p WHERE p.depth = 1 AND p.n < t.n ORDER BY p.n DESC LIMIT 1)";
    let few = order.replace("depth = 2", "depth = 2 AND n % 5000 = 0");
    assert_eq!(rows(&client, &few).await, "0");
}

#[tokio::test]
async fn a_chain_of_twenty_thousand_runs_is_walked_by_index() {
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('1');
            INSERT INTO runmeta.run (root_id, id, parent_id, depth, metadata)
            SELECT '1', n::text, (n - 1)::text, n - 1, '{"n": 1}' FROM generate_series(2, 20000) AS n;
            INSERT INTO runmeta.run (root_id, id) SELECT 'other ' || n, 'other ' || n FROM generate_series(1, 10000) AS n;"#,
        )
        .await
        .unwrap();
    for _ in 0..2 {
        assert_never_scans_the_table(
            &client,
            &[
                (
                    "SELECT count(*), max(depth) FROM runmeta.descendants('1')",
                    "19999 | 19999",
                ),
                (
                    "SELECT count(*), bool_and(depth + 1 = id::int) FROM runmeta.tree('1')",
                    "20000 | t",
                ),
                (
                    "SELECT count(*), min(depth) FROM runmeta.ancestors('20000')",
                    "19999 | 0",
                ),
                ("SELECT sum FROM runmeta.rollup('1', 'n')", "19999"),
            ],
        )
        .await;
        client.batch_execute("ANALYZE runmeta.run").await.unwrap();
    }
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.start('20001', parent_run_id => '20000')"
        )
        .await,
        "1"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT depth, root_id FROM runmeta.run WHERE id = '20001'"
        )
        .await,
        "20000 | 1"
    );
}

#[tokio::test]
async fn long_walk_over_a_tree_can_be_cancelled() {
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    client
        .batch_execute(
            "SELECT runmeta.start('1');
            INSERT INTO runmeta.run (root_id, id, parent_id, depth)
            SELECT '1', n::text, (n - 1)::text, n - 1 FROM generate_series(2, 20000) AS n;
            SET statement_timeout = '5ms'",
        )
        .await
        .unwrap();
    for query in [
        "count(*) FROM runmeta.tree('1')",
        "* FROM runmeta.rollup('1', 'n')",
        "count(*) FROM runmeta.ancestors('20000')",
    ] {
        let refusal = refused(&client, &format!("SELECT {query}")).await;
        assert!(refusal.starts_with("57014"), "{query}: {refusal}");
    }
}

#[tokio::test]
async fn reading_functions_work_in_parallel_workers() {
    if is_partitioned() {
        return; // With these settings, each call would start workers to look into each partition.
    }
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('top', '{"n": 1}');
            SELECT runmeta.start('run ' || n, '{"n": 1}', 'top') FROM generate_series(1, 2000) AS n;
            ANALYZE runmeta.run;
            SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
            SET max_parallel_workers_per_gather = 2;"#,
        )
        .await
        .unwrap();
    for query in [
        "SELECT sum((runmeta.get(id, 'n'))::int) FROM runmeta.run",
        "SELECT sum(runmeta.size(metadata)) / 7 FROM runmeta.run",
        "SELECT sum((runmeta.apply_operations(metadata, '[{\"type\": \"increment\", \"key\": \"n\", \"value\": 0}]') -> 'n')::int) FROM runmeta.run",
        "SELECT sum((SELECT count(*) FROM runmeta.ancestors(id))) + 1 FROM runmeta.run",
        "SELECT sum((SELECT count(*) FROM runmeta.tree(id) WHERE depth = 0)) FROM runmeta.run WHERE id <> 'top' OR true",
    ] {
        let plan = rows(&client, &format!("EXPLAIN {query}")).await;
        assert!(plan.contains("Workers Planned"), "{plan}");
        assert_eq!(rows(&client, query).await, "2001", "{query}");
    }
}
