//! Watching runs of a real server.

mod elsewhere;
mod faults;
mod polling;
mod sets;

use std::time::Duration;

use futures_util::StreamExt;
use runmeta_client::{Builder, Client, NewRun, Snapshot, Snapshots, Watch};
use serde_json::json;
use tokio::time::timeout;

use crate::harness::{Database, Role};

/// Nobody waits longer: something hangs.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(database: &Database) -> Client {
    Client::connect(&database.url()).await.unwrap()
}

async fn next(snapshots: &mut Snapshots) -> Option<Snapshot> {
    let next = timeout(PATIENCE, snapshots.next()).await;
    next.expect("no snapshot comes")
}

/// Returns id, version, status and document of the next snapshot.
async fn line(snapshots: &mut Snapshots) -> String {
    let Some(snapshot) = next(snapshots).await else {
        return "end".to_owned();
    };
    let status = match snapshot.is_gone() {
        true => "gone",
        false => snapshot.status(),
    };
    format!(
        "{} {} {status} {}",
        snapshot.id(),
        snapshot.version(),
        snapshot.metadata()
    )
}

/// Takes snapshots until one of them is what is awaited.
async fn until(snapshots: &mut Snapshots, is_awaited: impl Fn(&Snapshot) -> bool) -> Snapshot {
    loop {
        let snapshot = next(snapshots).await.expect("the stream ends");
        if is_awaited(&snapshot) {
            return snapshot;
        }
    }
}

