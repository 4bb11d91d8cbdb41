//! What waits is applied by whoever writes the run next, by `fold`, and once.

use futures_util::future::join_all;

use super::{COUNT, LIVE, STORED, append, family, queueing, run, waiting};
use crate::harness::{process, refusal, until, until_waiting, until_worker_runs};

#[tokio::test]
async fn list_for_a_parent_waits_and_has_no_version() {
    let (_database, client) = family().await;
    assert_eq!(run(&client, COUNT).await, "NULL");
    assert_eq!(run(&client, COUNT).await, "NULL");
    assert_eq!(run(&client, STORED).await, r#"{"n": 0, "list": []} | 1"#);
    assert_eq!(run(&client, LIVE).await, r#"{"n": 2, "list": []} | 3"#);
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "2");
    assert_eq!(run(&client, STORED).await, r#"{"n": 2, "list": []} | 3"#);
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "0");
    assert_eq!(waiting(&client).await, 0);
}

/// Nobody counts before the first worker does.
#[tokio::test]
async fn list_that_is_committed_after_the_first_worker_has_counted_is_seen() {
    let (database, client) = family().await;
    client.batch_execute("BEGIN").await.unwrap();
    assert_eq!(run(&client, COUNT).await, "NULL");
    let other = database.connect().await;
    other
        .batch_execute("SET runmeta.notify = worker")
        .await
        .unwrap();
    until_worker_runs(&other).await;
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(run(&other, LIVE).await, r#"{"n": 1, "list": []} | 2"#);
    until(
        &other,
        "SELECT metadata->'n' = '1' FROM runmeta.run WHERE id = 'top'",
    )
    .await;
}

#[tokio::test]
async fn every_function_queues_for_parent_and_root() {
    let (_database, client) = family().await;
    let statements = r#"
        SELECT runmeta.set('child', 'a', '1', 'parent');
        SELECT runmeta.set('child', 'gone', '1', 'root');
        SELECT runmeta.del('child', 'gone', 'root');
        SELECT runmeta.merge('child', '{"m": {"x": null, "y": 1}}', 'parent');
        SELECT runmeta.merge('child', '{"z": 2}', 'parent', key => 'm');
        SELECT runmeta.append('child', 'list', '"first"', 'root');
        SELECT runmeta.append('child', 'list', '"second"', 'root', keep => 1);
        SELECT runmeta.append('child', 'words', '"x"', 'root');
        SELECT runmeta.remove('child', 'words', '"x"', 'root');
        SELECT runmeta.increment('child', 'n', 0.5, 'root');
        SELECT runmeta.decrement('child', '$.deep.n', 2, 'root');
        SELECT runmeta.apply('child', '[{"type": "set", "key": "b", "value": [1]}]', 'parent')"#;
    let nulls = run(&client, statements).await;
    assert_eq!(nulls, ["NULL"; 11].join("\n") + "\n(,[])");
    let document = r#"{"a": 1, "b": [1], "m": {"y": 1, "z": 2}, "n": 0.5, "deep": {"n": -2}, "list": ["second"], "words": []} | 13"#;
    assert_eq!(run(&client, LIVE).await, document);
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "12");
    assert_eq!(run(&client, STORED).await, document);
    let replace = r#"SELECT runmeta.replace('child', '{"only": 1}', 'parent')"#;
    assert_eq!(run(&client, replace).await, "NULL");
    assert_eq!(run(&client, LIVE).await, r#"{"only": 1} | 14"#);
}

#[tokio::test]
async fn target_that_is_the_run_itself_is_written_directly() {
    let (_database, client) = family().await;
    let own = "SELECT runmeta.increment('top', 'n', target => 'parent');
        SELECT runmeta.increment('top', 'n', target => 'root');
        SELECT runmeta.increment('child', 'n')";
    assert_eq!(run(&client, own).await, "2\n3\n2");
    assert_eq!(waiting(&client).await, 0);
}

#[tokio::test]
async fn direct_write_folds_first() {
    let (_database, client) = family().await;
    for value in ["1", "2"] {
        run(&client, &append(value)).await;
    }
    let own = "SELECT runmeta.append('top', 'list', '3')";
    assert_eq!(run(&client, own).await, "4");
    assert_eq!(
        run(&client, STORED).await,
        r#"{"n": 0, "list": [1, 2, 3]} | 4"#
    );
    assert_eq!(waiting(&client).await, 0);
}

#[tokio::test]
async fn fold_raises_the_version_by_the_lists_whatever_they_change() {
    let (_database, client) = family().await;
    run(&client, "SELECT runmeta.set('child', 'n', '0', 'parent')").await;
    run(&client, "SELECT runmeta.set('child', 'n', '1', 'parent')").await;
    run(&client, "SELECT runmeta.set('child', 'n', '0', 'parent')").await;
    assert_eq!(run(&client, LIVE).await, r#"{"n": 0, "list": []} | 4"#);
    // A write that changes nothing has the version of before, and folds.
    assert_eq!(
        run(&client, "SELECT runmeta.set('top', 'n', '0')").await,
        "4"
    );
    assert_eq!(run(&client, STORED).await, r#"{"n": 0, "list": []} | 4"#);
}

#[tokio::test]
async fn set_status_finish_and_the_next_attempt_fold() {
    let (_database, client) = family().await;
    let calls = [
        ("SELECT runmeta.set_status('top', 'paused')", "3"),
        ("SELECT runmeta.finish('top')", "5"),
        ("SELECT runmeta.finish('top')", "6"),
        (
            r#"SELECT runmeta.start('top', '{"n": 10}', attempt => 2)"#,
            "8",
        ),
    ];
    for (call, version) in calls {
        run(&client, COUNT).await;
        assert_eq!(run(&client, call).await, version, "{call}");
        assert_eq!(waiting(&client).await, 0, "{call}");
    }
    assert_eq!(run(&client, STORED).await, r#"{"n": 10, "list": []} | 8"#);
}

#[tokio::test]
async fn start_of_a_run_that_exists_returns_the_version_that_readers_see() {
    let (_database, client) = family().await;
    run(&client, COUNT).await;
    assert_eq!(run(&client, "SELECT runmeta.start('top')").await, "2");
    assert_eq!(waiting(&client).await, 1);
}

#[tokio::test]
async fn rolled_back_lists_are_never_seen_and_savepoints_keep_the_rest() {
    let (_database, client) = family().await;
    client
        .batch_execute(&format!(
            "BEGIN; {}; SAVEPOINT s; {}; ROLLBACK TO s; {}; SAVEPOINT t; {}; RELEASE t; COMMIT;
            BEGIN; {}; ROLLBACK;",
            append("1"),
            append("2"),
            append("3"),
            append("4"),
            append("5"),
        ))
        .await
        .unwrap();
    assert_eq!(
        run(&client, LIVE).await,
        r#"{"n": 0, "list": [1, 3, 4]} | 4"#
    );
    // A fold that is rolled back leaves them where they were.
    client
        .batch_execute(
            "BEGIN; SELECT runmeta.fold(); SELECT runmeta.set('top', 'n', '9'); ROLLBACK",
        )
        .await
        .unwrap();
    assert_eq!(waiting(&client).await, 3);
    assert_eq!(
        run(&client, LIVE).await,
        r#"{"n": 0, "list": [1, 3, 4]} | 4"#
    );
}

#[tokio::test]
async fn session_sees_what_it_queued_before_it_commits_and_others_do_not() {
    let (database, client) = family().await;
    let other = queueing(&database).await;
    client
        .batch_execute(&format!("BEGIN; {COUNT}"))
        .await
        .unwrap();
    assert_eq!(run(&client, LIVE).await, r#"{"n": 1, "list": []} | 2"#);
    assert_eq!(run(&other, LIVE).await, r#"{"n": 0, "list": []} | 1"#);
    // Nobody waits for it.
    assert_eq!(
        run(&other, "SELECT runmeta.append('top', 'list', '1')").await,
        "2"
    );
    // Its own direct write comes after what it queued.
    assert_eq!(
        run(&client, "SELECT runmeta.set('top', 'n', '5'); COMMIT").await,
        "4"
    );
    assert_eq!(run(&other, STORED).await, r#"{"n": 5, "list": [1]} | 4"#);
}

#[tokio::test]
async fn ten_sessions_that_fold_at_once_apply_each_list_once() {
    let (database, client) = family().await;
    for run_id in 0..20 {
        client
            .batch_execute(&format!(
                "SELECT runmeta.start('p{run_id}', '{{\"n\": 0}}'); SELECT runmeta.start('c{run_id}', parent_run_id => 'p{run_id}')"
            ))
            .await
            .unwrap();
    }
    let sessions = join_all((0..10).map(|_| queueing(&database))).await;
    let work = sessions.iter().map(|session| async move {
        let mut folded = 0;
        for round in 0..20 {
            let count = format!("SELECT count(runmeta.increment('c' || i, 'n', target => 'parent')) FROM generate_series(0, 19) AS i OFFSET {}", round % 2);
            run(session, &count).await;
            let lists = run(session, "SELECT runmeta.fold()").await;
            folded += lists.parse::<i64>().unwrap();
        }
        folded
    });
    let folded: i64 = join_all(work).await.into_iter().sum();
    let rest: i64 = run(&client, "SELECT runmeta.fold()").await.parse().unwrap();
    assert_eq!(folded + rest, 10 * 20 * 20);
    let counts = "SELECT DISTINCT metadata, version FROM runmeta.run WHERE id LIKE 'p%'";
    assert_eq!(run(&client, counts).await, r#"{"n": 200} | 201"#);
}

#[tokio::test]
async fn fold_leaves_out_a_run_that_somebody_has_locked() {
    let (database, client) = family().await;
    client
        .batch_execute("SELECT runmeta.start('a', '{\"n\": 0}'); SELECT runmeta.start('b', parent_run_id => 'a')")
        .await
        .unwrap();
    let count = format!("{COUNT}; SELECT runmeta.increment('b', 'n', target => 'parent')");
    run(&client, &count).await;
    let holder = database.connect().await;
    holder
        .batch_execute("BEGIN; SELECT FROM runmeta.run WHERE id = 'a' FOR UPDATE")
        .await
        .unwrap();
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "1");
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "1");
}

#[tokio::test]
async fn fold_takes_as_many_runs_as_it_is_told() {
    let (_database, client) = family().await;
    client
        .batch_execute("SELECT runmeta.start('a', '{\"n\": 0}'); SELECT runmeta.start('b', parent_run_id => 'a')")
        .await
        .unwrap();
    run(
        &client,
        &format!("{COUNT}; {COUNT}; SELECT runmeta.increment('b', 'n', target => 'parent')"),
    )
    .await;
    assert_eq!(
        run(
            &client,
            "SELECT runmeta.fold(1); SELECT runmeta.fold(1); SELECT runmeta.fold(1)"
        )
        .await,
        "1\n2\n0"
    );
    insta::assert_snapshot!(refusal(client.simple_query("SELECT runmeta.fold(0)").await), @r"
    22023: max_runs is not positive
    HINT: Give a whole number from 1.
    ");
}

/// A trigger that leaves out one run keeps it from being stored: its lists wait on, and the others are folded.
#[tokio::test]
async fn run_that_cannot_be_stored_keeps_its_lists_and_stops_no_other() {
    let (_database, client) = family().await;
    client
        .batch_execute(
            "SELECT runmeta.start('a', '{\"n\": 0}'), runmeta.start('z', '{\"n\": 0}');
            SELECT runmeta.start('b', parent_run_id => 'a'), runmeta.start('y', parent_run_id => 'z');
            CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN IF NEW.id = 'a' THEN RETURN NULL; ELSIF NEW.id = 'top' THEN RAISE 'no'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER guard BEFORE UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION guard();",
        )
        .await
        .unwrap();
    let count = format!(
        "{COUNT}; SELECT runmeta.increment(i, 'n', target => 'parent') FROM unnest('{{b,y}}'::text[]) AS i"
    );
    run(&client, &count).await;
    assert_eq!(
        run(&client, "SELECT runmeta.fold(); SELECT runmeta.fold()").await,
        "1\n0"
    );
    let counts = "SELECT id, metadata ->> 'n' FROM runmeta.run WHERE parent_id IS NULL ORDER BY id;
        SELECT id, metadata ->> 'n' FROM runmeta.live_run WHERE parent_id IS NULL ORDER BY id";
    assert_eq!(
        run(&client, counts).await,
        "a | 0\ntop | 0\nz | 1\na | 1\ntop | 1\nz | 1"
    );
    client
        .batch_execute("DROP TRIGGER guard ON runmeta.run")
        .await
        .unwrap();
    assert_eq!(run(&client, "SELECT runmeta.fold()").await, "2");
}

#[tokio::test]
async fn fold_that_is_cancelled_changes_nothing() {
    let (database, client) = family().await;
    run(&client, COUNT).await;
    let holder = database.connect().await;
    let writer = queueing(&database).await;
    holder
        .batch_execute("BEGIN; SELECT FROM runmeta.run WHERE id = 'top' FOR UPDATE")
        .await
        .unwrap();
    let (waiter, token) = (process(&writer).await, writer.cancel_token());
    let write = writer.simple_query("SELECT runmeta.set('top', 'n', '7')");
    let cancel = async {
        until_waiting(&client, waiter).await;
        token.cancel_query(tokio_postgres::NoTls).await.unwrap();
    };
    let (write, ()) = tokio::join!(write, cancel);
    assert!(refusal(write).starts_with("57014"));
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(run(&client, LIVE).await, r#"{"n": 1, "list": []} | 2"#);
    assert_eq!(waiting(&client).await, 1);
}

/// What was committed while the lock was awaited belongs before the write that waits for it.
#[tokio::test]
async fn lists_that_come_while_a_write_waits_for_the_lock_are_folded_by_it() {
    let (database, client) = family().await;
    let (holder, writer) = (queueing(&database).await, queueing(&database).await);
    holder
        .batch_execute("BEGIN; SELECT runmeta.set('top', 'held', '1')")
        .await
        .unwrap();
    let waiter = process(&writer).await;
    let write = writer.simple_query("SELECT runmeta.append('top', 'list', '3')");
    let queue = async {
        until_waiting(&client, waiter).await;
        run(&client, &append("1")).await;
        run(&client, &append("2")).await;
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let (write, ()) = tokio::join!(write, queue);
    write.unwrap();
    assert_eq!(
        run(&client, STORED).await,
        r#"{"n": 0, "held": 1, "list": [1, 2, 3]} | 5"#
    );
}

/// Queueing locks no run, so two transactions that write to each other's parents cannot wait in a circle.
#[tokio::test]
async fn transactions_that_count_up_each_others_runs_do_not_wait() {
    let (database, client) = family().await;
    let other = queueing(&database).await;
    client
        .batch_execute("SELECT runmeta.start('a'); SELECT runmeta.start('b', parent_run_id => 'a')")
        .await
        .unwrap();
    let to_a = "SELECT runmeta.increment('b', 'n', target => 'parent')";
    client
        .batch_execute(&format!(
            "BEGIN; SELECT runmeta.set('top', 'x', '1'); {to_a}"
        ))
        .await
        .unwrap();
    other
        .batch_execute(&format!(
            "BEGIN; SELECT runmeta.set('a', 'x', '1'); {COUNT}"
        ))
        .await
        .unwrap();
    client
        .batch_execute(&format!("{to_a}; COMMIT"))
        .await
        .unwrap();
    other
        .batch_execute(&format!("{COUNT}; COMMIT"))
        .await
        .unwrap();
    assert_eq!(
        run(
            &client,
            "SELECT runmeta.get('a', 'n'), runmeta.get('top', 'n')"
        )
        .await,
        "2 | 2"
    );
}

#[tokio::test]
async fn without_a_worker_what_waits_is_read_and_folded_all_the_same() {
    let (_database, client) = family().await;
    run(&client, COUNT).await;
    client
        .batch_execute("SET runmeta.inbox = off")
        .await
        .unwrap();
    assert_eq!(run(&client, LIVE).await, r#"{"n": 1, "list": []} | 2"#);
    assert_eq!(run(&client, COUNT).await, "3");
    assert_eq!(run(&client, STORED).await, r#"{"n": 2, "list": []} | 3"#);
}

#[tokio::test]
async fn small_operations_of_a_large_document_wait() {
    let (_database, client) = family().await;
    client
        .batch_execute("SELECT runmeta.set('top', 'text', to_jsonb(repeat('x', 40000)))")
        .await
        .unwrap();
    let calls = "SELECT runmeta.increment('top', 'n'); SELECT runmeta.append('top', 'list', '1')";
    assert_eq!(run(&client, calls).await, "NULL\nNULL");
    let seen = "SELECT runmeta.get('top') - 'text', runmeta.get('top', 'n')";
    assert_eq!(run(&client, seen).await, r#"{"n": 1, "list": [1]} | 1"#);
    // Not small beside the document.
    let large = "SELECT runmeta.set('top', 'more', to_jsonb(repeat('x', 8000)))";
    assert_eq!(run(&client, large).await, "5");
    assert_eq!(waiting(&client).await, 0);
    let stored = "SELECT metadata - 'text' - 'more' FROM runmeta.run WHERE id = 'top'";
    assert_eq!(run(&client, stored).await, r#"{"n": 1, "list": [1]}"#);
}
