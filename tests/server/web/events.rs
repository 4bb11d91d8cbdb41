//! Events of runs: what is sent, to whom, and how it goes on after a pause.

use reqwest::StatusCode;
use serde_json::json;

use super::attack::raw;
use super::limits::metric;
use super::reader::{Event, Next, Reader, View};
use super::{KEY, Web, now, sign};
use crate::harness::{Database, delete_by_hand};

pub(super) async fn started(database: &Database) -> tokio_postgres::Client {
    let server = database.connect().await;
    let start =
        "SELECT runmeta.start('a', '{\"n\": 0, \"log\": []}', task => 'import', tags => '{x}')";
    server.batch_execute(start).await.unwrap();
    server
}

#[tokio::test]
async fn run_is_followed_from_its_state_to_its_end() {
    let database = Database::with_worker().await;
    let server = started(&database).await;
    let web = Web::start(&database).await;
    let mut reader = Reader::of(&web, "/v1/runs/a/events").await;
    let mut view = View::default();
    let first = reader.event().await;
    assert_eq!((&*first.name, &*first.id), ("snapshot", "1"));
    view.take(&first);
    assert_eq!(view.object, web.get("/v1/runs/a").await.body);

    let set = "SELECT runmeta.set('a', 'n', '1')";
    server.batch_execute(set).await.unwrap();
    let change = reader.event().await;
    assert_eq!((&*change.name, &*change.id), ("change", "2"));
    assert_eq!(change.data["patch"]["metadata"], json!({"n": 1}));
    view.take(&change);

    let finish = "SELECT runmeta.finish('a')";
    server.batch_execute(finish).await.unwrap();
    view.take(&reader.event().await);
    let end = reader.event().await;
    assert_eq!(
        (&*end.name, &end.data),
        (
            "end",
            &json!({"id": "a", "version": 3, "status": "completed"})
        )
    );
    assert_eq!(reader.next().await, Next::End);
    assert_eq!(view.object, web.get("/v1/runs/a").await.body);
}

#[tokio::test]
async fn reader_who_comes_back_gets_only_what_is_new() {
    let database = Database::with_worker().await;
    let server = started(&database).await;
    let web = Web::start(&database).await;
    let path = "/v1/runs/a/events";
    let mut same = Reader::resumed(&web, KEY, path, Some("1")).await.unwrap();
    server
        .batch_execute("SELECT runmeta.set('a', 'n', '1')")
        .await
        .unwrap();
    let event = same.event().await;
    assert_eq!((&*event.name, &event.data["from"]), ("change", &json!(1)));

    // An `EventSource` that is opened anew, with another ticket, cannot send the header.
    let query = format!("{path}?last_event_id=");
    let mut opened = Reader::of(&web, &format!("{query}2")).await;
    let mut new = Reader::of(&web, &query).await;
    assert_eq!(new.event().await.name, "snapshot");
    assert_eq!(web.get(&format!("{query}x")).await.status, 400);

    let mut older = Reader::resumed(&web, KEY, path, Some("1")).await.unwrap();
    let event = older.event().await;
    assert_eq!(
        (&*event.name, &event.data["version"]),
        ("snapshot", &json!(2))
    );

    let finish = "SELECT runmeta.finish('a')";
    server.batch_execute(finish).await.unwrap();
    same.event().await;
    assert_eq!(opened.event().await.data["from"], json!(2));
    // An `EventSource` stops at 204, and at nothing else.
    let over = Reader::resumed(&web, KEY, path, Some("3")).await;
    assert_eq!(over.err(), Some(StatusCode::NO_CONTENT));
    let mut open = Reader::resumed(&web, KEY, "/v1/runs/a/events?keep_open=true", Some("3"))
        .await
        .unwrap();
    let again = "SELECT runmeta.start('a', attempt => 2)";
    server.batch_execute(again).await.unwrap();
    assert_eq!(open.event().await.data["version"], json!(4));
}

#[tokio::test]
async fn run_that_does_not_exist_is_none_or_waited_for() {
    let database = Database::with_worker().await;
    let web = Web::start(&database).await;
    let answer = web.get("/v1/runs/a/events").await;
    assert_eq!(
        (answer.status, &answer.body["sqlstate"]),
        (404, &json!("P0002"))
    );
    let mut reader = Reader::of(&web, "/v1/runs/a/events?wait=true").await;
    started(&database).await;
    assert_eq!(reader.event().await.data["id"], json!("a"));
}

