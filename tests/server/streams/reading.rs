//! Reading: from any number on, in pages, the same whatever lies where.

use crate::harness::is_partitioned;

use super::{append, family, run};

#[tokio::test]
async fn unknown_run_or_stream_has_no_rows() {
    let (_database, client) = family().await;
    for nothing in [
        "SELECT * FROM runmeta.stream_read('nobody')",
        "SELECT * FROM runmeta.stream_read('top', 'nothing')",
        "SELECT * FROM runmeta.stream_read(NULL)",
        "SELECT * FROM runmeta.streams('nobody')",
        "SELECT * FROM runmeta.streams('top')",
        "SELECT * FROM runmeta.streams(NULL)",
    ] {
        assert_eq!(run(&client, nothing).await, "", "{nothing}");
    }
}

/// Each page is what a sequence of chunks that are their own numbers has there, over rows of all sizes and the tail.
#[tokio::test]
async fn pages_begin_and_end_at_any_chunk() {
    let (_database, client) = family().await;
    // Some 230 rows of a few chunks, some of hundreds, and a tail.
    run(
        &client,
        "DO $$ DECLARE n int := 0; BEGIN
            FOR i IN 1..300 LOOP
                PERFORM runmeta.stream_append('top', 'logs', (SELECT jsonb_agg(j || repeat(' ', 100 * (i % 7)))
                    FROM generate_series(n, n + i % 13) AS j));
                n := n + i % 13 + 1;
            END LOOP;
            PERFORM runmeta.stream_append('top', 'logs', (SELECT jsonb_agg(j::text) FROM generate_series(n, n + 4999) AS j));
            PERFORM runmeta.stream_append('top', 'logs', jsonb_build_array((n + 5000)::text, (n + 5001)::text));
        END $$",
    )
    .await;
    let count: i64 = run(&client, "SELECT chunks FROM runmeta.streams('top')")
        .await
        .parse()
        .unwrap();
    assert!(run(&client, "SELECT count(*) > 100 FROM runmeta.stream_chunk").await == "t");
    assert_eq!(
        run(
            &client,
            "SELECT jsonb_array_length(tail) FROM runmeta.stream"
        )
        .await,
        "2"
    );
    let wrong = format!(
        "SELECT a, m FROM (SELECT a, m FROM generate_series(-1, {count}, 97) AS a, unnest('{{1,2,50,1000,100000}}'::int[]) AS m
            UNION SELECT a, 3 FROM generate_series({count} - 8, {count} + 1) AS a) AS p
         CROSS JOIN LATERAL (SELECT array_agg(number) AS numbers, array_agg(trim(chunk #>> '{{}}')::bigint) AS chunks
            FROM runmeta.stream_read('top', 'logs', a, m)) AS r
         WHERE numbers IS DISTINCT FROM (SELECT array_agg(n::bigint) FROM generate_series(a + 1, least(a + m, {count} - 1)) AS n)
            OR chunks IS DISTINCT FROM numbers"
    );
    assert_eq!(run(&client, &wrong).await, "");
}

#[tokio::test]
async fn numbers_out_of_range_are_behind_the_end_or_before_the_beginning() {
    let (_database, client) = family().await;
    append(&client, "logs", "[1, 2]").await;
    let read = |after: &str| {
        format!("SELECT number FROM runmeta.stream_read('top', 'logs', {after}, 2147483647)")
    };
    assert_eq!(run(&client, &read("9223372036854775807")).await, "");
    assert_eq!(run(&client, &read("9223372036854775000")).await, "");
    assert_eq!(run(&client, &read("-9223372036854775808")).await, "0\n1");
}

/// A reader needs the rows of its page, not those of the whole stream.
#[tokio::test]
async fn a_page_reads_no_other_rows() {
    if is_partitioned() {
        return; // It looks at one table.
    }
    let (_database, client) = family().await;
    run(
        &client,
        "SELECT runmeta.stream_append('top', 'logs', (SELECT jsonb_agg(i || repeat('x', 1000)) FROM generate_series(1, 7000) AS i))",
    )
    .await;
    run(&client, "VACUUM ANALYZE runmeta.stream_chunk").await;
    let fetched = "SELECT coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relid = 'runmeta.stream_chunk'::regclass";
    let flush = "SELECT pg_stat_force_next_flush()";
    run(&client, flush).await;
    let before: i64 = run(&client, fetched).await.parse().unwrap();
    assert_eq!(
        run(
            &client,
            "SELECT count(*) FROM runmeta.stream_read('top', 'logs', 5000, 100)"
        )
        .await,
        "100"
    );
    run(&client, flush).await;
    let after: i64 = run(&client, fetched).await.parse().unwrap();
    assert!((15..30).contains(&(after - before)), "{before} {after}");
    let scans =
        "SELECT seq_scan FROM pg_stat_user_tables WHERE relid = 'runmeta.stream_chunk'::regclass";
    assert_eq!(run(&client, scans).await, "0");
}

/// For each reader of a program, in one statement.
#[tokio::test]
async fn many_streams_are_read_by_one_statement() {
    let (_database, client) = family().await;
    append(&client, "a", r#"["a0", "a1"]"#).await;
    append(&client, "b", r#"["b0", "b1", "b2"]"#).await;
    let read = "SELECT w.name, r.number, r.chunk
        FROM unnest('{top,top,child}'::text[], '{a,b,a}'::text[], '{0,-1,-1}'::bigint[]) AS w (run, name, after)
        CROSS JOIN LATERAL runmeta.stream_read(w.run, w.name, w.after, 2) AS r ORDER BY 1, 2";
    assert_eq!(
        run(&client, read).await,
        "a | 1 | \"a1\"\nb | 0 | \"b0\"\nb | 1 | \"b1\""
    );
}
