//! Attempts and status: a run that is tried again, what ends an attempt, and who may go on with it.

use tokio_postgres::Client;

use crate::harness::{Database, Listener, process, refusal, rows, until_waiting};

const ROW: &str = "SELECT attempt, status, version, started_at IS NOT NULL, finished_at IS NOT NULL, metadata FROM runmeta.run";

async fn refused(client: &Client, statement: &str) -> String {
    refusal(client.batch_execute(statement).await)
}

async fn after(statements: &str) -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    client.batch_execute(statements).await.unwrap();
    (database, client)
}

#[tokio::test]
async fn an_attempt_begins_with_the_metadata_merged_and_is_announced() {
    let (database, client) = after(
        r#"SELECT runmeta.start('job', '{"rows": 0, "plan": {"a": 1}}');
        SELECT runmeta.increment('job', 'rows', 70), runmeta.set('job', '$.plan.b', '2'), runmeta.set('job', 'error', '"x"');
        SELECT runmeta.finish('job', 'failed')"#,
    )
    .await;
    let started = "SELECT started_at, created_at FROM runmeta.run";
    let before = rows(&client, started).await;
    let mut listener = Listener::new(&database).await;
    let again = r#"SELECT runmeta.start('job', '{"rows": 0, "plan": {"a": 3}, "error": null}', task => 'not taken', attempt => 2)"#;
    assert_eq!(rows(&client, again).await, "6");
    assert_eq!(
        listener.payloads().await,
        [r#"{"runs":[{"id":"job","root":"job","version":6}]}"#]
    );
    assert_eq!(
        rows(&client, ROW).await,
        r#"2 | running | 6 | t | f | {"plan": {"a": 3, "b": 2}, "rows": 0}"#
    );
    let now = rows(&client, started).await;
    let created = |row: &str| row.split_once(" | ").map(|(_, created)| created.to_owned());
    assert_eq!(created(&before), created(&now));
    assert_ne!(before, now);
    assert_eq!(
        rows(
            &client,
            "SELECT task IS NULL, started_at = updated_at FROM runmeta.run"
        )
        .await,
        "t | t"
    );
    // The same line again, as of a worker that lost the answer, finds the attempt.
    let row = "SELECT r, xmin FROM runmeta.run AS r";
    let before = rows(&client, row).await;
    assert_eq!(rows(&client, again).await, "6");
    assert_eq!(rows(&client, row).await, before);
}

#[tokio::test]
async fn an_attempt_that_changes_no_metadata_is_a_new_version_all_the_same() {
    let (_database, client) = after(
        r#"SELECT runmeta.start('job', jsonb_build_object('text', repeat('x', 10000))), runmeta.finish('job')"#,
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT runmeta.start('job', attempt => 5)").await,
        "3"
    );
    assert_eq!(
        rows(
            &client,
            "SELECT attempt, version, runmeta.size(metadata) FROM runmeta.run"
        )
        .await,
        "5 | 3 | 10011"
    );
}

#[tokio::test]
async fn a_greater_attempt_begins_also_where_the_last_one_never_finished() {
    let (_database, client) =
        after("SELECT runmeta.start('job', '{\"rows\": 0}'), runmeta.increment('job', 'rows', 5)")
            .await;
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.start('job', '{\"rows\": 0}', attempt => 2)"
        )
        .await,
        "3"
    );
    assert_eq!(
        rows(&client, ROW).await,
        r#"2 | running | 3 | t | f | {"rows": 0}"#
    );
}

#[tokio::test]
async fn the_same_line_serves_every_attempt() {
    let (_database, client) = after("").await;
    for attempt in 1..=3 {
        client
            .batch_execute(&format!(
                "SELECT runmeta.start('job', '{{\"rows\": 0}}', attempt => {attempt});
                 SELECT runmeta.increment('job', 'rows') FROM generate_series(1, 100);
                 SELECT runmeta.finish('job', CASE {attempt} WHEN 3 THEN 'completed' ELSE 'failed' END)"
            ))
            .await
            .unwrap();
    }
    assert_eq!(
        rows(&client, ROW).await,
        r#"3 | completed | 306 | t | t | {"rows": 100}"#
    );
}

