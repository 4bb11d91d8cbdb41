//! Streams go with their runs, and by their age.

use super::{append, chunks, family, run};
use crate::harness::{Listener, by_hand, process, until_waiting};

const FINISH: &str = "SELECT runmeta.finish('child'), runmeta.finish('top');
    UPDATE runmeta.run SET finished_at = now() - interval '2 hours'";
const LEFT: &str = "SELECT (SELECT count(*) FROM runmeta.run), (SELECT count(*) FROM runmeta.stream), (SELECT count(*) FROM runmeta.stream_chunk)";

#[tokio::test]
async fn prune_deletes_streams_with_their_runs_and_announces_the_runs() {
    let (database, client) = family().await;
    run(
        &client,
        "SELECT runmeta.start('other'); SELECT runmeta.stream_append(r, 'logs', jsonb_build_array(repeat('x', 5000)))
         FROM unnest('{top,child,other}'::text[]) AS r",
    )
    .await;
    run(&client, FINISH).await;
    run(
        &client,
        "UPDATE runmeta.run SET finished_at = NULL WHERE id = 'other'",
    )
    .await;
    let mut listener = Listener::new(&database).await;
    assert_eq!(
        run(&client, "SELECT runmeta.prune(now() - interval '1 hour')").await,
        "2"
    );
    assert_eq!(run(&client, LEFT).await, "1 | 1 | 1");
    let payloads = listener.payloads().await;
    assert_eq!(
        payloads,
        [r#"{"runs":[{"id":"child","root":"top"},{"id":"top","root":"top"}]}"#]
    );
}

#[tokio::test]
async fn tree_with_a_stream_that_somebody_writes_to_is_left() {
    let (database, client) = family().await;
    append(&client, "logs", "[1]").await;
    run(&client, FINISH).await;
    let writer = database.connect().await;
    writer
        .batch_execute("SET runmeta.update_window = -1; BEGIN; SELECT runmeta.stream_append('top', 'logs', '[2]')")
        .await
        .unwrap();
    // As if the transaction had begun long ago.
    run(
        &client,
        "UPDATE runmeta.run SET finished_at = now() - interval '9 hours'",
    )
    .await;
    assert_eq!(
        run(&client, "SELECT runmeta.prune(now() - interval '1 hour')").await,
        "0"
    );
    writer.batch_execute("COMMIT").await.unwrap();
    assert_eq!(chunks(&client, "logs").await, "0 1, 1 2");
    assert_eq!(
        run(&client, "SELECT runmeta.prune(now() - interval '1 hour')").await,
        "2"
    );
    assert_eq!(run(&client, LEFT).await, "0 | 0 | 0");
}

/// The first append and a later one: each waits for prune, and finds no run.
#[tokio::test]
async fn append_that_comes_while_its_tree_is_pruned_finds_no_run() {
    for stream in ["logs", "new"] {
        let (database, client) = family().await;
        append(&client, "logs", "[1]").await;
        run(&client, FINISH).await;
        let writer = database.connect().await;
        writer
            .batch_execute("SET runmeta.update_window = -1")
            .await
            .unwrap();
        let process = process(&writer).await;
        let observer = database.connect().await;
        client
            .batch_execute("BEGIN; SELECT runmeta.prune(now() - interval '1 hour')")
            .await
            .unwrap();
        let append = format!("SELECT runmeta.stream_append('top', '{stream}', '[2]')");
        let (refused, ()) = tokio::join!(super::refused(&writer, &append), async {
            until_waiting(&observer, process).await;
            client.batch_execute("COMMIT").await.unwrap();
        });
        assert!(
            refused.starts_with("P0002: no such run: \"top\""),
            "{refused}"
        );
        assert_eq!(run(&client, LEFT).await, "0 | 0 | 0");
    }
}

#[tokio::test]
async fn very_many_runs_that_are_pruned_are_announced_as_a_resync() {
    let (database, client) = family().await;
    run(
        &client,
        "SELECT count(runmeta.start('run ' || i, parent_run_id => 'top')) FROM generate_series(1, 10001) AS i;
         SELECT runmeta.finish('top'); UPDATE runmeta.run SET finished_at = now() - interval '2 hours'",
    )
    .await;
    let mut listener = Listener::new(&database).await;
    assert_eq!(
        run(&client, "SELECT runmeta.prune(now() - interval '1 hour')").await,
        "10003"
    );
    assert_eq!(listener.payloads().await, [r#"{"resync":true}"#]);
}

#[tokio::test]
async fn prune_streams_deletes_old_ones_that_nobody_will_append_to() {
    let (_database, client) = family().await;
    by_hand(&client).await;
    run(
        &client,
        "SELECT runmeta.start('finished'), runmeta.start('gone'), runmeta.start('late');
         SELECT runmeta.stream_append(r, s, jsonb_build_array(repeat('x', 5000)))
         FROM unnest('{top,finished,gone,late}'::text[]) AS r, unnest('{open,closed}'::text[]) AS s;
         SELECT runmeta.stream_close(r, 'closed') FROM unnest('{top,finished,gone,late}'::text[]) AS r;
         SELECT runmeta.finish('finished'), runmeta.finish('late');
         UPDATE runmeta.stream SET updated_at = '2026-01-01';
         UPDATE runmeta.run SET finished_at = '2026-01-02' WHERE id = 'finished';
         DELETE FROM runmeta.run WHERE id = 'gone';
         SELECT runmeta.stream_append('top', 'new', '[1]'); SELECT runmeta.stream_close('top', 'new')",
    )
    .await;
    assert_eq!(
        run(&client, "SELECT runmeta.prune_streams('2026-01-01')").await,
        "0"
    );
    assert_eq!(
        run(&client, "SELECT runmeta.prune_streams('2026-02-01', 2)").await,
        "2"
    );
    assert_eq!(
        run(&client, "SELECT runmeta.prune_streams('2026-02-01')").await,
        "4"
    );
    assert_eq!(
        run(
            &client,
            "SELECT run_id, name FROM runmeta.stream ORDER BY 1, 2"
        )
        .await,
        "late | open\ntop | new\ntop | open"
    );
    assert_eq!(
        run(
            &client,
            "SELECT run_id, stream FROM runmeta.stream_chunk ORDER BY 1, 2"
        )
        .await,
        "late | open\ntop | open"
    );
    // A stream that was deleted begins anew.
    assert_eq!(
        run(
            &client,
            "SELECT runmeta.stream_append('top', 'closed', '[1]')"
        )
        .await,
        "0"
    );
}

#[tokio::test]
async fn prune_streams_goes_through_many_and_leaves_those_that_somebody_writes_to() {
    let (database, client) = family().await;
    run(
        &client,
        "SELECT count(runmeta.stream_append('top', 's' || i, '[1]')), count(runmeta.stream_close('top', 's' || i)) FROM generate_series(1, 2500) AS i;
         UPDATE runmeta.stream SET updated_at = '2026-01-01'; SELECT runmeta.start('top', attempt => 2)",
    )
    .await;
    let writer = database.connect().await;
    writer
        .batch_execute("BEGIN; SELECT runmeta.stream_append('top', 's1700', '[2]')")
        .await
        .unwrap();
    assert_eq!(
        run(&client, "SELECT runmeta.prune_streams('2026-02-01', 10000)").await,
        "2499"
    );
    writer.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        run(&client, "SELECT runmeta.prune_streams('2026-02-01', 10000)").await,
        "0"
    );
    assert_eq!(chunks(&client, "s1700").await, "0 1, 1 2");
}
