use runmeta_client::testing::Database;
use runmeta_client::{Client, NewRun, Run, Watch};
use serde_json::{Value, json};

use super::subscription::Event;
use super::{Rooms, Subscription};

fn rooms() -> Rooms {
    Rooms::new(1_000_000)
}

async fn started(client: &Client, id: &str) -> Run {
    let run = NewRun::new(id).tags(["nightly"]).metadata(json!({"n": 0}));
    client.start(run).await.unwrap()
}

fn set(database: &Database, id: &str, n: u64) {
    database
        .write(id, json!([{"type": "set", "key": "n", "value": n}]))
        .unwrap();
}

fn address(event: &Event) -> *const u8 {
    event.frame.as_ref().unwrap().as_ptr()
}

/// Returns the name of the next event, and its data.
async fn next(reader: &mut Subscription) -> (String, Value) {
    let event = reader.next().await.unwrap();
    let text = std::str::from_utf8(event.frame.as_ref().unwrap()).unwrap();
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let data = serde_json::from_str(line("data: ").unwrap()).unwrap();
    (line("event: ").unwrap().to_owned(), data)
}

#[tokio::test(start_paused = true)]
async fn readers_of_a_run_share_each_event() {
    let database = Database::new();
    let client = database.client();
    started(&client, "a").await;
    let rooms = rooms();
    let watch = || rooms.watch_run(&client, Watch::run("a"));
    let (mut one, mut other) = (watch().await.unwrap(), watch().await.unwrap());
    assert_eq!(rooms.count(), 1);

    let (first, same) = (one.next().await.unwrap(), other.next().await.unwrap());
    assert_eq!(address(&first), address(&same));
    set(&database, "a", 1);
    let (first, same) = (one.next().await.unwrap(), other.next().await.unwrap());
    assert_eq!(address(&first), address(&same));
    assert!(
        first
            .frame
            .unwrap()
            .starts_with(b"event: change\nid: 2\ndata: {")
    );
}

#[tokio::test(start_paused = true)]
async fn change_says_what_differs_from_the_version_before() {
    let database = Database::new();
    let client = database.client();
    started(&client, "a").await;
    let mut reader = rooms().watch_run(&client, Watch::run("a")).await.unwrap();
    let (name, run) = next(&mut reader).await;
    assert_eq!((&*name, &run["metadata"]), ("snapshot", &json!({"n": 0})));
    set(&database, "a", 7);
    let (name, change) = next(&mut reader).await;
    assert_eq!((&*name, &change["from"]), ("change", &json!(1)));
    assert_eq!(
        (&change["id"], &change["version"]),
        (&json!("a"), &json!(2))
    );
    assert_eq!(change["patch"]["metadata"], json!({"n": 7}));
    assert_eq!(change["patch"].get("task"), None);
}

#[tokio::test(start_paused = true)]
async fn slow_reader_gets_the_newest_state_whole() {
    let database = Database::new();
    let client = database.client();
    started(&client, "a").await;
    let rooms = rooms();
    let watch = || rooms.watch_run(&client, Watch::run("a"));
    let (mut quick, mut slow) = (watch().await.unwrap(), watch().await.unwrap());
    next(&mut quick).await;
    next(&mut slow).await;
    for n in 1..=3 {
        set(&database, "a", n);
        assert_eq!(next(&mut quick).await.0, "change");
    }
    let (name, run) = next(&mut slow).await;
    assert_eq!((&*name, &run["metadata"]), ("snapshot", &json!({"n": 3})));
    set(&database, "a", 4);
    assert_eq!(next(&mut slow).await.0, "change");
}

#[tokio::test(start_paused = true)]
async fn reader_who_has_the_state_skips_it_and_gets_a_patch() {
    let database = Database::new();
    let client = database.client();
    started(&client, "a").await;
    let mut reader = rooms().watch_run(&client, Watch::run("a")).await.unwrap();
    assert_eq!(reader.peek().map(|run| run.version()), Some(1));
    reader.skip();
    set(&database, "a", 1);
    assert_eq!(next(&mut reader).await.0, "change");
}

