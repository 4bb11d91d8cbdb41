//! Sets of runs, followed.

use serde_json::json;

use super::Web;
use super::events::started;
use super::reader::Reader;
use crate::harness::{Database, delete_by_hand};

#[tokio::test]
async fn sets_are_followed_as_runs_come_change_and_go() {
    let database = Database::with_worker().await;
    let server = started(&database).await;
    let web = Web::start(&database).await;
    let family = "SELECT runmeta.start('child', parent_run_id => 'a'), runmeta.start('other')";
    server.batch_execute(family).await.unwrap();
    for (set, expected) in [
        ("tag=x", vec!["a"]),
        ("task=import", vec!["a"]),
        ("root=a", vec!["a", "child"]),
        ("all", vec!["a", "child", "other"]),
    ] {
        let mut reader = Reader::of(&web, &format!("/v1/events?{set}&select=")).await;
        let mut ids = Vec::new();
        for _ in &expected {
            let event = reader.event().await;
            assert_eq!((&*event.name, &*event.id), ("snapshot", ""));
            ids.push(event.data["id"].as_str().unwrap().to_owned());
        }
        ids.sort();
        assert_eq!(ids, expected, "{set}");
        is_ready(&mut reader).await;
    }
    let mut reader = Reader::of(&web, "/v1/events?root=a&unfinished=true").await;
    reader.event().await;
    reader.event().await;
    is_ready(&mut reader).await;
    let change = "SELECT runmeta.finish('child')";
    server.batch_execute(change).await.unwrap();
    let event = reader.event().await;
    assert_eq!(
        (&*event.name, &event.data["id"]),
        ("change", &json!("child"))
    );
    let mut late = Reader::of(&web, "/v1/events?root=a&unfinished=true").await;
    assert_eq!(late.event().await.data["id"], json!("a"));
    is_ready(&mut late).await;
    delete_by_hand(&server, "id = 'child'").await;
    let resync = "SELECT pg_notify('runmeta', '{\"resync\": true}')";
    server.batch_execute(resync).await.unwrap();
    let event = reader.event().await;
    assert_eq!((&*event.name, &event.data["id"]), ("gone", &json!("child")));
}

async fn is_ready(reader: &mut Reader) {
    let event = reader.event().await;
    assert_eq!((&*event.name, &*event.id), ("ready", ""));
    assert_eq!(event.data, json!({}));
}

#[tokio::test]
async fn reader_of_a_set_learns_when_it_has_all_runs() {
    let database = Database::new().await;
    let server = database.connect().await;
    let web = Web::start(&database).await;
    let mut empty = Reader::of(&web, "/v1/events?tag=none").await;
    is_ready(&mut empty).await;
    // More than one statement reads, and more than a watcher holds.
    let start = "SELECT count(runmeta.start('run ' || n, tags => '{x}', metadata => pg_catalog.jsonb_build_object(
            'text', repeat('x', 5000)))) FROM generate_series(1, 1500) AS n";
    server.batch_execute(start).await.unwrap();
    for _ in 0..2 {
        let mut reader = Reader::of(&web, "/v1/events?tag=x").await;
        let mut runs = std::collections::HashSet::new();
        loop {
            let event = reader.event().await;
            if event.name == "ready" {
                break;
            }
            runs.insert(event.data["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(runs.len(), 1500);
    }
    // What comes later is no reason to say it again.
    server
        .batch_execute("SELECT runmeta.start('late', tags => '{x}')")
        .await
        .unwrap();
    let mut reader = Reader::of(&web, "/v1/events?tag=x&select=").await;
    let mut names = Vec::new();
    while names.len() < 1502 {
        names.push(reader.event().await.name);
    }
    assert_eq!(names.iter().filter(|name| *name == "ready").count(), 1);
    assert_eq!(names.last().unwrap(), "ready");
}

#[tokio::test]
async fn query_names_one_set() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for query in [
        "",
        "select=n",
        "tag=x&task=y",
        "all&tag=x",
        "tag=",
        "all&unfinished=maybe",
    ] {
        let answer = web.get(&format!("/v1/events?{query}")).await;
        assert_eq!(
            (answer.status, &answer.body["sqlstate"]),
            (400, &json!("22023")),
            "{query}"
        );
    }
    let answer = web.request(reqwest::Method::GET, "/v1/runs/a/events?wait=true");
    let answer = answer.header("last-event-id", "x").send().await.unwrap();
    assert_eq!(answer.status(), 400);
}
