//! What a caller sees, against the server in memory on a clock that jumps.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::testing::Database;
use crate::tests::on_a_fast_clock;
use crate::{Client, Json, NewRun, Snapshots, Watch};

fn with_database<F: Future>(test: impl FnOnce(Database, Client) -> F) -> F::Output {
    on_a_fast_clock(async {
        let database = Database::new();
        let client = database.client();
        test(database, client).await
    })
}

/// Returns id, version, status and document of the next snapshot.
async fn next(snapshots: &mut Snapshots) -> Option<String> {
    let minute = Duration::from_secs(60);
    let snapshot = timeout(minute, snapshots.next()).await.unwrap()?;
    let status = match snapshot.is_gone() {
        true => "gone",
        false => snapshot.status(),
    };
    let (id, version) = (snapshot.id(), snapshot.version());
    Some(format!(
        "{id} {version} {status} {}",
        snapshot.metadata_json()
    ))
}

/// Returns true if nothing comes for a minute.
async fn is_quiet(snapshots: &mut Snapshots) -> bool {
    timeout(Duration::from_secs(60), snapshots.next())
        .await
        .is_err()
}

async fn set(client: &Client, run: &str, key: &str, value: impl serde::Serialize) {
    let run = client.run(run).await.unwrap();
    run.metadata().set(key, value).flush().await.unwrap();
}