#[tokio::test]
async fn a_new_run_has_the_attempt_and_the_status_given() {
    let (_database, client) = after(
        "SELECT runmeta.start('third', attempt => 3), runmeta.start('queued', status => 'queued'),
            runmeta.start('checking', status => 'checking'), runmeta.start('null', status => NULL)",
    )
    .await;
    let row = "SELECT id, attempt, status, started_at = created_at FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, row).await, @r"
    checking | 1 | checking | t
    null | 1 | running | t
    queued | 1 | queued | NULL
    third | 3 | running | t
    ");
}

#[tokio::test]
async fn a_start_without_attempt_is_refused_once_the_run_has_finished() {
    let (_database, client) = after(
        "SELECT runmeta.start('job'), runmeta.finish('job', 'failed');
         UPDATE runmeta.run SET finished_at = '2026-01-02 03:04:05+00'",
    )
    .await;
    let row = "SELECT r, xmin FROM runmeta.run AS r";
    let before = rows(&client, row).await;
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.start('job')").await, @r#"
    55000: run "job" has finished
    DETAIL: Attempt 1 finished at 2026-01-02T03:04:05+00:00 with the status "failed".
    HINT: An attempt finishes once. Begin another one with runmeta.start(..., attempt => 2).
    "#);
    // Its own number finds it.
    assert_eq!(
        rows(&client, "SELECT runmeta.start('job', attempt => 1)").await,
        "2"
    );
    assert_eq!(rows(&client, row).await, before);
}

#[tokio::test]
async fn a_worker_of_an_older_attempt_is_refused() {
    let (_database, client) = after("SELECT runmeta.start('job', attempt => 3)").await;
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.start('job', attempt => 2)").await, @r#"
    55000: attempt 2 at run "job" is over
    DETAIL: Attempt 3 has begun.
    HINT: A worker of an older attempt must stop: the run belongs to a newer one.
    "#);
    for (attempt, message) in [
        ("0", "attempt is not positive"),
        ("-1", "attempt is not positive"),
    ] {
        let refusal = refused(
            &client,
            &format!("SELECT runmeta.start('job', attempt => {attempt})"),
        )
        .await;
        assert!(
            refusal.starts_with(&format!("22023: {message}")),
            "{refusal}"
        );
    }
    assert_eq!(rows(&client, ROW).await, "3 | running | 1 | t | f | {}");
}

#[tokio::test]
async fn an_attempt_whose_document_would_be_too_large_does_not_begin() {
    let (_database, client) = after(
        r#"SELECT runmeta.start('job', '{"a": "123456789012345"}'), runmeta.finish('job', 'failed')"#,
    )
    .await;
    let row = "SELECT r, xmin FROM runmeta.run AS r";
    let before = rows(&client, row).await;
    insta::assert_snapshot!(refused(&client, r#"SET runmeta.maximum_size = 30; SELECT runmeta.start('job', '{"b": "1234567"}', attempt => 2)"#).await, @r#"
    54000: metadata of run "job" would be too large
    DETAIL: It would have 37 bytes as compact JSON, and the limit is 30.
    HINT: Keep logs short with append's keep, or raise runmeta.maximum_size.
    "#);
    assert_eq!(rows(&client, row).await, before);
    // One that makes it shorter may begin.
    assert_eq!(
        rows(
            &client,
            r#"SELECT runmeta.start('job', '{"a": null}', attempt => 2)"#
        )
        .await,
        "3"
    );
}

#[tokio::test]
async fn another_attempt_opens_a_closed_run_for_writes() {
    let (_database, client) = after(
        "SELECT runmeta.start('job'), runmeta.finish('job', 'failed');
         UPDATE runmeta.run SET finished_at = '2026-01-01'",
    )
    .await;
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.increment('job', 'rows')").await, @r#"
    55000: run "job" is closed
    DETAIL: It finished at 2026-01-01T00:00:00+00:00, and took writes for 3600 seconds after that.
    HINT: Begin another attempt with runmeta.start, or raise runmeta.update_window.
    "#);
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.start('job', attempt => 2), runmeta.increment('job', 'rows')"
        )
        .await,
        "3 | 4"
    );
}

