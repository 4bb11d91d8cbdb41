//! The programs of docs/trigger-dev.md.

use std::fs;

use serde_json::json;

use super::super::Web;
use super::Npm;
use crate::harness::{Database, repository};

/// Returns the blocks of a page in a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[test]
fn programs_of_the_page_are_those_that_run_here() {
    let page = fs::read_to_string(repository("docs/trigger-dev.md")).unwrap();
    let program =
        |name: &str| fs::read_to_string(repository(&format!("tests/npm/{name}"))).unwrap();
    let programs = [
        "runmeta.mjs",
        "worker.mjs",
        "read.mjs",
        "follow.mjs",
        "sign.mjs",
    ]
    .map(program);
    assert_eq!(blocks(&page, "js"), programs);
    assert_eq!(blocks(&page, "jsx"), [program("page.jsx")]);
}

#[tokio::test]
async fn documented_worker_records_and_the_documented_reader_follows() {
    let database = Database::new().await;
    let db = database.connect().await;
    let web = Web::start(&database).await;
    let output = Npm::start(&web, "worker.mjs", &[]).await.finish().await;
    assert_eq!(output, "3 rows\n");

    let row = db
        .query_one(
            "SELECT runmeta.get('import') - '$$streams', runmeta.get('nightly')",
            &[],
        )
        .await
        .unwrap();
    let import = json!({
        "user": {"name": "Eric"}, "rows": 3, "progress": 1, "left": 2, "log": ["row a", "row c"],
    });
    assert_eq!(row.get::<_, serde_json::Value>(0), import);
    let log = ["a was imported", "b was imported", "c was imported"];
    assert_eq!(
        row.get::<_, serde_json::Value>(1),
        json!({"rows": 3, "log": log})
    );
    let words =
        "SELECT jsonb_agg(chunk ORDER BY number) FROM runmeta.stream_read('import', 'words')";
    let row = db.query_one(words, &[]).await.unwrap();
    let words = json!([{"word": "one"}, {"word": "two"}, {"word": "three"}]);
    assert_eq!(row.get::<_, serde_json::Value>(0), words);

    let output = Npm::start(&web, "read.mjs", &[]).await.finish().await;
    assert_eq!(output, "COMPLETED 3\nCOMPLETED 1\n");
}

#[tokio::test]
async fn documented_follower_of_streams_ends_with_the_run() {
    let database = Database::new().await;
    let db = database.connect().await;
    let words = "SELECT runmeta.start('import'), \
        runmeta.stream_append('import', 'words', '[{\"word\": \"one\"}]')";
    db.batch_execute(words).await.unwrap();
    let web = Web::start(&database).await;
    let follower = Npm::start(&web, "follow.mjs", &[]).await;
    follower.until("one\n").await;
    db.batch_execute("SELECT runmeta.finish('import')")
        .await
        .unwrap();
    assert_eq!(follower.finish().await, "one\n");
}

#[tokio::test]
async fn id_with_a_slash_and_a_failed_job_are_recorded() {
    let database = Database::new().await;
    let db = database.connect().await;
    let web = Web::start(&database).await;
    let id = "acme/1?#%";
    Npm::start(&web, "slash.mjs", &[id]).await.finish().await;
    let row = db
        .query_one(
            "SELECT status, metadata FROM runmeta.run WHERE id = $1",
            &[&id],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "failed");
    assert_eq!(
        row.get::<_, serde_json::Value>(1),
        json!({"rows": 1, "error": "no such file"})
    );
}

#[tokio::test]
async fn documented_token_opens_its_run() {
    let database = Database::new().await;
    let db = database.connect().await;
    db.batch_execute("SELECT runmeta.start('import'), runmeta.start('mail')")
        .await
        .unwrap();
    let web = Web::start(&database).await;
    let token = Npm::start(&web, "sign.mjs", &[]).await.finish().await;
    for (run, status) in [("import", 200), ("mail", 403)] {
        let answer = web
            .get_as(token.trim(), &format!("/api/v3/runs/{run}"))
            .await;
        assert_eq!(answer.status, status, "{run}: {answer:?}");
    }
}
