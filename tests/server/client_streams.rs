//! Streams of the client, on a real server.

use std::time::Duration;

use futures_util::stream;
use runmeta_client::{Builder, Chunks, Client, NewRun};

use crate::harness::{Database, PgBouncer, Proxy};

const CHUNKS: u64 = 20_000;

async fn client(url: &str) -> Client {
    let builder = Builder::url(url)
        .application_name("streams")
        .interval(Duration::from_millis(5))
        .poll_interval(Duration::from_millis(20));
    builder
        .backoff(Duration::from_millis(1)..=Duration::from_millis(50))
        .connect()
        .await
        .unwrap()
}

/// Reads so many chunks, all if there is no number, and checks that none is missing or comes twice.
async fn follow(mut chunks: Chunks, from: u64, most: Option<u64>) -> u64 {
    let mut next = from;
    while most.is_none_or(|most| next < most)
        && let Some(chunk) = chunks.next().await
    {
        let chunk = chunk.unwrap();
        assert_eq!(chunk.number(), next);
        assert_eq!(chunk.value::<u64>().unwrap(), next);
        next += 1;
    }
    next
}

async fn read(client: &Client, from: u64) -> Chunks {
    client.read_stream("a", "s", from).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_begin_at_different_times_or_come_back_read_the_same_chunks() {
    let database = Database::with_worker().await;
    let (writer, reader) = (client(&database.url()).await, client(&database.url()).await);
    let run = writer.start(NewRun::new("a")).await.unwrap();
    let early = tokio::spawn(follow(read(&reader, 0).await, 0, None));
    let returning = tokio::spawn(follow(read(&reader, 0).await, 0, Some(1_000)));
    let written = run.metadata().stream("s", stream::iter(0..CHUNKS));
    let written = tokio::spawn(written.finished());
    let came = returning.await.unwrap();
    assert_eq!(came, 1_000);
    let again = tokio::spawn(follow(read(&reader, came).await, came, None));
    let late = tokio::spawn(follow(read(&reader, 500).await, 500, None));
    assert_eq!(written.await.unwrap().unwrap(), CHUNKS);
    for reader in [early, again, late] {
        assert_eq!(reader.await.unwrap(), CHUNKS);
    }
    let streams = reader.streams("a").await.unwrap();
    assert_eq!((&*streams[0].name, streams[0].chunks), ("s", CHUNKS));
    assert!(streams[0].closed_at.is_some() && streams[0].error.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_between_commit_and_answer_neither_lose_nor_repeat_a_chunk() {
    let database = Database::with_worker().await;
    let proxy = Proxy::before(&database).await;
    let (writer, reader) = (client(proxy.url()).await, client(proxy.url()).await);
    let run = writer.start(NewRun::new("a")).await.unwrap();
    let reading = tokio::spawn(follow(read(&reader, 0).await, 0, None));
    proxy.cut_every(3);
    let mut stream = run.metadata().stream_writer("s");
    for number in 0..CHUNKS {
        stream.push(number).await.unwrap();
        if number % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!(stream.close().await.unwrap(), CHUNKS);
    assert_eq!(reading.await.unwrap(), CHUNKS);
    assert!(proxy.cuts() >= 5, "{} cuts", proxy.cuts());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_of_two_processes_interleave_each_in_its_order() {
    let database = Database::with_worker().await;
    let clients = [client(&database.url()).await, client(&database.url()).await];
    clients[0].start(NewRun::new("a")).await.unwrap();
    let mut chunks = read(&clients[0], 0).await;
    let mut writers = Vec::new();
    for (writer, client) in clients.iter().enumerate() {
        let run = client.run("a").await.unwrap();
        writers.push(tokio::spawn(async move {
            let mut stream = run.metadata().stream_writer("s");
            for number in 0..5_000u64 {
                stream.push((writer, number)).await.unwrap();
            }
            run.metadata().flush().await.unwrap();
            stream
        }));
    }
    let mut streams = Vec::new();
    for writer in writers {
        streams.push(writer.await.unwrap());
    }
    // The end of one is the end of all.
    streams.pop().unwrap().close().await.unwrap();
    let (mut next, mut number) = ([0, 0], 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.unwrap();
        assert_eq!(chunk.number(), number);
        number += 1;
        let (writer, of_writer): (usize, u64) = chunk.value().unwrap();
        assert_eq!(of_writer, next[writer]);
        next[writer] += 1;
    }
    assert_eq!(next, [5_000, 5_000]);
    let error = streams[0].push((0, 5_000)).await;
    let error = match error {
        Ok(()) => streams.pop().unwrap().close().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.code(), Some("55000"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_behind_a_pooler_poll() {
    let database = Database::with_worker().await;
    let bouncer = PgBouncer::before(&database, 4).await;
    let client = client(bouncer.url()).await;
    let run = client.start(NewRun::new("a")).await.unwrap();
    let reading = tokio::spawn(follow(read(&client, 0).await, 0, None));
    let written = run.metadata().stream("s", stream::iter(0..CHUNKS));
    assert_eq!(written.finished().await.unwrap(), CHUNKS);
    assert_eq!(reading.await.unwrap(), CHUNKS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sql_appends_is_read_and_its_error_comes_last() {
    let database = Database::with_worker().await;
    let session = database.connect().await;
    let client = client(&database.url()).await;
    let mut chunks = read(&client, 0).await;
    session
        .batch_execute(
            r#"SELECT runmeta.start('a');
            SELECT runmeta.stream_append('a', 's', '[{"n": 1.50}, "é"]');
            SELECT runmeta.stream_close('a', 's', 'out of memory')"#,
        )
        .await
        .unwrap();
    let mut next = async || chunks.next().await;
    assert_eq!(next().await.unwrap().unwrap().json(), r#"{"n": 1.50}"#);
    assert_eq!(next().await.unwrap().unwrap().json(), r#""é""#);
    let error = next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("out of memory"), "{error}");
    assert!(next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_parent_and_root_and_large_chunks_are_read_whole() {
    let database = Database::with_worker().await;
    let client = client(&database.url()).await;
    client.start(NewRun::new("root")).await.unwrap();
    let child = NewRun::new("child").parent("root");
    let child = client.start(child).await.unwrap();
    let mut chunks = client.read_stream("root", "s", 0).await.unwrap();
    let mut writer = child.metadata().root().stream_writer("s");
    let large = |number: usize| number.to_string().repeat(100_000);
    for number in 0..10 {
        writer.push(large(number)).await.unwrap();
    }
    let too_large = "x".repeat(300_000);
    writer.push(too_large).await.unwrap();
    let error = writer.close().await.unwrap_err();
    assert_eq!(error.code(), Some("54000"), "{error}");
    for number in 0..10 {
        let chunk = chunks.next().await.unwrap().unwrap();
        assert_eq!(chunk.value::<String>().unwrap(), large(number));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_that_are_killed_show_as_nothing_but_a_pause() {
    let database = Database::with_worker().await;
    let session = database.connect().await;
    let client = client(&database.url()).await;
    let run = client.start(NewRun::new("a")).await.unwrap();
    let reading = tokio::spawn(follow(read(&client, 0).await, 0, None));
    let mut stream = run.metadata().stream_writer("s");
    for number in 0..CHUNKS {
        stream.push(number).await.unwrap();
        if number % 2_000 == 0 {
            run.metadata().flush().await.unwrap();
            let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'streams'";
            session.query(kill, &[]).await.unwrap();
        }
    }
    assert_eq!(stream.close().await.unwrap(), CHUNKS);
    assert_eq!(reading.await.unwrap(), CHUNKS);
    assert!(client.metrics().connections > 10, "{:?}", client.metrics());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_told_that_its_stream_was_deleted_and_began_anew() {
    let database = Database::with_worker().await;
    let session = database.connect().await;
    let client = client(&database.url()).await;
    let append = |chunks| format!("SELECT runmeta.stream_append('a', 's', '{chunks}')");
    session
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    session.batch_execute(&append("[0, 1]")).await.unwrap();
    let mut chunks = read(&client, 0).await;
    for number in 0..2 {
        assert_eq!(chunks.next().await.unwrap().unwrap().number(), number);
    }
    // As prune_streams does, of a stream that has grown old.
    session
        .batch_execute("DELETE FROM runmeta.stream WHERE name = 's'")
        .await
        .unwrap();
    session
        .batch_execute(&append("[0, 1, 2, 3]"))
        .await
        .unwrap();
    let error = chunks.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some("P0002"), "{error}");
    assert!(chunks.next().await.is_none());
}

#[tokio::test]
async fn worker_of_an_older_attempt_does_not_close_the_stream_of_the_newer_one() {
    let database = Database::new().await;
    let client = client(&database.url()).await;
    let attempt = |number| client.start(NewRun::new("a").attempt(number));
    let old = attempt(1).await.unwrap();
    let mut late = old.metadata().stream_writer("s");
    late.push(0).await.unwrap();
    old.metadata().flush().await.unwrap();
    let new = attempt(2).await.unwrap();
    let error = late.close().await.unwrap_err();
    assert!(error.is_closed(), "{error}");
    let mut writer = new.metadata().stream_writer("s");
    writer.push(1).await.unwrap();
    assert_eq!(writer.close().await.unwrap(), 1);
    assert_eq!(follow(read(&client, 0).await, 0, None).await, 2);
}
