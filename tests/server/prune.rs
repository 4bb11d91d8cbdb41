//! `runmeta.prune`: what it deletes, what it leaves, and whom it never disturbs.

use std::fs;

use tokio_postgres::Client;

use crate::harness::{
    Database, by_hand, is_partitioned, is_split, process, refusal, repository, rows, until_waiting,
};
use crate::rights::owner_of_a_migrated_database;

/// A database with a tree of two runs that finished two hours ago.
async fn finished_tree() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('top'), runmeta.start('child', parent_run_id => 'top');
             SELECT runmeta.finish('child'), runmeta.finish('top');
             UPDATE runmeta.run SET finished_at = now() - interval '2 hours'",
        )
        .await
        .unwrap();
    (database, client)
}

#[tokio::test]
async fn only_trees_of_which_every_run_finished_before_the_time_go() {
    let (_database, client) = finished_tree().await;
    client
        .batch_execute(
            "SELECT runmeta.start('unfinished child of finished'), runmeta.start('u', parent_run_id => 'unfinished child of finished'),
                runmeta.finish('unfinished child of finished');
             SELECT runmeta.start('unfinished'), runmeta.start('f', parent_run_id => 'unfinished'), runmeta.finish('f');
             SELECT runmeta.start('late child'), runmeta.start('l', parent_run_id => 'late child'), runmeta.finish('l'), runmeta.finish('late child');
             UPDATE runmeta.run SET finished_at = '2026-01-01' WHERE finished_at IS NOT NULL AND id <> 'l';
             UPDATE runmeta.run SET finished_at = '2026-02-01' WHERE id = 'l';",
        )
        .await
        .unwrap();
    assert_eq!(
        rows(&client, "SELECT runmeta.prune('2026-01-01')").await,
        "0"
    );
    assert_eq!(
        rows(&client, "SELECT runmeta.prune('2026-02-01')").await,
        "2"
    );
    let left = "SELECT string_agg(id, ', ' ORDER BY id) FROM runmeta.run";
    insta::assert_snapshot!(rows(&client, left).await, @"f, l, late child, u, unfinished, unfinished child of finished");
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.prune('2026-02-01 00:00:00.000001')"
        )
        .await,
        "2"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.prune('infinity'), runmeta.prune(NULL)"
        )
        .await,
        "0 | NULL"
    );
}

#[tokio::test]
async fn the_oldest_trees_go_first_and_so_many_at_a_time() {
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    client
        .batch_execute(
            "INSERT INTO runmeta.run (root_id, id, finished_at)
             SELECT 'run ' || n, 'run ' || n, '2026-01-01'::timestamptz - n * interval '1 day' FROM generate_series(1, 9) AS n;
             INSERT INTO runmeta.run (root_id, id, parent_id, depth, finished_at)
             SELECT 'run 9', 'child ' || n, 'run 9', 1, '2025-01-01' FROM generate_series(1, 5) AS n",
        )
        .await
        .unwrap();
    assert_eq!(
        rows(&client, "SELECT runmeta.prune('infinity', 2)").await,
        "7"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT string_agg(id, ' ' ORDER BY id) FROM runmeta.run"
        )
        .await,
        "run 1 run 2 run 3 run 4 run 5 run 6 run 7"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.prune('infinity', max_trees => 100), runmeta.prune('infinity')"
        )
        .await,
        "7 | 0"
    );
    insta::assert_snapshot!(refusal(client.batch_execute("SELECT runmeta.prune('infinity', 0)").await), @"
    22023: max_trees is not positive
    HINT: Give a whole number from 1.
    ");
}

#[tokio::test]
async fn writers_not_seen_since_are_forgotten() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.flush('[]', '00000000-0000-4000-8000-000000000001', 1);
             UPDATE runmeta.writer SET updated_at = '2026-01-01';
             SELECT runmeta.flush('[]', '00000000-0000-4000-8000-000000000002', 1);
             SELECT runmeta.prune('2026-01-02')",
        )
        .await
        .unwrap();
    let left = "SELECT right(id::text, 1) FROM runmeta.writer";
    assert_eq!(rows(&client, left).await, "2");
    // A batch tells that its writer lives.
    client
        .batch_execute(
            "UPDATE runmeta.writer SET updated_at = '2026-01-01';
             SELECT runmeta.flush('[]', '00000000-0000-4000-8000-000000000002', 2);
             SELECT runmeta.prune('2026-01-02')",
        )
        .await
        .unwrap();
    assert_eq!(rows(&client, left).await, "2");
}