#[tokio::test]
async fn watch_follows_a_run_from_its_start_to_its_final_state() {
    for database in [Database::new().await, Database::with_worker().await] {
        let server = database.connect().await;
        let client = connect(&database).await;
        let mut runs = client.watch(Watch::run("a")).await.unwrap();
        let sql = "SELECT runmeta.start('a', '{\"n\": 1}', task => 'import', tags => '{csv,prod}')";
        server.batch_execute(sql).await.unwrap();
        assert_eq!(line(&mut runs).await, r#"a 1 running {"n":1}"#);
        server
            .batch_execute("SELECT runmeta.increment('a', 'n')")
            .await
            .unwrap();
        assert_eq!(line(&mut runs).await, r#"a 2 running {"n":2}"#);
        server
            .batch_execute("SELECT runmeta.finish('a', 'failed')")
            .await
            .unwrap();
        assert_eq!(line(&mut runs).await, r#"a 3 failed {"n":2}"#);
        assert_eq!(line(&mut runs).await, "end");
        server
            .batch_execute("SELECT runmeta.start('b', parent_run_id => 'a')")
            .await
            .unwrap();
        let json = "SELECT to_jsonb(r) - 'size_bound' FROM runmeta.run AS r WHERE id = $1";
        for id in ["a", "b"] {
            let snapshot = client.snapshot(id).await.unwrap().unwrap();
            let mut expected: serde_json::Value =
                server.query_one(json, &[&id]).await.unwrap().get(0);
            let members = expected.as_object_mut().unwrap();
            members.retain(|_, value| !value.is_null());
            let object = serde_json::Value::try_from(&snapshot.to_json()).unwrap();
            for (name, value) in members {
                // Both are the same time, written in two ways.
                if name.ends_with("_at") {
                    let same = format!("SELECT '{value}'::timestamptz = $1::text::timestamptz");
                    let same = same.replace('"', "");
                    let ours = object[name].as_str().unwrap().to_owned();
                    assert!(
                        server
                            .query_one(&same, &[&ours])
                            .await
                            .unwrap()
                            .get::<_, bool>(0)
                    );
                    *value = json!(ours);
                }
            }
            assert_eq!(object, expected);
            let text: serde_json::Value = serde_json::from_str(&snapshot.to_json_text()).unwrap();
            assert_eq!(text, expected);
        }
    }
}

#[tokio::test]
async fn selected_keys_are_all_that_the_server_sends() {
    let database = Database::new().await;
    let client = connect(&database).await;
    let metadata = json!({"progress": 0.5, "user": {"name": "Eric", "id": 7}, "log": "x".repeat(1000), "a.b": null});
    let run = client
        .start(NewRun::new("a").metadata(metadata))
        .await
        .unwrap();
    let select = |keys: &[&str]| Watch::run("a").select(keys.iter().copied());
    let mut runs = client
        .watch(select(&["progress", "$.user.name", "a.b", "c"]))
        .await
        .unwrap();
    let expected = r#"a 1 running {"a.b":null,"progress":0.5,"user":{"name":"Eric"}}"#;
    assert_eq!(line(&mut runs).await, expected);
    let mut nothing = client.watch(select(&[])).await.unwrap();
    assert_eq!(line(&mut nothing).await, "a 1 running {}");
    run.metadata().set("log", 1).flush().await.unwrap();
    run.metadata()
        .set("$.user.name", "Anna")
        .flush()
        .await
        .unwrap();
    let expected = r#"a 3 running {"a.b":null,"progress":0.5,"user":{"name":"Anna"}}"#;
    assert_eq!(line(&mut runs).await, expected);
    run.finish().await.unwrap();
    assert_eq!(line(&mut nothing).await, "a 4 completed {}");
}

#[tokio::test]
async fn lists_that_wait_in_the_inbox_are_seen() {
    let database = Database::with_worker().await;
    let server = database.connect().await;
    let client = connect(&database).await;
    let start = "SELECT runmeta.start('a'), runmeta.start('b', parent_run_id => 'a')";
    server.batch_execute(start).await.unwrap();
    let mut runs = client.watch(Watch::run("a")).await.unwrap();
    for _ in 0..100 {
        let count = "SELECT runmeta.increment('b', 'n', target => 'parent')";
        server.batch_execute(count).await.unwrap();
    }
    until(&mut runs, |snapshot| snapshot.get("n") == Some(100)).await;
}

#[tokio::test]
async fn watcher_sees_the_runs_that_its_role_may_read() {
    let role = Role::new();
    let stranger = Role::new();
    let database = Database::new().await;
    let server = database.connect().await;
    server
        .batch_execute(&format!(
            "ALTER ROLE {0} LOGIN; ALTER ROLE {1} LOGIN; GRANT runmeta_reader TO {0};
            ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own ON runmeta.run USING (id LIKE 'mine%');
            SELECT runmeta.start(id) FROM unnest(ARRAY['mine', 'theirs']) AS id",
            role.quoted(),
            stranger.quoted()
        ))
        .await
        .unwrap();
    let connect = |role: &Role| {
        let url = database
            .url()
            .replace("postgres@", &format!("{}@", role.name()));
        async move { Builder::url(&url).connect().await.unwrap() }
    };
    let client = connect(&role).await;
    let mut all = client.watch(Watch::all()).await.unwrap();
    let mut theirs = client.watch(Watch::run("theirs")).await.unwrap();
    assert_eq!(line(&mut all).await, "mine 1 running {}");
    assert!(client.snapshot("theirs").await.unwrap().is_none());
    let change = "SELECT runmeta.set('theirs', 'n', '1'); SELECT runmeta.start('mine 2')";
    server.batch_execute(change).await.unwrap();
    assert_eq!(line(&mut all).await, "mine 2 1 running {}");
    server.batch_execute("DROP POLICY own ON runmeta.run; CREATE POLICY own ON runmeta.run USING (id = 'theirs')").await.unwrap();
    let change = "SELECT runmeta.set(id, 'n', '2') FROM runmeta.run";
    server.batch_execute(change).await.unwrap();
    assert_eq!(line(&mut theirs).await, r#"theirs 3 running {"n":2}"#);
    let mut seen = vec![
        line(&mut all).await,
        line(&mut all).await,
        line(&mut all).await,
    ];
    seen.sort();
    let expected = [
        "mine 1 gone {}",
        "mine 2 1 gone {}",
        r#"theirs 3 running {"n":2}"#,
    ];
    assert_eq!(seen, expected);

    let client = connect(&stranger).await;
    for watch in [Watch::run("mine"), Watch::all()] {
        let error = client.watch(watch).await.unwrap_err();
        assert_eq!(error.code(), Some("42501"), "{error}");
    }
    drop(client);
    let revoke = format!("REVOKE runmeta_reader FROM {}", role.quoted());
    server.batch_execute(&revoke).await.unwrap();
}

#[tokio::test]
async fn thousand_watches_share_one_connection_and_each_ends_with_the_final_state() {
    let database = Database::with_worker().await;
    let server = database.connect().await;
    let start = "SELECT count(runmeta.start('run ' || n)) FROM generate_series(1, 1000) AS n";
    server.batch_execute(start).await.unwrap();
    let builder = Builder::url(&database.url()).application_name("watches");
    let client = builder.connect().await.unwrap();
    let mut watches = Vec::new();
    for run in 1..=1000 {
        let watch = Watch::run(format!("run {run}"));
        watches.push(client.watch(watch).await.unwrap());
    }
    for change in [
        "increment('run ' || n, 'n')",
        "increment('run ' || n, 'n')",
        "finish('run ' || n)",
    ] {
        let change = format!("SELECT count(runmeta.{change}) FROM generate_series(1, 1000) AS n");
        server.batch_execute(&change).await.unwrap();
    }
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'watches' AND datname = current_database()";
    let sessions: i64 = server.query_one(sessions, &[]).await.unwrap().get(0);
    assert!(sessions <= 3, "{sessions} sessions");
    for watch in watches {
        let seen: Vec<Snapshot> = timeout(PATIENCE, watch.collect()).await.unwrap();
        let last = seen.last().unwrap();
        assert!(last.is_finished() && last.version() == 4, "{seen:?}");
        assert!(seen.is_sorted_by(|one, other| one.version() < other.version()));
    }
}
