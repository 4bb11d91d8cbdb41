//! A large append takes memory for one slice of it.

use crate::harness::{OwnServer, Peak, refusal, rows};

#[tokio::test]
async fn append_of_100_megabytes_needs_little_beside_what_it_is_given() {
    let server = OwnServer::start_with_address_space(1_500_000).await;
    let client = server.connect("postgres").await;
    client
        .batch_execute(
            "SELECT runmeta.start('top'); SELECT runmeta.stream_append('top', 'warm', '[1]');
             SELECT runmeta.stream_append('top', 'warm', jsonb_build_array(repeat('x', 5000)));
             CREATE TABLE given AS SELECT jsonb_agg(repeat(md5(i::text), 32)) AS large FROM generate_series(1, 100000) AS i;
             ALTER TABLE given ADD small jsonb; UPDATE given SET small = (SELECT jsonb_agg('tokn'::text) FROM generate_series(1, 4000000));
             SET runmeta.maximum_memory = '16MB'",
        )
        .await
        .unwrap();
    for (column, chunks, bytes) in [("large", 100_000, 102), ("small", 4_000_000, 32)] {
        let peak = Peak::watch(&client).await;
        let append =
            format!("SELECT runmeta.stream_append('top', '{column}', {column}) FROM given");
        let last = rows(&client, &append).await;
        let (most, kept) = peak.end();
        assert_eq!(last, (chunks - 1).to_string());
        // What is given, which Postgres reads, and detoasts into twice as much at the most.
        assert!(most < 2 * bytes + 32, "the peak was {most} MB for {bytes}");
        assert!(kept < 32, "the session kept {kept} MB");
    }
    let stored = "SELECT stream, sum(count), max(first + count), max(octet_length(chunks::text)) < 10000 FROM runmeta.stream_chunk WHERE stream <> 'warm' GROUP BY 1 ORDER BY 1";
    assert_eq!(
        rows(&client, stored).await,
        "large | 100000 | 100000 | t\nsmall | 4000000 | 4000000 | t"
    );
    let flush = "SELECT outcome FROM given, runmeta.flush(jsonb_build_array(jsonb_build_object('run', 'top', 'streams', jsonb_build_object('flushed', large))))";
    let peak = Peak::watch(&client).await;
    assert_eq!(rows(&client, flush).await, "applied");
    let (most, _) = peak.end();
    assert!(most < 550, "the peak was {most} MB");

    // Streams are kept until the end of the call, so that many of them pass the bound.
    let many = "SELECT count(*) FROM runmeta.flush(jsonb_build_array(jsonb_build_object('run', 'top', 'streams',
        (SELECT jsonb_object_agg(repeat('x', 200) || i, '[1]'::jsonb) FROM generate_series(1, 100000) AS i))))";
    assert!(
        refusal(client.simple_query(many).await).starts_with("53200: call needs too much memory")
    );
}