#[tokio::test]
async fn finish_ends_an_attempt_once() {
    let (_database, client) = after("SELECT runmeta.start('job')").await;
    let row = "SELECT r, xmin FROM runmeta.run AS r";
    assert_eq!(rows(&client, "SELECT runmeta.finish('job')").await, "2");
    let finished = rows(&client, row).await;
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.finish('job'), runmeta.finish('job', 'completed')"
        )
        .await,
        "2 | 2"
    );
    let refusal = refused(&client, "SELECT runmeta.finish('job', 'failed')").await;
    assert!(
        refusal.starts_with("55000: run \"job\" has finished"),
        "{refusal}"
    );
    assert_eq!(rows(&client, row).await, finished);
    // However long ago.
    client
        .batch_execute("UPDATE runmeta.run SET finished_at = '2026-01-01'")
        .await
        .unwrap();
    assert_eq!(rows(&client, "SELECT runmeta.finish('job')").await, "2");
    let refusal = refused(&client, "SELECT runmeta.finish('job', 'failed')").await;
    assert!(
        refusal.starts_with("55000: run \"job\" has finished"),
        "{refusal}"
    );
    // Each attempt ends anew.
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.start('job', attempt => 2), runmeta.finish('job', 'failed')"
        )
        .await,
        "3 | 4"
    );
}

/// A worker that was given up for dead must not end the attempt of the one that took over.
#[tokio::test]
async fn a_late_worker_that_names_its_attempt_changes_no_newer_one() {
    let (_database, client) = after("SELECT runmeta.start('job', attempt => 2)").await;
    for call in [
        "runmeta.finish('job', 'failed', attempt => 1)",
        "runmeta.set_status('job', 'paused', attempt => 1)",
    ] {
        let refusal = refused(&client, &format!("SELECT {call}")).await;
        assert_eq!(
            refusal,
            "55000: attempt 1 at run \"job\" is over\nDETAIL: Attempt 2 has begun.\n\
             HINT: A worker of an older attempt must stop: the run belongs to a newer one."
        );
        let early = call.replace("=> 1", "=> 3");
        let refusal = refused(&client, &format!("SELECT {early}")).await;
        assert_eq!(
            refusal,
            "55000: attempt 3 at run \"job\" has not begun\nDETAIL: The run is at attempt 2.\n\
             HINT: Begin it first, with runmeta.start(..., attempt => 3)."
        );
    }
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.set_status('job', 'paused', attempt => 2), runmeta.finish('job', attempt => 2)"
        )
        .await,
        "2 | 3"
    );
    // Finished with the same status, but by a newer attempt.
    let again = "SELECT runmeta.finish('job', attempt => 1)";
    assert!(
        refused(&client, again)
            .await
            .starts_with("55000: attempt 1 at run")
    );
}

#[tokio::test]
async fn finish_refuses_words_that_mean_an_unfinished_run() {
    let (_database, client) = after("SELECT runmeta.start('job')").await;
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.finish('job', 'running')").await, @r#"
    22023: status "running" means that a run has not finished
    DETAIL: These words do: queued, pending, scheduled, delayed, available, created, running, executing, active, paused, waiting, retrying.
    HINT: Finish the run with another word, or set this one with runmeta.set_status.
    "#);
    for word in [
        "queued",
        "pending",
        "scheduled",
        "delayed",
        "available",
        "created",
        "executing",
        "active",
        "paused",
        "waiting",
        "retrying",
    ] {
        let refusal = refused(&client, &format!("SELECT runmeta.finish('job', '{word}')")).await;
        assert!(refusal.starts_with("22023: status"), "{word}: {refusal}");
    }
    assert_eq!(rows(&client, ROW).await, "1 | running | 1 | t | f | {}");
    assert_eq!(
        rows(&client, "SELECT runmeta.finish('job', 'gave up')").await,
        "2"
    );
}

#[tokio::test]
async fn words_that_mean_a_finished_run_are_for_finish_alone() {
    let (_database, client) = after("SELECT runmeta.start('job')").await;
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.set_status('job', 'completed')").await, @r#"
    22023: status "completed" means that a run has finished
    DETAIL: These words do: completed, succeeded, failed, cancelled, canceled, discarded, done, complete, success, error, aborted, crashed, killed, expired, timeout, timed_out.
    HINT: Finish the run with runmeta.finish.
    "#);
    for word in [
        "completed",
        "succeeded",
        "failed",
        "cancelled",
        "canceled",
        "discarded",
    ] {
        for call in [
            format!("set_status('job', '{word}')"),
            format!("start('other', status => '{word}')"),
            format!("start('job', status => '{word}', attempt => 2)"),
        ] {
            let refusal = refused(&client, &format!("SELECT runmeta.{call}")).await;
            assert!(refusal.starts_with("22023: status"), "{call}: {refusal}");
        }
    }
    assert_eq!(rows(&client, ROW).await, "1 | running | 1 | t | f | {}");
}