#[tokio::test]
async fn only_keys_that_are_selected_are_sent() {
    let database = Database::with_worker().await;
    let server = started(&database).await;
    let web = Web::start(&database).await;
    let mut some = Reader::of(&web, "/v1/runs/a/events?select=n,missing").await;
    let mut none = Reader::of(&web, "/v1/runs/a/events?select=").await;
    assert_eq!(some.event().await.data["metadata"], json!({"n": 0}));
    assert_eq!(none.event().await.data["metadata"], json!({}));
    let change = "SELECT runmeta.append('a', 'log', '1'); SELECT runmeta.set('a', 'n', '5')";
    server.batch_execute(change).await.unwrap();
    assert_eq!(
        some.event().await.data["patch"]["metadata"],
        json!({"n": 5})
    );
    server
        .batch_execute("SELECT runmeta.finish('a')")
        .await
        .unwrap();
    let last = none.event().await;
    assert_eq!(last.data["patch"]["status"], json!("completed"));
    assert_eq!(last.data["patch"].get("metadata"), None);
}

#[tokio::test]
async fn token_follows_what_its_scopes_include() {
    let database = Database::with_worker().await;
    started(&database).await;
    let web = Web::start(&database).await;
    for (scope, path) in [
        ("read:runs:a", "/v1/runs/a/events"),
        ("read:tags:x", "/v1/runs/a/events"),
        ("read:tags:x", "/v1/events?tag=x"),
        ("read:tasks:import", "/v1/events?task=import"),
        ("read:tree:a", "/v1/events?root=a"),
        ("read:all", "/v1/events?all"),
    ] {
        let mut reader = Reader::of_as(&web, &web.token(&[scope]), path).await;
        assert_eq!(
            reader.event().await.data["id"],
            json!("a"),
            "{scope} {path}"
        );
    }
    for (scope, path) in [
        ("read:runs:b", "/v1/runs/a/events"),
        ("read:runs:b", "/v1/runs/missing/events"),
        ("read:runs:b", "/v1/runs/missing/events?wait=true"),
        ("write:runs:a", "/v1/runs/a/events"),
        ("read:tags:x", "/v1/events?task=import"),
        ("read:tags:x", "/v1/events?all"),
        ("read:runs:a", "/v1/events?root=a"),
    ] {
        let answer = web.get_as(&web.token(&[scope]), path).await;
        assert_eq!(answer.status, 403, "{scope} {path}");
    }
}

#[tokio::test]
async fn run_that_begins_anew_is_gone_for_who_may_no_longer_read_it() {
    let database = Database::with_worker().await;
    let server = started(&database).await;
    let web = Web::start(&database).await;
    let path = "/v1/runs/a/events?keep_open=true";
    let mut by_tag = Reader::of_as(&web, &web.token(&["read:tags:x"]), path).await;
    let mut by_id = Reader::of_as(&web, &web.token(&["read:runs:a"]), path).await;
    for reader in [&mut by_tag, &mut by_id] {
        assert_eq!(reader.event().await.name, "snapshot");
    }
    delete_by_hand(&server, "id = 'a'").await;
    let anew = "SELECT runmeta.start('a', '{\"secret\": 0}', tags => '{y}')";
    server.batch_execute(anew).await.unwrap();
    for n in 1..=2 {
        let set = format!("SELECT runmeta.set('a', 'secret', '{n}')");
        server.batch_execute(&set).await.unwrap();
    }
    let is_secret = |event: &Event| event.data.to_string().contains("secret");
    while !is_secret(&by_id.event().await) {}
    // It may have been seen that the run was not there for a moment: that is no end.
    let mut last = None;
    while let Next::Event(event) = by_tag.next().await {
        assert!(!is_secret(&event), "{event:?}");
        last = Some(event.name);
    }
    assert_eq!(last.as_deref(), Some("gone"));
}

#[tokio::test]
async fn body_ends_with_its_token() {
    let database = Database::with_worker().await;
    started(&database).await;
    let web = Web::start(&database).await;
    let claims = json!({"scopes": ["read:runs:a"], "exp": now() + 4});
    let mut reader = Reader::of_as(&web, &sign(KEY, claims), "/v1/runs/a/events").await;
    reader.event().await;
    assert_eq!(reader.event().await.name, "reconnect");
    assert_eq!(reader.next().await, Next::End);
}

