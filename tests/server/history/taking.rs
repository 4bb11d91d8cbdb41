//! When samples are taken.

use super::{past, run, samples, samples_of, start, tracked};
use crate::harness::{by_hand, until};

/// Each kind of write, to the run of which the id stands for `$id`.
const WRITES: &[(&str, &str)] = &[
    ("increment", "SELECT runmeta.increment('$id', 'n', 7)"),
    (
        "apply",
        r#"SELECT * FROM runmeta.apply('$id', '[{"type": "set", "key": "n", "value": 7}]')"#,
    ),
    (
        "flush",
        r#"SELECT * FROM runmeta.flush('[{"run": "$id", "operations": [{"type": "increment", "key": "n", "value": 7}]}]')"#,
    ),
    (
        "flush with a status",
        r#"SELECT * FROM runmeta.flush('[{"run": "$id", "operations": [{"type": "increment", "key": "n", "value": 7}], "status": "paused"}]')"#,
    ),
    (
        "flush that finishes",
        r#"SELECT * FROM runmeta.flush('[{"run": "$id", "operations": [{"type": "increment", "key": "n", "value": 7}], "finish": "completed"}]')"#,
    ),
    (
        "fold",
        "SET runmeta.inbox = on; SELECT runmeta.start('$id/1', parent_run_id => '$id');
         SELECT runmeta.increment('$id/1', 'n', 7, 'parent'); SELECT runmeta.fold(1000); RESET runmeta.inbox",
    ),
    (
        "by hand",
        r#"UPDATE runmeta.run SET metadata = metadata || '{"n": 7}' WHERE id = '$id'"#,
    ),
    (
        "without plans that are kept",
        "SET plan_cache_mode = force_custom_plan; SELECT runmeta.increment('$id', 'n', 7); RESET plan_cache_mode",
    ),
];

#[tokio::test]
async fn every_kind_of_write_takes_a_sample() {
    let (_database, client) = tracked().await;
    for (position, (kind, write)) in WRITES.iter().enumerate() {
        let id = format!("run {position}");
        start(&client, &id).await;
        run(&client, &write.replace("$id", &id)).await;
        assert_eq!(samples(&client, &id).await, "0 7", "{kind}");
    }
}

#[tokio::test]
async fn flush_takes_samples_of_all_its_runs() {
    let (_database, client) = tracked().await;
    run(
        &client,
        r#"SELECT count(runmeta.start('run ' || i, '{"n": 0}', task => CASE i % 2 WHEN 0 THEN 'import' ELSE 'other' END)) FROM generate_series(1, 200) AS i;
        SELECT count(*) FROM runmeta.flush((SELECT jsonb_agg(jsonb_build_object('run', 'run ' || i, 'operations',
            '[{"type": "increment", "key": "n", "value": 3}]'::jsonb)) FROM generate_series(1, 200) AS i))"#,
    )
    .await;
    let taken = "SELECT count(*), min(value), max(value), count(*) FILTER (WHERE substr(run_id, 5)::int % 2 = 1) FROM runmeta.history";
    assert_eq!(run(&client, taken).await, "100 | {0,3} | {0,3} | 0");
}

#[tokio::test]
async fn writes_between_two_samples_are_left_out_and_the_final_number_never_is() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    for _ in 0..5 {
        run(&client, "SELECT runmeta.increment('a', 'n')").await;
    }
    assert_eq!(samples(&client, "a").await, "0 1");
    run(&client, "SELECT runmeta.finish('a')").await;
    assert_eq!(samples(&client, "a").await, "0 5");
}

#[tokio::test]
async fn next_sample_is_taken_when_its_time_has_come() {
    let (_database, client) = tracked().await;
    run(&client, "SELECT runmeta.track('import', 'n', '1 second')").await;
    start(&client, "a").await;
    run(&client, "SELECT runmeta.increment('a', 'n')").await;
    until(
        &client,
        "SELECT runmeta.increment('a', 'n') > 0 AND count(*) = 3 FROM runmeta.samples('a', 'n')",
    )
    .await;
    let apart = "SELECT min(apart) >= interval '1 second' FROM (
        SELECT at - lag(at) OVER (ORDER BY at) AS apart FROM runmeta.samples('a', 'n') OFFSET 2) AS s";
    assert_eq!(run(&client, apart).await, "t");
}

#[tokio::test]
async fn number_that_stays_the_same_takes_no_sample() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    run(&client, "SELECT runmeta.set('a', 'other', '1')").await;
    assert_eq!(samples(&client, "a").await, "0");
    run(
        &client,
        "SELECT runmeta.set('a', 'n', '0.0'); SELECT runmeta.finish('a')",
    )
    .await;
    assert_eq!(samples(&client, "a").await, "0");
}

#[tokio::test]
async fn another_attempt_goes_on_in_the_same_history() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    run(
        &client,
        r#"SELECT runmeta.increment('a', 'n', 40); SELECT runmeta.finish('a', 'failed')"#,
    )
    .await;
    // So that the sample of the end is not taken for a provisional one.
    run(&client, "UPDATE runmeta.history SET at = ARRAY(SELECT a - interval '1 hour' * (3 - o) FROM unnest(at) WITH ORDINALITY AS t (a, o))").await;
    run(
        &client,
        r#"SELECT runmeta.start('a', '{"n": 2}', attempt => 2)"#,
    )
    .await;
    assert_eq!(samples(&client, "a").await, "0 40 2");
}