#[tokio::test]
async fn set_status_changes_the_word_and_sets_when_work_began() {
    let (database, client) = after("SELECT runmeta.start('job', status => 'queued')").await;
    let mut listener = Listener::new(&database).await;
    assert_eq!(
        rows(&client, "SELECT runmeta.set_status('job', 'delayed')").await,
        "2"
    );
    assert_eq!(rows(&client, ROW).await, "1 | delayed | 2 | f | f | {}");
    assert_eq!(
        rows(&client, "SELECT runmeta.set_status('job', 'checking')").await,
        "3"
    );
    assert_eq!(rows(&client, ROW).await, "1 | checking | 3 | t | f | {}");
    assert_eq!(
        listener.payloads().await,
        [2, 3].map(|version| format!(
            r#"{{"runs":[{{"id":"job","root":"job","version":{version}}}]}}"#
        ))
    );
    let began = "SELECT started_at FROM runmeta.run";
    let first = rows(&client, began).await;
    let row = "SELECT r, xmin FROM runmeta.run AS r";
    let before = rows(&client, row).await;
    assert_eq!(
        rows(&client, "SELECT runmeta.set_status('job', 'checking')").await,
        "3"
    );
    assert_eq!(rows(&client, row).await, before);
    // Set aside and taken up again: the attempt began when it began.
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.set_status('job', 'queued'), runmeta.set_status('job', 'running')"
        )
        .await,
        "4 | 5"
    );
    assert_eq!(rows(&client, began).await, first);
}

#[tokio::test]
async fn set_status_refuses_a_run_that_has_finished_or_does_not_exist() {
    let (_database, client) = after("SELECT runmeta.start('job'), runmeta.finish('job')").await;
    let refusal = refused(&client, "SELECT runmeta.set_status('job', 'running')").await;
    assert!(
        refusal.starts_with("55000: run \"job\" has finished"),
        "{refusal}"
    );
    let refusal = refused(&client, "SELECT runmeta.set_status('nobody', 'running')").await;
    assert!(refusal.starts_with("P0002: "), "{refusal}");
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.set_status('job', NULL)").await, @"
    22004: status is null
    HINT: Give it a value that is not NULL.
    ");
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.set_status('job', '')").await, @"
    22023: status has 0 bytes
    DETAIL: A status has 1 to 255 bytes.
    HINT: Give a shorter text, or a hash of it, and never an empty one.
    ");
    assert_eq!(
        rows(&client, "SELECT runmeta.set_status(NULL, 'running')").await,
        "NULL"
    );
}

#[tokio::test]
async fn a_run_that_never_began_to_work_can_be_cancelled() {
    let (_database, client) = after("SELECT runmeta.start('job', status => 'queued')").await;
    assert_eq!(
        rows(&client, "SELECT runmeta.finish('job', 'cancelled')").await,
        "2"
    );
    assert_eq!(rows(&client, ROW).await, "1 | cancelled | 2 | f | t | {}");
    // And queued for another attempt.
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.start('job', status => 'queued', attempt => 2)"
        )
        .await,
        "3"
    );
    assert_eq!(rows(&client, ROW).await, "2 | queued | 3 | f | f | {}");
}

/// What a second session got that asked while the first one's transaction was open, and waited for its end.
async fn meanwhile(
    first: &str,
    second: &str,
    end: &str,
) -> (Database, Client, Result<String, String>) {
    let (database, one) =
        after("SELECT runmeta.start('job', '{\"rows\": 0}'), runmeta.increment('job', 'rows', 7)")
            .await;
    let other = database.connect().await;
    let observer = database.connect().await;
    let waiting = process(&other).await;
    one.batch_execute(&format!("BEGIN; SELECT runmeta.{first}"))
        .await
        .unwrap();
    let statement = format!("SELECT runmeta.{second}");
    let answer = tokio::spawn(async move {
        match other.query_one(&statement, &[]).await {
            Ok(row) => Ok(row.get::<_, i64>(0).to_string()),
            Err(error) => Err(refusal(Err::<(), _>(error))),
        }
    });
    until_waiting(&observer, waiting).await;
    one.batch_execute(end).await.unwrap();
    let answer = answer.await.unwrap();
    (database, observer, answer)
}

