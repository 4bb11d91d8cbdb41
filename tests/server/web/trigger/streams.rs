//! Streams that the packages write and read.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::Web;
use super::Npm;
use super::npm::{value, values};
use crate::harness::Database;

async fn with_run() -> (Database, Web) {
    let database = Database::new().await;
    let db = database.connect().await;
    db.batch_execute("SELECT runmeta.start('answer')")
        .await
        .unwrap();
    let web = Web::start(&database).await;
    (database, web)
}

fn parts(range: std::ops::Range<u32>) -> Vec<Value> {
    range.map(|part| json!({"part": part})).collect()
}

#[tokio::test]
async fn piped_stream_is_read_from_its_beginning_and_from_any_part() {
    let (database, web) = with_run().await;
    let output = Npm::start(&web, "stream.mjs", &["pipe", "answer", "words", "200"])
        .await
        .finish()
        .await;
    assert_eq!(value(&output, "piped"), 200, "{output}");
    let db = database.connect().await;
    db.batch_execute("SELECT runmeta.finish('answer')")
        .await
        .unwrap();
    for (arguments, from) in [
        (&["read", "answer", "words"][..], 0),
        (&["read", "answer", "words", "150"], 150),
        (&["fetchStream", "answer", "words"], 0),
    ] {
        let output = Npm::start(&web, "stream.mjs", arguments)
            .await
            .finish()
            .await;
        assert_eq!(values(&output, "part"), parts(from..200), "{arguments:?}");
    }
}

#[tokio::test]
async fn reader_follows_a_stream_while_it_is_written() {
    let (database, web) = with_run().await;
    let reader = Npm::start(&web, "stream.mjs", &["read", "answer", "words"]).await;
    let db = database.connect().await;
    for part in 0..5 {
        let append =
            format!("SELECT runmeta.stream_append('answer', 'words', '[{{\"part\": {part}}}]')");
        db.batch_execute(&append).await.unwrap();
        reader.until(&format!("{{\"part\":{part}}}")).await;
    }
    db.batch_execute("SELECT runmeta.stream_close('answer', 'words')")
        .await
        .unwrap();
    let output = reader.finish().await;
    assert_eq!(values(&output, "part"), parts(0..5), "{output}");
}

#[tokio::test]
async fn appended_text_stays_a_text() {
    let (database, web) = with_run().await;
    for text in ["hello", "{\"looks\": \"like JSON\"}"] {
        Npm::start(&web, "stream.mjs", &["append", "answer", "words", text])
            .await
            .finish()
            .await;
    }
    let db = database.connect().await;
    db.batch_execute("SELECT runmeta.finish('answer')")
        .await
        .unwrap();
    let output = Npm::start(&web, "stream.mjs", &["read", "answer", "words"])
        .await
        .finish()
        .await;
    let parts = [json!("hello"), json!("{\"looks\": \"like JSON\"}")];
    assert_eq!(values(&output, "part"), parts, "{output}");
}

#[tokio::test]
async fn subscription_with_streams_finds_them_by_itself() {
    let (database, web) = with_run().await;
    let reader = Npm::start(&web, "stream.mjs", &["withStreams", "answer"]).await;
    reader.until("run").await;
    let writer = Npm::start(&web, "stream.mjs", &["pipe", "answer", "words", "10"]).await;
    writer.finish().await;
    reader.until("{\"part\":9}").await;
    let db = database.connect().await;
    db.batch_execute("SELECT runmeta.set('answer', 'last', '1'), runmeta.finish('answer')")
        .await
        .unwrap();
    let output = reader.finish().await;
    assert_eq!(values(&output, "words"), parts(0..10), "{output}");
    assert!(output.contains("\"last\":1"), "{output}");
}

#[tokio::test]
async fn token_for_a_run_writes_no_streams_of_its_parent_and_root() {
    let database = Database::new().await;
    let db = database.connect().await;
    let family = "SELECT runmeta.start('root'), runmeta.start('child', parent_run_id => 'root')";
    db.batch_execute(family).await.unwrap();
    let web = Web::start(&database).await;
    let of_child = web.token(&["write:runs:child"]);
    let of_both = web.token(&["write:runs:child", "write:runs:root"]);
    for (method, target, end) in [
        (Method::PUT, "parent", ""),
        (Method::POST, "root", ""),
        (Method::POST, "parent", "/append"),
        (Method::HEAD, "root", ""),
    ] {
        let path = format!("/realtime/v1/streams/child/{target}/words{end}");
        for (token, is_allowed) in [(&of_child, false), (&of_both, true)] {
            let request = web
                .request_as(token, method.clone(), &path)
                .body("\"one\"\n");
            let status = request.send().await.unwrap().status();
            assert_eq!(status.is_success(), is_allowed, "{method} {path}: {status}");
            assert!(is_allowed || status == 403, "{method} {path}: {status}");
        }
    }
    let path = "/realtime/v1/streams/child/self/words";
    let own = web
        .request_as(&of_child, Method::POST, path)
        .body("\"one\"\n");
    assert!(own.send().await.unwrap().status().is_success());
}
