//! What an append does, and what it refuses.

use crate::harness::{by_hand, is_partitioned};

use super::{append, chunks, family, placement, refused, run};

#[tokio::test]
async fn chunks_are_numbered_from_0_and_the_last_number_is_returned() {
    let (_database, client) = family().await;
    assert_eq!(
        append(&client, "logs", r#"["a", 1, {"b": [null]}]"#).await,
        "2"
    );
    assert_eq!(append(&client, "logs", "[true]").await, "3");
    assert_eq!(append(&client, "other", r#"["x"]"#).await, "0");
    assert_eq!(
        chunks(&client, "logs").await,
        r#"0 "a", 1 1, 2 {"b": [null]}, 3 true"#
    );
    assert_eq!(chunks(&client, "other").await, r#"0 "x""#);
}

#[tokio::test]
async fn empty_array_makes_the_stream() {
    let (_database, client) = family().await;
    assert_eq!(append(&client, "logs", "[]").await, "-1");
    let streams = "SELECT stream, chunks FROM runmeta.streams('top')";
    assert_eq!(run(&client, streams).await, "logs | 0");
    assert_eq!(append(&client, "logs", r#"["a"]"#).await, "0");
    assert_eq!(append(&client, "logs", "[]").await, "0");
}

#[tokio::test]
async fn stream_without_a_name_is_the_default_one() {
    let (_database, client) = family().await;
    run(&client, "SELECT runmeta.stream_append('top', NULL, '[1]')").await;
    run(
        &client,
        "SELECT runmeta.stream_append('top', 'default', '[2]')",
    )
    .await;
    assert_eq!(
        run(
            &client,
            "SELECT number, chunk FROM runmeta.stream_read('top')"
        )
        .await,
        "0 | 1\n1 | 2"
    );
    run(&client, "SELECT runmeta.stream_close('top')").await;
    assert_eq!(
        run(
            &client,
            "SELECT stream, closed_at IS NOT NULL FROM runmeta.streams('top')"
        )
        .await,
        "default | t"
    );
    assert_eq!(
        run(
            &client,
            "SELECT count(*) FROM runmeta.stream_read('top', NULL, NULL, NULL)"
        )
        .await,
        "2"
    );
}

#[tokio::test]
async fn parent_and_root_have_streams_of_their_own() {
    let (_database, client) = family().await;
    for target in ["self", "parent", "root"] {
        let append =
            format!("SELECT runmeta.stream_append('child', 'logs', '[\"{target}\"]', '{target}')");
        run(&client, &append).await;
    }
    assert_eq!(chunks(&client, "logs").await, r#"0 "parent", 1 "root""#);
    run(
        &client,
        "SELECT runmeta.stream_close('child', 'logs', NULL, 'root')",
    )
    .await;
    assert_eq!(
        run(
            &client,
            "SELECT run_id, root_id, chunks, closed_at IS NOT NULL FROM runmeta.stream ORDER BY 1"
        )
        .await,
        "child | top | 1 | f\ntop | top | 2 | t"
    );
}

/// The document and its version stay as they are.
#[tokio::test]
async fn append_leaves_the_run_alone() {
    let (_database, client) = family().await;
    let row = "SELECT ctid, xmax, version, updated_at, metadata FROM runmeta.run WHERE id = 'top'";
    append(&client, "logs", r#"["a"]"#).await;
    let before = run(&client, row).await;
    append(&client, "logs", r#"["b"]"#).await;
    assert_eq!(run(&client, row).await, before);
}

#[tokio::test]
async fn tail_moves_into_rows_when_it_is_full() {
    let (_database, client) = family().await;
    let chunk = format!("[\"{}\"]", "x".repeat(500));
    for _ in 0..4 {
        append(&client, "logs", &chunk).await;
    }
    assert_eq!(placement(&client, "logs").await, "NULL | 4");
    append(&client, "logs", &chunk).await;
    assert_eq!(placement(&client, "logs").await, "0+5 | 0");
    append(&client, "logs", "[1, 2]").await;
    assert_eq!(placement(&client, "logs").await, "0+5 | 2");
    assert_eq!(
        run(
            &client,
            "SELECT string_agg(number::text, ' ') FROM runmeta.stream_read('top', 'logs')"
        )
        .await,
        "0 1 2 3 4 5 6"
    );
}

#[tokio::test]
async fn large_append_is_split_into_rows_and_a_larger_chunk_has_one_alone() {
    if is_partitioned() {
        return; // It looks at one table.
    }
    let (_database, client) = family().await;
    append(&client, "logs", "[0]").await;
    run(
        &client,
        "SELECT runmeta.stream_append('top', 'logs', (SELECT jsonb_agg(i || repeat('x', 990)) FROM generate_series(1, 20) AS i)
             || jsonb_build_array(repeat('y', 100000), 22, 23))",
    )
    .await;
    assert_eq!(
        placement(&client, "logs").await,
        "0+8 8+7 15+6 21+1 22+2 | 0"
    );
    assert_eq!(
        run(
            &client,
            "SELECT count(*), min(number), max(number), sum(length(chunk #>> '{}')) FROM runmeta.stream_read('top', 'logs')"
        )
        .await,
        "24 | 0 | 23 | 119836"
    );
    // Rows that fit into a page have no pieces elsewhere.
    assert_eq!(
        run(
            &client,
            "SELECT pg_relation_size(reltoastrelid) < 20000 FROM pg_class WHERE oid = 'runmeta.stream_chunk'::regclass"
        )
        .await,
        "t"
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_append_is_said_and_nothing_is_appended() {
    let (_database, client) = family().await;
    append(&client, "logs", "[1]").await;
    for (statement, expected) in [
        (
            "SELECT runmeta.stream_append('top', 'logs', '{}')",
            "22023: chunks is not an array\nDETAIL: Each element of the array is one chunk.\nHINT: Give an array, as in [\"first\", {\"second\": 2}].",
        ),
        (
            "SELECT runmeta.stream_append('top', 'logs', '\"text\"')",
            "22023: chunks is not an array\nDETAIL: Each element of the array is one chunk.\nHINT: Give an array, as in [\"first\", {\"second\": 2}].",
        ),
        (
            "SELECT runmeta.stream_append('top', 'logs', NULL)",
            "22004: chunks is null\nHINT: Give it a value that is not NULL.",
        ),
        (
            "SELECT runmeta.stream_append('top', 'logs', '[]', NULL)",
            "22004: target is null\nHINT: Give it a value that is not NULL.",
        ),
        (
            "SELECT runmeta.stream_append('top', '', '[]')",
            "22023: stream has 0 bytes\nDETAIL: A stream has 1 to 255 bytes.\nHINT: Give a shorter text, or a hash of it, and never an empty one.",
        ),
        (
            "SELECT runmeta.stream_close('top', repeat('x', 256))",
            "22023: stream has 256 bytes\nDETAIL: A stream has 1 to 255 bytes.\nHINT: Give a shorter text, or a hash of it, and never an empty one.",
        ),
        (
            "SELECT runmeta.stream_append('top', 'logs', jsonb_build_array(1, repeat('x', 262144)))",
            "54000: chunk is too large\nDETAIL: The chunk at index 1 has 262146 bytes as compact JSON, and the limit is 262144.\nHINT: Split it into several chunks, or raise runmeta.maximum_size.",
        ),
        (
            "SELECT runmeta.stream_append('top', 'logs', (repeat('[', 102) || repeat(']', 102))::jsonb)",
            "54000: chunk nests too deep\nDETAIL: The chunk at index 0 nests more than 100 levels.\nHINT: Flatten the chunk, or keep the inner part as a string.",
        ),
        (
            "SELECT runmeta.stream_append('nobody', 'logs', '[]')",
            "P0002: no such run: \"nobody\"\nDETAIL: No run of this id exists, or row-level security hides it.\nHINT: Start the run first, with runmeta.start.",
        ),
        (
            "SELECT runmeta.stream_close('nobody')",
            "P0002: no such run: \"nobody\"\nDETAIL: No run of this id exists, or row-level security hides it.\nHINT: Start the run first, with runmeta.start.",
        ),
        (
            "SELECT * FROM runmeta.stream_read('top', 'logs', -1, 0)",
            "22023: max is not positive\nHINT: Give a whole number from 1.",
        ),
        (
            "SELECT runmeta.prune_streams(now(), 0)",
            "22023: max_streams is not positive\nHINT: Give a whole number from 1.",
        ),
    ] {
        assert_eq!(refused(&client, statement).await, expected, "{statement}");
    }
    assert_eq!(chunks(&client, "logs").await, "0 1");
    assert_eq!(
        run(
            &client,
            "SELECT runmeta.stream_append(NULL, 'logs', '[]'), runmeta.stream_close(NULL)"
        )
        .await,
        "NULL | NULL"
    );
    let most = "SELECT runmeta.stream_append('top', repeat('s', 255), jsonb_build_array(repeat('x', 262142),
        (repeat('[', 100) || repeat(']', 100))::jsonb))";
    assert_eq!(run(&client, most).await, "1");
}

/// Another run of the same id is another run: it neither shows nor continues the stream of the first.
#[tokio::test]
async fn stream_of_a_run_that_was_deleted_and_started_anew_begins_at_0() {
    let (_database, client) = family().await;
    by_hand(&client).await;
    append(&client, "logs", &format!("[\"{}\"]", "x".repeat(3000))).await;
    append(&client, "logs", r#"["old"]"#).await;
    run(&client, "SELECT runmeta.stream_close('top', 'logs')").await;
    client
        .batch_execute("DELETE FROM runmeta.run; SELECT runmeta.start('top')")
        .await
        .unwrap();
    assert_eq!(
        run(&client, "SELECT * FROM runmeta.streams('top')").await,
        ""
    );
    assert_eq!(chunks(&client, "logs").await, "NULL");
    assert_eq!(append(&client, "logs", r#"["new"]"#).await, "0");
    assert_eq!(chunks(&client, "logs").await, r#"0 "new""#);
    assert_eq!(placement(&client, "logs").await, "NULL | 1");
    let fresh = "SELECT s.created_at > r.created_at, s.closed_at FROM runmeta.streams('top') AS s, runmeta.run AS r";
    assert_eq!(run(&client, fresh).await, "t | NULL");
}

#[tokio::test]
async fn trigger_that_leaves_out_a_stream_is_an_error() {
    let (_database, client) = family().await;
    client
        .batch_execute(
            "CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
            CREATE TRIGGER drop_it BEFORE INSERT ON runmeta.stream FOR EACH ROW EXECUTE FUNCTION drop_it()",
        )
        .await
        .unwrap();
    let expected = "09000: a stream was not stored\nDETAIL: A trigger on runmeta.stream or runmeta.stream_chunk left out the row, so nothing of the call takes effect.\nHINT: Let the trigger return the row, or raise an error of its own.";
    let append_one = "SELECT runmeta.stream_append('top', 'logs', '[1]')";
    assert_eq!(refused(&client, append_one).await, expected);
    client
        .batch_execute("DROP TRIGGER drop_it ON runmeta.stream; SELECT runmeta.stream_append('top', 'logs', '[1]');
            CREATE TRIGGER drop_it BEFORE INSERT ON runmeta.stream_chunk FOR EACH ROW EXECUTE FUNCTION drop_it()")
        .await
        .unwrap();
    let append_many =
        "SELECT runmeta.stream_append('top', 'logs', jsonb_build_array(repeat('x', 3000)))";
    assert_eq!(refused(&client, append_many).await, expected);
    client
        .batch_execute("DROP TRIGGER drop_it ON runmeta.stream_chunk;
            CREATE TRIGGER drop_it BEFORE UPDATE ON runmeta.stream FOR EACH ROW EXECUTE FUNCTION drop_it()")
        .await
        .unwrap();
    assert_eq!(refused(&client, append_one).await, expected);
    assert_eq!(chunks(&client, "logs").await, "0 1");
}