#[test]
fn watch_of_a_run_begins_with_its_state_and_ends_with_its_final_one() {
    with_database(async |_, client| {
        let run = client.start(NewRun::new("a")).await.unwrap();
        set(&client, "a", "n", 1).await;
        let mut runs = client.watch(Watch::run("a")).await.unwrap();
        assert_eq!(next(&mut runs).await.unwrap(), r#"a 2 running {"n":1}"#);
        set(&client, "a", "n", 2).await;
        assert_eq!(next(&mut runs).await.unwrap(), r#"a 3 running {"n":2}"#);
        run.finish().await.unwrap();
        assert_eq!(next(&mut runs).await.unwrap(), r#"a 4 completed {"n":2}"#);
        assert_eq!(next(&mut runs).await, None);
        assert_eq!(next(&mut runs).await, None);
    });
}

#[test]
fn run_that_does_not_exist_is_awaited_and_one_that_is_deleted_is_gone() {
    with_database(async |database, client| {
        assert!(client.snapshot("a").await.unwrap().is_none());
        let mut runs = client.watch(Watch::run("a")).await.unwrap();
        assert!(is_quiet(&mut runs).await);
        client.start(NewRun::new("a")).await.unwrap();
        assert_eq!(next(&mut runs).await.unwrap(), "a 1 running {}");
        assert_eq!(client.snapshot("a").await.unwrap().unwrap().version(), 1);
        database.remove("a");
        assert_eq!(next(&mut runs).await.unwrap(), "a 1 gone {}");
        assert_eq!(next(&mut runs).await, None);
    });
}

#[test]
fn watch_that_is_kept_open_sees_further_attempts_and_runs_of_the_same_id() {
    with_database(async |database, client| {
        let attempt = |number| client.start(NewRun::new("a").attempt(number));
        attempt(1).await.unwrap().finish_as("failed").await.unwrap();
        let mut runs = client.watch(Watch::run("a").keep_open()).await.unwrap();
        assert_eq!(next(&mut runs).await.unwrap(), "a 2 failed {}");
        attempt(2).await.unwrap();
        assert_eq!(next(&mut runs).await.unwrap(), "a 3 running {}");
        database.remove("a");
        assert_eq!(next(&mut runs).await.unwrap(), "a 3 gone {}");
        client.start(NewRun::new("a")).await.unwrap();
        assert_eq!(next(&mut runs).await.unwrap(), "a 1 running {}");
    });
}

#[test]
fn attempt_that_began_before_the_final_state_was_taken_goes_on() {
    with_database(async |_, client| {
        let attempt = |number| client.start(NewRun::new("a").attempt(number));
        let run = attempt(1).await.unwrap();
        let mut runs = client.watch(Watch::run("a")).await.unwrap();
        run.finish_as("failed").await.unwrap();
        let run = attempt(2).await.unwrap();
        assert!(client.snapshot("a").await.unwrap().is_some());
        assert_eq!(next(&mut runs).await.unwrap(), "a 3 running {}");
        run.finish().await.unwrap();
        assert_eq!(next(&mut runs).await.unwrap(), "a 4 completed {}");
        assert_eq!(next(&mut runs).await, None);
    });
}

#[test]
fn sets_bring_the_runs_that_belong_to_them_and_say_which_are_gone() {
    with_database(async |database, client| {
        let root = NewRun::new("root").task("nightly");
        client.start(root).await.unwrap();
        let child = |id: &str| NewRun::new(id).parent("root").task("import").tags(["csv"]);
        let watches = [
            Watch::tree("root"),
            Watch::tag("csv"),
            Watch::task("import"),
            Watch::all(),
        ];
        let mut sets = Vec::new();
        for watch in watches {
            sets.push(client.watch(watch).await.unwrap());
        }
        let mut seen = Vec::new();
        client.start(child("child")).await.unwrap();
        client.start(NewRun::new("other").task("x")).await.unwrap();
        database.remove("child");
        for set in &mut sets {
            let mut all = Vec::new();
            while let Ok(item) = timeout(Duration::from_secs(9), set.next()).await {
                let snapshot = item.unwrap();
                if snapshot.is_gone() {
                    assert_eq!((snapshot.id(), snapshot.root_id()), ("child", "root"));
                } else {
                    all.push(snapshot.id().to_owned());
                }
            }
            all.sort();
            seen.push(all.join(" "));
        }
        // The child may be gone before it was read.
        let seen: Vec<_> = seen
            .iter()
            .map(|all| all.replace("child ", "").replace("child", ""))
            .collect();
        assert_eq!(seen, ["root", "", "", "other root"]);
    });
}

#[test]
fn unfinished_runs_are_those_that_have_not_finished_when_the_watch_begins() {
    with_database(async |database, client| {
        let finished = client.start(NewRun::new("finished")).await.unwrap();
        finished.finish().await.unwrap();
        let run = client.start(NewRun::new("a")).await.unwrap();
        let mut runs = client.watch(Watch::all().unfinished()).await.unwrap();
        assert_eq!(next(&mut runs).await.unwrap(), "a 1 running {}");
        run.finish().await.unwrap();
        assert_eq!(next(&mut runs).await.unwrap(), "a 2 completed {}");
        database.set_reachable(false);
        database.set_reachable(true);
        assert!(is_quiet(&mut runs).await);
        let mut later = client.watch(Watch::all().unfinished()).await.unwrap();
        assert!(is_quiet(&mut later).await);
    });
}

#[test]
fn selected_keys_are_all_that_is_carried_and_all_that_counts() {
    with_database(async |_, client| {
        let metadata = json!({"progress": 0, "user": {"name": "Eric", "id": 7}, "log": [1]});
        let new = NewRun::new("a").metadata(metadata);
        let run = client.start(new).await.unwrap();
        let select = Watch::run("a").select(["progress", "$.user.name", "missing"]);
        let mut runs = client.watch(select).await.unwrap();
        let snapshot = runs.next().await.unwrap();
        assert_eq!(
            snapshot.metadata(),
            json!({"progress": 0, "user": {"name": "Eric"}})
        );
        assert_eq!(snapshot.get::<String>("$.user.name").unwrap(), "Eric");
        run.metadata().append("log", 2).flush().await.unwrap();
        assert!(is_quiet(&mut runs).await);
        run.metadata().set("progress", 1).flush().await.unwrap();
        let snapshot = runs.next().await.unwrap();
        assert_eq!((snapshot.version(), snapshot.get("progress")), (3, Some(1)));
    });
}

#[test]
fn lost_connection_shows_as_a_pause() {
    with_database(async |database, client| {
        let run = client.start(NewRun::new("a")).await.unwrap();
        client.start(NewRun::new("b")).await.unwrap();
        let mut one = client.watch(Watch::run("a")).await.unwrap();
        let mut all = client.watch(Watch::all()).await.unwrap();
        assert_eq!(next(&mut one).await.unwrap(), "a 1 running {}");
        assert_eq!(next(&mut all).await.unwrap(), "a 1 running {}");
        assert_eq!(next(&mut all).await.unwrap(), "b 1 running {}");
        database.set_reachable(false);
        database
            .write("a", json!([{"type": "set", "key": "n", "value": 1}]))
            .unwrap();
        database.remove("b");
        assert!(is_quiet(&mut one).await);
        database.set_reachable(true);
        assert_eq!(next(&mut one).await.unwrap(), r#"a 2 running {"n":1}"#);
        let mut seen = vec![next(&mut all).await.unwrap(), next(&mut all).await.unwrap()];
        seen.sort();
        assert_eq!(seen, [r#"a 2 running {"n":1}"#, "b 1 gone {}"]);
        run.finish().await.unwrap();
        assert_eq!(next(&mut one).await.unwrap(), r#"a 3 completed {"n":1}"#);
    });
}

#[test]
fn watch_that_cannot_begin_is_an_error() {
    with_database(async |database, client| {
        for (watch, code) in [
            (Watch::run(""), "22023"),
            (Watch::tag("x".repeat(256)), "22023"),
            (Watch::all().select(["$."]), "22023"),
        ] {
            let error = client.watch(watch).await.unwrap_err();
            assert_eq!(error.code(), Some(code), "{error}");
        }
        database.set_reachable(false);
        let error = client.watch(Watch::run("a")).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
    });
}

#[test]
fn shutdown_ends_all_streams_and_no_watch_begins_after_it() {
    with_database(async |_, client| {
        client.start(NewRun::new("a")).await.unwrap();
        let mut runs = client.watch(Watch::run("a")).await.unwrap();
        let mut quiet = client.watch(Watch::run("b")).await.unwrap();
        client.shutdown(Duration::from_secs(1)).await.unwrap();
        assert_eq!(next(&mut runs).await.unwrap(), "a 1 running {}");
        assert_eq!(next(&mut runs).await, None);
        assert_eq!(next(&mut quiet).await, None);
        let error = client.watch(Watch::run("a")).await.unwrap_err();
        assert!(error.is_closed(), "{error}");
    });
}

#[test]
fn changes_make_each_snapshot_of_the_one_before() {
    with_database(async |_, client| {
        let attempt = |number| client.start(NewRun::new("a").attempt(number));
        let run = attempt(1).await.unwrap();
        let watch = Watch::run("a").keep_open();
        let mut changes = client.watch(watch).await.unwrap().changes();
        let mut shown = Json::Null;
        let mut whole = Vec::new();
        for step in 0..5 {
            match step {
                0 => {}
                1 => set(&client, "a", "n", 1).await,
                2 => run.finish().await.unwrap(),
                3 => drop(attempt(2).await.unwrap()),
                _ => set(&client, "a", "n", Value::Null).await,
            }
            let change = changes.next().await.unwrap();
            change.apply(&mut shown);
            assert_eq!(shown, change.snapshot().to_json());
            assert_eq!(change.from(), (!change.is_whole()).then_some(step));
            whole.push(change.is_whole());
        }
        assert_eq!(whole, [true, false, false, false, true]);
    });
}

#[test]
fn slow_watcher_of_many_runs_gets_the_newest_state_of_each() {
    with_database(async |database, client| {
        let mut runs = client.watch(Watch::all()).await.unwrap();
        let count = 3_000;
        for run in 0..count {
            client.start(NewRun::new(run.to_string())).await.unwrap();
        }
        let write = json!([{"type": "set", "key": "n", "value": 1}]);
        for run in 0..count {
            database.write(&run.to_string(), &write).unwrap();
        }
        let mut newest = std::collections::HashMap::new();
        while newest.values().filter(|version| **version == 2).count() < count {
            let snapshot = runs.next().await.unwrap();
            let before = newest.insert(snapshot.id().to_owned(), snapshot.version());
            assert!(before.is_none_or(|before| before < snapshot.version()));
        }
    });
}

#[test]
fn selection_in_this_process_is_that_of_the_server() {
    with_database(async |_, client| {
        let metadata = json!({"a": 1.50, "b": {"c": null, "d": [1]}, "logs": ["x"]});
        let run = NewRun::new("a").metadata(metadata);
        let run = client.start(run).await.unwrap();
        let watch = || Watch::run("a").select(["a", "$.b.c", "$.b.d", "missing"]);
        let (server, here) = (watch(), watch().select_here());
        let mut server = client.watch(server).await.unwrap();
        let mut here = client.watch(here).await.unwrap();
        let both = async |server: &mut Snapshots, here: &mut Snapshots| {
            let (server, here) = (next(server).await, next(here).await);
            assert_eq!(server, here);
            server
        };
        let first = both(&mut server, &mut here).await.unwrap();
        assert!(first.contains(r#""b":{"c":null,"d":[1]}"#), "{first}");
        assert!(!first.contains("logs"), "{first}");
        set(&client, "a", "logs", "y").await;
        assert!(is_quiet(&mut server).await && is_quiet(&mut here).await);
        set(&client, "a", "a", 2).await;
        assert!(both(&mut server, &mut here).await.is_some());
        run.finish().await.unwrap();
        assert!(both(&mut server, &mut here).await.is_some());
        assert_eq!(both(&mut server, &mut here).await, None);
    });
}

#[test]
fn selection_in_this_process_has_valid_keys() {
    with_database(async |_, client| {
        let watch = Watch::run("a").select(["$."]).select_here();
        let error = client.watch(watch).await.unwrap_err();
        assert_eq!(error.code(), Some("22023"));
    });
}

#[test]
fn set_is_whole_once_its_runs_were_given() {
    with_database(async |database, client| {
        let mut empty = client.watch(Watch::tag("x")).await.unwrap();
        assert!(is_quiet(&mut empty).await);
        assert!(empty.is_whole());
        for run in 0..1_100 {
            let run = NewRun::new(run.to_string()).tags(["x"]);
            client.start(run).await.unwrap();
        }
        // The first reads them from the server, and the second has what is known.
        for watch in [Watch::tag("x"), Watch::tag("x"), Watch::all()] {
            let mut runs = client.watch(watch).await.unwrap();
            for _ in 0..1_100 {
                assert!(!runs.is_whole());
                next(&mut runs).await.unwrap();
            }
            assert!(is_quiet(&mut runs).await);
            assert!(runs.is_whole());
        }
        database.remove("7");
        let mut runs = client.watch(Watch::tag("x")).await.unwrap();
        while !is_quiet(&mut runs).await {}
        assert!(runs.is_whole());
        let mut run = client.watch(Watch::run("1")).await.unwrap();
        next(&mut run).await.unwrap();
        assert!(!run.is_whole());
    });
}