#[tokio::test]
async fn key_that_is_taken_away_ends_its_bodies_and_no_others() {
    let database = Database::with_worker().await;
    let server = started(&database).await;
    let folder = std::env::temp_dir().join(format!("runmeta-keys-{}", uuid::Uuid::new_v4()));
    let other = "another-secret-key-of-the-tests";
    let both = format!(
        "[[key]]\nname = \"one\"\nsecret = \"{KEY}\"\n[[key]]\nname = \"other\"\nsecret = \"{other}\"\n"
    );
    std::fs::write(&folder, &both).unwrap();
    let web = Web::with(&database, |config| {
        config.keys = runmeta_web::Keys::File(folder.clone());
    })
    .await;
    let token = sign(KEY, json!({"scopes": ["read:runs:a"], "exp": now() + 3600}));
    let mut of_key = Reader::of_as(&web, KEY, "/v1/runs/a/events").await;
    let mut of_token = Reader::of_as(&web, &token, "/v1/runs/a/events").await;
    let mut of_other = Reader::of_as(&web, other, "/v1/runs/a/events").await;
    for reader in [&mut of_key, &mut of_token, &mut of_other] {
        reader.event().await;
    }
    let one = both.split_once("[[key]]\nname = \"other\"").unwrap().1;
    let take_away = async {
        // Those that are read, and the body below.
        while metric(&web, "runmeta_web_streams").await < 4.0 {
            tokio::task::yield_now().await;
        }
        std::fs::write(&folder, format!("[[key]]\nname = \"other\"{one}")).unwrap();
        web.gateway().reload_keys().unwrap();
        std::fs::remove_file(&folder).unwrap();
    };
    let head = format!(
        "POST /v1/runs/a/streams/s HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/x-ndjson\r\ncontent-length: 9\r\nconnection: close\r\n\r\n"
    );
    let (refused, ()) = tokio::join!(raw(&web, &head), take_away);
    assert!(refused.contains("the key was taken away"), "{refused}");
    for mut reader in [of_key, of_token] {
        assert_eq!(reader.event().await.name, "reconnect");
        assert_eq!(reader.next().await, Next::End);
    }
    let set = "SELECT runmeta.set('a', 'n', '1')";
    server.batch_execute(set).await.unwrap();
    assert_eq!(of_other.event().await.name, "change");
}

#[tokio::test]
async fn gateway_that_stops_sends_its_readers_away_and_ends() {
    let database = Database::with_worker().await;
    started(&database).await;
    let web = Web::start(&database).await;
    let mut run = Reader::of(&web, "/v1/runs/a/events").await;
    let mut set = Reader::of(&web, "/v1/events?all").await;
    run.event().await;
    set.event().await;
    assert_eq!(set.event().await.name, "ready");
    web.gateway().stopping().cancel();
    for mut reader in [run, set] {
        assert_eq!(reader.event().await.name, "reconnect");
        assert_eq!(reader.next().await, Next::End);
    }
    web.ended().await;
}

#[tokio::test]
async fn key_has_so_many_bodies_and_no_more() {
    let database = Database::with_worker().await;
    started(&database).await;
    let web = Web::with(&database, |config| config.limits.connections_per_key = 2).await;
    let path = "/v1/runs/a/events";
    let (one, _other) = (Reader::of(&web, path).await, Reader::of(&web, path).await);
    assert_eq!(web.get(path).await.status, 429);
    drop(one);
    // The gateway notices the end of a connection when it writes, or reads that end.
    while Reader::resumed(&web, KEY, path, None).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn selection_of_too_many_keys_is_refused() {
    let database = Database::new().await;
    started(&database).await;
    let web = Web::start(&database).await;
    let select = |keys: usize| {
        let keys: Vec<String> = (0..keys).map(|key| format!("k{key}")).collect();
        keys.join(",")
    };
    for path in ["/v1/runs/a/events?", "/v1/events?tag=x&"] {
        let answer = web.get(&format!("{path}select={}", select(65))).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let mut reader = Reader::of(&web, &format!("{path}select={},k0", select(64))).await;
        assert_eq!(reader.event().await.name, "snapshot");
    }
}