#[tokio::test]
async fn number_before_a_pause_is_kept_by_the_write_after_it() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    run(
        &client,
        "SELECT runmeta.set('a', 'n', '1'); SELECT runmeta.set('a', 'n', '5')",
    )
    .await;
    run(
        &client,
        "UPDATE runmeta.history SET at = ARRAY(SELECT a - interval '1 hour' FROM unnest(at) AS a);
        UPDATE runmeta.run SET updated_at = now() - interval '30 minutes'",
    )
    .await;
    run(
        &client,
        r#"SELECT * FROM runmeta.flush('[{"run": "a", "operations": [{"type": "set", "key": "n", "value": 9}], "finish": "completed"}]')"#,
    )
    .await;
    let shown = "SELECT value, round(extract(epoch FROM now() - at) / 60) FROM runmeta.samples('a', 'n') OFFSET 1";
    assert_eq!(run(&client, shown).await, "5 | 30\n9 | 0");
}

/// The clock of the server was set back, or another server with another clock has taken over.
#[tokio::test]
async fn samples_of_a_time_that_has_not_come_are_dropped() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    past(&client, "a", "60,30,-30,-60", "0,10,20,30").await;
    run(
        &client,
        "SELECT runmeta.set('a', 'n', '11'); SELECT runmeta.finish('a')",
    )
    .await;
    assert_eq!(samples(&client, "a").await, "0 10 11");
}

#[tokio::test]
async fn sample_is_rolled_back_with_its_write() {
    let (_database, client) = tracked().await;
    start(&client, "a").await;
    run(
        &client,
        "BEGIN; SELECT runmeta.increment('a', 'n'); ROLLBACK",
    )
    .await;
    run(
        &client,
        "BEGIN; SAVEPOINT s; SELECT runmeta.increment('a', 'n'), runmeta.finish('a'); ROLLBACK TO s; COMMIT",
    )
    .await;
    assert_eq!(samples(&client, "a").await, "");
    run(
        &client,
        r#"SELECT * FROM runmeta.flush('[{"run": "a", "operations": [{"type": "set", "key": "n", "value": 2}], "finish": "completed"}]')"#,
    )
    .await;
    assert_eq!(samples(&client, "a").await, "0 2");
}

#[tokio::test]
async fn what_is_no_number_takes_no_sample_and_breaks_nothing() {
    let (_database, client) = tracked().await;
    by_hand(&client).await;
    for value in [r#""7""#, "null", "{}", "[7]", "true", "1e400", "-1e400"] {
        run(
            &client,
            &format!(
                "SELECT runmeta.start('a', '{{\"n\": 1}}', task => 'import'), runmeta.set('a', 'n', '{value}'), runmeta.finish('a')"
            ),
        )
        .await;
        assert_eq!(samples(&client, "a").await, "", "{value}");
        run(&client, "DELETE FROM runmeta.run").await;
    }
    start(&client, "a").await;
    run(&client, "UPDATE runmeta.run SET metadata = '7'; UPDATE runmeta.run SET metadata = '[1]', finished_at = now()").await;
    assert_eq!(samples(&client, "a").await, "");
}

#[tokio::test]
async fn paths_lead_to_numbers_in_the_metadata() {
    let (_database, client) = tracked().await;
    run(
        &client,
        r#"SELECT runmeta.track('import', '$.stats.rows'), runmeta.track('import', '$.parts[-1].done'), runmeta.track('import', '$.["a.b"]');
        SELECT runmeta.start('a', '{"stats": {"rows": 1}, "parts": [1, {"done": 2}], "a.b": 1e-400}', task => 'import');
        SELECT runmeta.increment('a', '$.stats.rows', 0.5), runmeta.set('a', '$.parts.1.done', '3'), runmeta.finish('a')"#,
    )
    .await;
    assert_eq!(samples_of(&client, "a", "$.stats.rows").await, "1 1.5");
    assert_eq!(samples_of(&client, "a", "$.parts[-1].done").await, "2 3");
    assert_eq!(samples_of(&client, "a", r#"$.["a.b"]"#).await, "0");
}

/// A document of 200 kB is stored elsewhere: it is read only where a sample is due.
#[tokio::test]
async fn number_of_a_large_document_is_found() {
    let (_database, client) = tracked().await;
    run(
        &client,
        r#"SELECT runmeta.start('a', jsonb_build_object('n', 1, 'log', (SELECT jsonb_agg(md5(i::text)) FROM generate_series(1, 5000) AS i)), task => 'import');
        SET runmeta.inbox = off; SELECT runmeta.increment('a', 'n'); SELECT runmeta.increment('a', 'n'); SELECT runmeta.finish('a')"#,
    )
    .await;
    assert_eq!(samples(&client, "a").await, "1 3");
}