#[tokio::test]
async fn writers_of_one_batch_are_forgotten_after_a_day_whatever_the_time_given() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.flush('[]', ('00000000-0000-' || kind)::uuid, 1)
             FROM unnest(ARRAY['5000-8000-000000000005', '8000-8000-000000000008', '8000-8000-000000000009']) AS kind;
             UPDATE runmeta.writer SET updated_at = now() - interval '25 hours' WHERE id::text !~ '9$';
             UPDATE runmeta.writer SET updated_at = now() - interval '23 hours' WHERE id::text ~ '9$';
             SELECT runmeta.prune(now() - interval '30 days')",
        )
        .await
        .unwrap();
    let left = "SELECT right(id::text, 1) FROM runmeta.writer ORDER BY 1";
    assert_eq!(rows(&client, left).await, "5\n9");
}

#[tokio::test]
async fn a_tree_that_finished_less_than_an_hour_ago_stays_whatever_the_time_given() {
    let (_database, client) = finished_tree().await;
    for (top, child, pruned) in [(59, 61, "0"), (61, 59, "0"), (61, 61, "2")] {
        client
            .batch_execute(&format!(
                "UPDATE runmeta.run SET finished_at = now() - CASE id WHEN 'top' THEN {top} ELSE {child} END * interval '1 minute'"
            ))
            .await
            .unwrap();
        assert_eq!(
            rows(&client, "SELECT runmeta.prune('infinity')").await,
            pruned
        );
    }
}

#[tokio::test]
async fn an_open_transaction_counts_as_if_no_time_had_passed_since_it_began() {
    let (database, client) = finished_tree().await;
    let open = database.connect().await;
    open.batch_execute("BEGIN").await.unwrap();
    let began = rows(&open, "SELECT now()").await;
    client
        .batch_execute(&format!(
            "UPDATE runmeta.run SET finished_at = '{began}'::timestamptz - interval '1 hour'"
        ))
        .await
        .unwrap();
    assert_eq!(rows(&client, "SELECT runmeta.prune('infinity')").await, "0");
    open.batch_execute("COMMIT").await.unwrap();
    assert_eq!(rows(&client, "SELECT runmeta.prune('infinity')").await, "2");
}

#[tokio::test]
async fn a_prepared_transaction_counts_as_if_no_time_had_passed_since_it_was_prepared() {
    let (database, client) = finished_tree().await;
    let name = format!("runmeta-test-prune-{}", std::process::id());
    let preparing = database.connect().await;
    preparing
        .batch_execute(&format!(
            "BEGIN; SET LOCAL runmeta.notify = off; SELECT runmeta.start('live'), runmeta.start('part', parent_run_id => 'live');
             PREPARE TRANSACTION '{name}'"
        ))
        .await
        .unwrap();
    let update = format!(
        "UPDATE runmeta.run SET finished_at = prepared - interval '1 hour' FROM pg_prepared_xacts WHERE gid = '{name}'"
    );
    client.batch_execute(&update).await.unwrap();
    // One of another database is in nobody's way.
    let (_other, other_client) = finished_tree().await;
    other_client
        .batch_execute("UPDATE runmeta.run SET finished_at = now() - interval '1 hour'")
        .await
        .unwrap();
    let prune = "SELECT runmeta.prune('infinity')";
    let pruned = [rows(&client, prune).await, rows(&other_client, prune).await];
    let end = format!("COMMIT PREPARED '{name}'");
    client.batch_execute(&end).await.unwrap();
    assert_eq!(pruned, ["0", "2"]);
    assert_eq!(rows(&client, prune).await, "2");
    assert_eq!(rows(&client, "SELECT count(*) FROM runmeta.run").await, "2");
}