#[tokio::test(start_paused = true)]
async fn reader_of_a_set_learns_of_runs_that_come_and_go() {
    let database = Database::new();
    let client = database.client();
    started(&client, "a").await;
    let rooms = rooms();
    let mut reader = rooms
        .watch_set(&client, Watch::tag("nightly"))
        .await
        .unwrap();
    let (name, run) = next(&mut reader).await;
    assert_eq!((&*name, &run["id"]), ("snapshot", &json!("a")));
    started(&client, "b").await;
    let (name, run) = next(&mut reader).await;
    assert_eq!((&*name, &run["id"]), ("snapshot", &json!("b")));
    database.remove("a");
    // A run that is removed is noticed when something is announced of it, or everything is read again.
    database.set_reachable(false);
    database.set_reachable(true);
    let (name, run) = next(&mut reader).await;
    assert_eq!((&*name, run), ("gone", json!({"id": "a", "version": 1})));
}

#[tokio::test(start_paused = true)]
async fn last_reader_closes_the_room() {
    let database = Database::new();
    let client = database.client();
    let rooms = rooms();
    let one = rooms.watch_run(&client, Watch::run("a")).await.unwrap();
    let other = rooms.watch_run(&client, Watch::run("a")).await.unwrap();
    drop(one);
    assert_eq!(rooms.count(), 1);
    drop(other);
    assert_eq!(rooms.count(), 0);
    drop(rooms.watch_run(&client, Watch::run("")).await.unwrap_err());
    assert_eq!(rooms.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn clients_share_no_room() {
    let database = Database::new();
    let (one, other) = (database.client(), database.client());
    let rooms = rooms();
    let _one = rooms.watch_run(&one, Watch::run("a")).await.unwrap();
    let _other = rooms.watch_run(&other, Watch::run("a")).await.unwrap();
    assert_eq!(rooms.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn final_state_is_the_last() {
    let database = Database::new();
    let client = database.client();
    let run = started(&client, "a").await;
    let mut reader = rooms().watch_run(&client, Watch::run("a")).await.unwrap();
    next(&mut reader).await;
    run.finish().await.unwrap();
    let (name, change) = next(&mut reader).await;
    assert_eq!(
        (&*name, &change["patch"]["status"]),
        ("change", &json!("completed"))
    );
    assert!(reader.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn readers_of_many_selections_see_the_same_as_those_of_few() {
    let database = Database::new();
    let client = database.client();
    started(&client, "a").await;
    let rooms = rooms();
    let watch = |other: usize| Watch::run("a").select(["n".to_owned(), format!("x{other}")]);
    let mut readers = Vec::new();
    for other in 0..40 {
        let mut reader = rooms.watch_run(&client, watch(other)).await.unwrap();
        let (name, run) = next(&mut reader).await;
        assert_eq!((&*name, &run["metadata"]), ("snapshot", &json!({"n": 0})));
        readers.push(reader);
    }
    set(&database, "a", 1);
    for reader in &mut readers {
        let (_, data) = next(reader).await;
        let patch = data.get("patch").unwrap_or(&data);
        assert_eq!(patch["metadata"]["n"], json!(1));
    }
    let kept = rooms.bytes();
    readers.truncate(16);
    // Those past the sixteenth keep nothing.
    assert_eq!(rooms.bytes(), kept);
    readers.truncate(15);
    assert!(rooms.bytes() < kept);
    drop(readers);
    assert_eq!((rooms.count(), rooms.bytes()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn events_past_the_memory_for_them_are_refused_until_others_are_sent() {
    let database = Database::new();
    let client = database.client();
    let text = "x".repeat(10_000);
    let run = NewRun::new("a").metadata(json!({"text": text}));
    client.start(run).await.unwrap();
    let rooms = Rooms::new(15_000);
    let watch = || Watch::run("a").select(["text"]);
    let mut one = rooms.watch_run(&client, watch()).await.unwrap();
    let mut other = rooms.watch_run(&client, watch()).await.unwrap();
    assert!(one.has_memory());
    let frame = one.next().await.unwrap().frame.unwrap();
    assert!(!other.has_memory());
    // It is the connection that holds it now.
    drop(one);
    assert!(other.next().await.unwrap().frame.is_none());
    drop(frame);
    assert_eq!(rooms.bytes(), 0);
    let mut third = rooms.watch_run(&client, watch()).await.unwrap();
    assert!(third.has_memory());
}
