//! Closed streams, and runs that are closed.

use super::{append, chunks, family, refused, run};

const STREAMS: &str =
    "SELECT stream, chunks, closed_at IS NOT NULL, error, updated_at FROM runmeta.streams('top')";
const STATE: &str = "SELECT chunks, closed_at IS NOT NULL, error, attempt FROM runmeta.stream";

#[tokio::test]
async fn closed_stream_takes_no_chunks_and_closing_again_changes_nothing() {
    let (_database, client) = family().await;
    append(&client, "logs", "[1, 2]").await;
    assert_eq!(
        run(
            &client,
            "SELECT runmeta.stream_close('top', 'logs', 'broken pipe')"
        )
        .await,
        "1"
    );
    let closed = run(&client, STREAMS).await;
    assert!(
        closed.starts_with("logs | 2 | t | broken pipe | "),
        "{closed}"
    );
    for again in [
        "SELECT runmeta.stream_close('top', 'logs')",
        "SELECT runmeta.stream_close('top', 'logs', 'another')",
    ] {
        assert_eq!(run(&client, again).await, "1");
    }
    assert_eq!(run(&client, STREAMS).await, closed);
    for append in [
        "SELECT runmeta.stream_append('top', 'logs', '[3]')",
        "SELECT runmeta.stream_append('top', 'logs', '[]')",
        "SELECT runmeta.stream_append('top', 'logs', jsonb_build_array(repeat('x', 10000)))",
    ] {
        let error = refused(&client, append).await;
        assert!(
            error.starts_with(
                "55000: stream \"logs\" of run \"top\" is closed\nDETAIL: It was closed at 20"
            ),
            "{error}"
        );
        assert!(
            error.ends_with("in attempt 1.\nHINT: Append to another stream, or in another attempt, which opens it again."),
            "{error}"
        );
    }
    assert_eq!(chunks(&client, "logs").await, "0 1, 1 2");
}

#[tokio::test]
async fn stream_without_chunks_can_be_closed() {
    let (_database, client) = family().await;
    assert_eq!(
        run(&client, "SELECT runmeta.stream_close('top')").await,
        "-1"
    );
    assert_eq!(run(&client, STATE).await, "0 | t | NULL | 1");
}

#[tokio::test]
async fn later_attempt_opens_a_closed_stream_and_numbers_go_on() {
    let (_database, client) = family().await;
    append(&client, "logs", "[1]").await;
    run(&client, "SELECT runmeta.stream_close('top', 'logs', 'lost'); SELECT runmeta.start('top', attempt => 2)").await;
    assert_eq!(run(&client, STATE).await, "1 | t | lost | 1");
    assert_eq!(append(&client, "logs", "[2]").await, "1");
    assert_eq!(run(&client, STATE).await, "2 | f | NULL | NULL");
    run(&client, "SELECT runmeta.stream_close('top', 'logs')").await;
    assert_eq!(run(&client, STATE).await, "2 | t | NULL | 2");
    assert!(
        refused(
            &client,
            "SELECT runmeta.stream_append('top', 'logs', '[3]')"
        )
        .await
        .starts_with("55000")
    );
    // An attempt that only closes leaves its own mark.
    run(&client, "SELECT runmeta.start('top', attempt => 3); SELECT runmeta.stream_close('top', 'logs', 'again')").await;
    assert_eq!(run(&client, STATE).await, "2 | t | again | 3");
    run(&client, "SELECT runmeta.start('top', attempt => 4)").await;
    assert_eq!(append(&client, "logs", "[]").await, "1");
    assert_eq!(run(&client, STATE).await, "2 | f | NULL | NULL");
}

#[tokio::test]
async fn finished_run_takes_chunks_until_the_window_ends() {
    let (_database, client) = family().await;
    append(&client, "logs", "[1]").await;
    run(&client, "SELECT runmeta.finish('top')").await;
    assert_eq!(append(&client, "logs", "[2]").await, "1");
    run(
        &client,
        "UPDATE runmeta.run SET finished_at = now() - interval '2 hours' WHERE id = 'top'",
    )
    .await;
    for statement in [
        "SELECT runmeta.stream_append('top', 'logs', '[3]')",
        "SELECT runmeta.stream_append('child', 'logs', '[3]', 'root')",
        "SELECT runmeta.stream_close('top', 'logs')",
    ] {
        let error = refused(&client, statement).await;
        assert!(
            error.starts_with("55000: run \"top\" is closed\n"),
            "{error}"
        );
    }
    client
        .batch_execute("SET runmeta.update_window = -1")
        .await
        .unwrap();
    assert_eq!(append(&client, "logs", "[3]").await, "2");
    run(&client, "SELECT runmeta.stream_close('top', 'logs')").await;
    assert_eq!(run(&client, STATE).await, "3 | t | NULL | 1");
}

#[tokio::test]
async fn long_error_is_kept_with_its_beginning() {
    let (_database, client) = family().await;
    run(
        &client,
        "SELECT runmeta.stream_close('top', 'logs', 'a' || repeat('é', 5000))",
    )
    .await;
    let error =
        "SELECT octet_length(error), error = 'a' || repeat('é', 4095) FROM runmeta.streams('top')";
    assert_eq!(run(&client, error).await, "8191 | t");
}