#[tokio::test]
async fn prune_is_refused_where_policies_could_hide_a_run() {
    let (owner, database) = owner_of_a_migrated_database().await;
    let client = database.connect_as(owner.name()).await;
    client
        .batch_execute(
            "SELECT runmeta.start('top'), runmeta.start('child', parent_run_id => 'top');
             SELECT runmeta.start('hidden', parent_run_id => 'top');
             SELECT runmeta.finish('child'), runmeta.finish('top');
             UPDATE runmeta.run SET finished_at = '2026-01-01' WHERE finished_at IS NOT NULL;
             CREATE POLICY visible ON runmeta.run USING (id <> 'hidden');
             ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY",
        )
        .await
        .unwrap();
    // No policy applies to the owner, and the whole tree is seen.
    let prune = "SELECT runmeta.prune('infinity')";
    assert_eq!(rows(&client, prune).await, "0");
    let force = "ALTER TABLE runmeta.run FORCE ROW LEVEL SECURITY";
    client.batch_execute(force).await.unwrap();
    for row_security in ["on", "off"] {
        let prune = format!("SET row_security = {row_security}; {prune}");
        let refusal = refusal(client.batch_execute(&prune).await);
        insta::allow_duplicates! {
            insta::assert_snapshot!(refusal, @"
            42501: cannot prune under row-level security
            DETAIL: A policy on runmeta.run could hide a run that has not finished, and what belongs to it would be deleted.
            HINT: Prune as a superuser, or as an owner with BYPASSRLS or without FORCE ROW LEVEL SECURITY.
            ");
        }
    }
    let superuser = database.connect().await;
    assert_eq!(rows(&superuser, prune).await, "0");
    let left = "SELECT count(*) FROM runmeta.tree('top')";
    assert_eq!(rows(&superuser, left).await, "3");
}

#[tokio::test]
async fn prune_waits_for_nobody_and_leaves_what_others_have_locked() {
    let (database, client) = finished_tree().await;
    by_hand(&client).await;
    client
        .batch_execute(
            "SELECT runmeta.flush('[]', '00000000-0000-4000-8000-000000000001', 1);
             UPDATE runmeta.writer SET updated_at = '2026-01-01';
             INSERT INTO runmeta.run (root_id, id, finished_at) VALUES ('other', 'other', '2026-01-01')",
        )
        .await
        .unwrap();
    for lock in [
        "SELECT FROM runmeta.run WHERE id = 'child' FOR KEY SHARE",
        r#"SET runmeta.update_window = -1; SELECT runmeta.flush('[{"run": "child", "operations": [{"type": "set", "key": "k", "value": 1}]}]')"#,
        "SELECT FROM runmeta.run WHERE id = 'top' FOR UPDATE",
        "SELECT FROM runmeta.writer FOR UPDATE",
    ] {
        let using = database.connect().await;
        using
            .batch_execute(&format!("BEGIN; {lock}"))
            .await
            .unwrap();
        client
            .batch_execute("SET lock_timeout = '1s'; BEGIN")
            .await
            .unwrap();
        let pruned = rows(&client, "SELECT runmeta.prune('infinity')").await;
        let writers = rows(&client, "SELECT count(*) FROM runmeta.writer").await;
        match lock.contains("writer") {
            false => assert_eq!((pruned.as_str(), writers.as_str()), ("1", "0"), "{lock}"),
            true => assert_eq!((pruned.as_str(), writers.as_str()), ("3", "1"), "{lock}"),
        }
        client.batch_execute("ROLLBACK").await.unwrap();
        using.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn a_prune_that_stays_open_blocks_no_start_in_another_tree() {
    let database = Database::new().await;
    let pruning = database.connect().await;
    by_hand(&pruning).await;
    pruning
        .batch_execute(
            "INSERT INTO runmeta.run (root_id, id, finished_at)
             SELECT 'old ' || n, 'old ' || n, '2026-01-01' FROM generate_series(1, 1000) AS n;
             INSERT INTO runmeta.run (root_id, id, finished_at)
             SELECT 'live ' || n, 'live ' || n, CASE n % 2 WHEN 0 THEN '2026-01-01'::timestamptz END FROM generate_series(1, 200) AS n;
             SELECT count(runmeta.start('child ' || n, parent_run_id => 'live ' || n)) FROM generate_series(1, 200) AS n",
        )
        .await
        .unwrap();
    let pruned = rows(&pruning, "BEGIN; SELECT runmeta.prune('infinity')").await;
    assert_eq!(pruned, "1000");
    let starting = database.connect().await;
    starting
        .batch_execute(
            "SET lock_timeout = '1s';
             SELECT runmeta.start('second child ' || n, parent_run_id => 'live ' || n) FROM generate_series(1, 200) AS n",
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn advisory_locks_of_others_are_in_nobodys_way() {
    let (database, client) = finished_tree().await;
    let hostile = database.connect_as("pg_monitor").await;
    hostile
        .batch_execute("SELECT pg_advisory_lock(1920298605, n) FROM generate_series(0, 1023) AS n")
        .await
        .unwrap();
    client
        .batch_execute("SET lock_timeout = '1s'; SELECT runmeta.start('live'), runmeta.start('part', parent_run_id => 'live'), runmeta.start('late', parent_run_id => 'top')")
        .await
        .unwrap();
    assert_eq!(
        rows(
            &client,
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        .await,
        "0"
    );
}

#[tokio::test]
async fn a_large_tree_is_pruned_in_linear_time_whatever_the_statistics_say() {
    if is_partitioned() {
        return; // It looks at one table.
    }
    const RUNS: i64 = 20_000;
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    let fill = format!(
        "INSERT INTO runmeta.run (root_id, id, finished_at) VALUES ('top', 'top', '2026-01-01');
         INSERT INTO runmeta.run (root_id, id, parent_id, depth, finished_at)
         SELECT 'top', 'run ' || n, 'top', 1, '2026-01-01' FROM generate_series(1, {RUNS}) AS n"
    );
    // Of the same table when it was empty, and when it had ten thousand trees of one run.
    let small = "INSERT INTO runmeta.run (root_id, id, finished_at)
         SELECT 'tree ' || n, 'tree ' || n, '2026-01-01' FROM generate_series(1, 10000) AS n;
         ANALYZE runmeta.run; DELETE FROM runmeta.run";
    for (statistics, statements) in [
        ("none", vec![fill.as_str()]),
        (
            "of an empty table",
            vec!["VACUUM ANALYZE runmeta.run", &fill],
        ),
        ("of other trees", vec![small, &fill]),
        ("fresh", vec![fill.as_str(), "ANALYZE runmeta.run"]),
    ] {
        client
            .batch_execute(
                "TRUNCATE runmeta.run; ALTER TABLE runmeta.run SET (autovacuum_enabled = off);
                 DELETE FROM pg_statistic WHERE starelid = 'runmeta.run'::regclass",
            )
            .await
            .unwrap();
        for statement in statements {
            client.batch_execute(statement).await.unwrap();
        }
        let explained = rows(
            &client,
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT runmeta.prune('infinity')",
        )
        .await;
        let plan: serde_json::Value = serde_json::from_str(&explained).unwrap();
        let buffers = |name: &str| plan[0]["Plan"][name].as_i64().unwrap();
        let touched = buffers("Shared Hit Blocks") + buffers("Shared Read Blocks");
        println!("{statistics}: {touched} buffers");
        // Where it is split, each run has a row in the table of roots too, which is looked for twice.
        let each = if is_split() { 12 } else { 5 };
        assert!(
            touched < each * RUNS,
            "statistics {statistics}: {touched} buffers for {RUNS} runs"
        );
        assert_eq!(rows(&client, "SELECT count(*) FROM runmeta.run").await, "0");
    }
}

#[tokio::test]
async fn roots_that_finished_at_one_time_are_read_once() {
    if is_partitioned() {
        return; // It looks at one table.
    }
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    // More than are looked at together. Their ids sort in another order by a language's rules than by bytes.
    client
        .batch_execute(
            "INSERT INTO runmeta.run (root_id, id, finished_at)
             SELECT id, id, '2026-01-01' FROM (SELECT (ARRAY['a', 'B', 'é', '_'])[1 + n % 4] || n AS id FROM generate_series(1, 5000) AS n) AS r;
             INSERT INTO runmeta.run (root_id, id, parent_id, depth)
             SELECT id, id || '/part', id, 1 FROM runmeta.run;
             ANALYZE runmeta.run",
        )
        .await
        .unwrap();
    // The index goes on behind the last root of a slice, and has them in their order: no row is read to be left out.
    let candidates = fs::read_to_string(repository("extension/src/prune/sql/candidates.sql"));
    let prepare = format!(
        "PREPARE candidates (timestamptz, timestamptz, text, int) AS {}",
        candidates.unwrap()
    );
    client.batch_execute(&prepare).await.unwrap();
    for mode in ["force_generic_plan", "force_custom_plan"] {
        let explain = format!(
            "SET plan_cache_mode = {mode}; EXPLAIN EXECUTE candidates ('2026-02-01', '2026-01-01', 'a', 1000)"
        );
        let plan = rows(&client, &explain).await;
        assert!(
            plan.contains("run_finished_at_idx")
                && plan.contains("(ROW(finished_at, root_id) > ROW("),
            "{plan}"
        );
        assert!(!plan.contains("Filter") && !plan.contains("Sort"), "{plan}");
    }
    let prune = "SELECT runmeta.prune('infinity', 1000000)";
    assert_eq!(rows(&client, prune).await, "0");
    let finish = "UPDATE runmeta.run SET finished_at = '2026-01-01' WHERE parent_id IS NOT NULL";
    client.batch_execute(finish).await.unwrap();
    assert_eq!(rows(&client, prune).await, "10000");
}

#[tokio::test]
async fn a_tree_that_a_child_is_joining_stays() {
    let (database, pruning) = finished_tree().await;
    let starting = database.connect().await;
    starting
        .batch_execute("BEGIN; SELECT runmeta.start('grandchild', parent_run_id => 'child')")
        .await
        .unwrap();
    assert_eq!(
        rows(&pruning, "SELECT runmeta.prune('infinity')").await,
        "0"
    );
    starting.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        rows(&pruning, "SELECT runmeta.prune('infinity')").await,
        "0"
    );
    assert_eq!(
        rows(&pruning, "SELECT count(*) FROM runmeta.tree('top')").await,
        "3"
    );
}

/// Makes a call while its tree is being pruned, and returns what came of it when the prune ended like this.
async fn during_prune(isolation: &str, call: &'static str, end: &str) -> Result<String, String> {
    let (database, pruning) = finished_tree().await;
    let starting = database.connect().await;
    let observer = database.connect().await;
    let waiting = process(&starting).await;
    pruning
        .batch_execute("BEGIN; SELECT runmeta.prune('infinity')")
        .await
        .unwrap();
    starting
        .batch_execute(&format!(
            "SET default_transaction_isolation = '{isolation}'"
        ))
        .await
        .unwrap();
    let start = tokio::spawn(async move {
        match starting.query_one(call, &[]).await {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(Err::<(), _>(error))),
        }
    });
    until_waiting(&observer, waiting).await;
    pruning.batch_execute(end).await.unwrap();
    start.await.unwrap()?;
    Ok(rows(
        &observer,
        "SELECT string_agg(id, ' ') FROM runmeta.tree('top')",
    )
    .await)
}

const CHILD: &str = "SELECT runmeta.start('grandchild', parent_run_id => 'child')";
const ATTEMPT: &str = "SELECT runmeta.start('child', parent_run_id => 'top', attempt => 2)";

#[tokio::test]
async fn a_child_of_a_tree_that_was_pruned_meanwhile_is_refused() {
    insta::assert_snapshot!(during_prune("read committed", CHILD, "COMMIT").await.unwrap_err(), @r#"
    P0002: no such parent run: "child"
    DETAIL: The run "grandchild" was to be started under it.
    HINT: Start the parent first, with runmeta.start, and commit it.
    "#);
    assert_eq!(
        during_prune("repeatable read", CHILD, "COMMIT")
            .await
            .unwrap_err(),
        "40001: could not serialize access due to concurrent update"
    );
}

#[tokio::test]
async fn an_attempt_at_a_run_that_was_pruned_meanwhile_is_refused() {
    insta::assert_snapshot!(during_prune("read committed", ATTEMPT, "COMMIT").await.unwrap_err(), @r#"
    P0002: no such parent run: "top"
    DETAIL: The run "child" was to be started under it.
    HINT: Start the parent first, with runmeta.start, and commit it.
    "#);
    assert_eq!(
        during_prune("repeatable read", ATTEMPT, "COMMIT")
            .await
            .unwrap_err(),
        "40001: could not serialize access due to concurrent update"
    );
}

#[tokio::test]
async fn what_waited_for_a_prune_that_was_rolled_back_goes_on() {
    for isolation in ["read committed", "repeatable read"] {
        assert_eq!(
            during_prune(isolation, CHILD, "ROLLBACK").await.unwrap(),
            "top child grandchild"
        );
        assert_eq!(
            during_prune(isolation, ATTEMPT, "ROLLBACK").await.unwrap(),
            "top child"
        );
    }
}

#[tokio::test]
async fn a_root_that_begins_another_attempt_while_it_is_pruned_is_a_new_run() {
    let again = "SELECT runmeta.start('top', attempt => 2)";
    assert_eq!(
        during_prune("read committed", again, "COMMIT")
            .await
            .unwrap(),
        "top"
    );
}

#[tokio::test]
async fn a_tree_in_which_an_attempt_begins_stays() {
    let (database, pruning) = finished_tree().await;
    let starting = database.connect().await;
    starting
        .batch_execute(&format!("BEGIN; {ATTEMPT}"))
        .await
        .unwrap();
    assert_eq!(
        rows(&pruning, "SELECT runmeta.prune('infinity')").await,
        "0"
    );
    starting.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        rows(&pruning, "SELECT runmeta.prune('infinity')").await,
        "0"
    );
}