#[tokio::test]
async fn of_two_sessions_that_begin_one_attempt_one_does_and_the_other_finds_it() {
    let begin = "start('job', '{\"rows\": 0}', attempt => 2)";
    let (_database, client, answer) = meanwhile(
        begin,
        begin,
        "SELECT runmeta.increment('job', 'rows', 1); COMMIT",
    )
    .await;
    assert_eq!(answer.unwrap(), "4");
    assert_eq!(
        rows(&client, ROW).await,
        r#"2 | running | 4 | t | f | {"rows": 1}"#
    );

    let (_database, client, answer) = meanwhile(begin, begin, "ROLLBACK").await;
    assert_eq!(answer.unwrap(), "3");
    assert_eq!(
        rows(&client, ROW).await,
        r#"2 | running | 3 | t | f | {"rows": 0}"#
    );
}

#[tokio::test]
async fn an_attempt_that_waited_for_a_greater_one_is_refused() {
    let (_database, client, answer) = meanwhile(
        "start('job', attempt => 3)",
        "start('job', attempt => 2)",
        "COMMIT",
    )
    .await;
    let refusal = answer.unwrap_err();
    assert!(
        refusal.starts_with("55000: attempt 2 at run \"job\" is over"),
        "{refusal}"
    );
    assert_eq!(
        rows(&client, ROW).await,
        r#"3 | running | 3 | t | f | {"rows": 7}"#
    );
}

#[tokio::test]
async fn an_attempt_that_waited_for_a_finish_or_a_flush_begins_after_it() {
    let begin = "start('job', '{\"error\": null}', attempt => 2)";
    let (_database, client, answer) = meanwhile("finish('job', 'failed')", begin, "COMMIT").await;
    assert_eq!(answer.unwrap(), "4");
    assert_eq!(
        rows(&client, ROW).await,
        r#"2 | running | 4 | t | f | {"rows": 7}"#
    );

    let flush = r#"flush('[{"run": "job", "operations": [{"type": "increment", "key": "rows", "value": 1}]}]')"#;
    let (_database, client, answer) = meanwhile(flush, begin, "COMMIT").await;
    assert_eq!(answer.unwrap(), "4");
    assert_eq!(
        rows(&client, ROW).await,
        r#"2 | running | 4 | t | f | {"rows": 8}"#
    );
}

#[tokio::test]
async fn a_finish_that_waited_for_another_one_is_refused_unless_it_is_the_same() {
    let (_, _, answer) = meanwhile("finish('job', 'failed')", "finish('job')", "COMMIT").await;
    let refusal = answer.unwrap_err();
    assert!(
        refusal.starts_with("55000: run \"job\" has finished"),
        "{refusal}"
    );
    let (_, _, answer) = meanwhile("finish('job')", "finish('job')", "COMMIT").await;
    assert_eq!(answer.unwrap(), "3");
    let (_, _, answer) = meanwhile("finish('job')", "set_status('job', 'paused')", "COMMIT").await;
    let refusal = answer.unwrap_err();
    assert!(
        refusal.starts_with("55000: run \"job\" has finished"),
        "{refusal}"
    );
}

#[tokio::test]
async fn an_attempt_begins_at_repeatable_read_or_asks_to_be_tried_again() {
    let (database, client) =
        after("SELECT runmeta.start('job'), runmeta.finish('job', 'failed')").await;
    client
        .batch_execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT runmeta.start('job', '{\"rows\": 0}', attempt => 2); COMMIT",
        )
        .await
        .unwrap();
    assert_eq!(
        rows(&client, ROW).await,
        r#"2 | running | 3 | t | f | {"rows": 0}"#
    );

    client
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT runmeta.get('job')")
        .await
        .unwrap();
    let other = database.connect().await;
    other
        .batch_execute("SELECT runmeta.start('job', attempt => 3)")
        .await
        .unwrap();
    let refusal = refused(&client, "SELECT runmeta.start('job', attempt => 3)").await;
    assert_eq!(
        refusal,
        "40001: could not serialize access due to concurrent update"
    );
}

#[tokio::test]
async fn a_stale_worker_with_an_old_snapshot_asks_to_be_tried_again_whatever_its_parent() {
    let (database, client) = after(
        "SELECT runmeta.start('root'), runmeta.start('job'), runmeta.start('below', parent_run_id => 'job'),
            runmeta.start('child', parent_run_id => 'root');
         DELETE FROM runmeta.run WHERE id = 'root'",
    )
    .await;
    let newer = database.connect().await;
    let mut attempt = 1;
    for isolation in ["REPEATABLE READ", "SERIALIZABLE"] {
        for (run, parent) in [
            ("job", ""),
            // The parent is the run itself, is below it, never was there, or is gone.
            ("job", "'job'"),
            ("job", "'below'"),
            ("job", "'nobody'"),
            ("child", "'root'"),
        ] {
            let start = match parent {
                "" => format!("runmeta.start('{run}', attempt => {attempt})"),
                _ => format!(
                    "runmeta.start('{run}', parent_run_id => {parent}, attempt => {attempt})"
                ),
            };
            // Found as it is, as long as nobody has changed it.
            for statements in [
                &format!(
                    "SELECT runmeta.start(id, attempt => {attempt}) FROM unnest('{{job,child}}'::text[]) AS id"
                ),
                &format!("BEGIN ISOLATION LEVEL {isolation}; SELECT {start}; COMMIT"),
                &format!("BEGIN ISOLATION LEVEL {isolation}; SELECT runmeta.get('job')"),
            ] {
                client.batch_execute(statements).await.unwrap();
            }
            attempt += 1;
            newer
                .batch_execute(&format!(
                    "SELECT runmeta.start('{run}', attempt => {attempt})"
                ))
                .await
                .unwrap();
            let refusal = refused(&client, &format!("SELECT {start}")).await;
            assert_eq!(
                refusal, "40001: could not serialize access due to concurrent update",
                "{isolation}: {start}"
            );
            client.batch_execute("ROLLBACK").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_policy_that_shows_a_run_and_lets_nobody_change_it_is_named() {
    let (database, client) = after(
        "SELECT runmeta.start('job'), runmeta.start('finished'), runmeta.finish('finished');
         ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
         CREATE POLICY start ON runmeta.run FOR INSERT WITH CHECK (true);
         CREATE POLICY read ON runmeta.run FOR SELECT USING (true)",
    )
    .await;
    let row = "SELECT r, xmin FROM runmeta.run AS r ORDER BY id";
    let before = rows(&client, row).await;
    let writer = database.connect_as("runmeta_writer").await;
    for (call, run) in [
        ("start('job', attempt => 2)", "job"),
        ("set_status('job', 'paused')", "job"),
        ("finish('job')", "job"),
        // Its row has to be locked, so that prune leaves it.
        ("start('child', parent_run_id => 'finished')", "finished"),
    ] {
        let refusal = refused(&writer, &format!("SELECT runmeta.{call}")).await;
        let expected = format!("42501: permission denied for run \"{run}\"");
        assert!(refusal.starts_with(&expected), "{call}: {refusal}");
    }
    assert_eq!(rows(&client, row).await, before);
    assert_eq!(
        rows(
            &writer,
            "SELECT runmeta.start('job'), runmeta.start('child', parent_run_id => 'job')"
        )
        .await,
        "1 | 1"
    );
}

#[tokio::test]
async fn no_attempt_begins_and_none_ends_past_the_last_version() {
    let (_database, client) = after(
        "SELECT runmeta.start('job');
         UPDATE runmeta.run SET version = 9223372036854775807",
    )
    .await;
    for call in [
        "start('job', attempt => 2)",
        "set_status('job', 'paused')",
        "finish('job')",
    ] {
        let refusal = refused(&client, &format!("SELECT runmeta.{call}")).await;
        assert!(
            refusal.starts_with("22003: run \"job\" has"),
            "{call}: {refusal}"
        );
    }
    assert_eq!(
        rows(&client, ROW).await,
        "1 | running | 9223372036854775807 | t | f | {}"
    );
}
