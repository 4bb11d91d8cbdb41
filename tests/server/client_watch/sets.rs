//! Sets of runs.

use std::collections::BTreeMap;

use runmeta_client::{NewRun, Watch};

use super::{connect, line, next};
use crate::harness::Database;

#[tokio::test]
async fn sets_bring_the_runs_of_before_and_those_that_start_later() {
    let database = Database::new().await;
    let client = connect(&database).await;
    let child = |id: &str| {
        NewRun::new(id)
            .parent("root")
            .task("import")
            .tags(["csv", "x"])
    };
    client
        .start(NewRun::new("root").task("nightly"))
        .await
        .unwrap();
    let before = client.start(child("before")).await.unwrap();
    let mut announced = client.watch(Watch::run("before")).await.unwrap();
    before.finish().await.unwrap();
    // A set that is watched before that would show the change.
    while next(&mut announced).await.is_some() {}
    let mut sets = Vec::new();
    for watch in [
        Watch::tree("root"),
        Watch::tag("csv"),
        Watch::task("import"),
        Watch::all(),
        Watch::tree("root").unfinished(),
        Watch::tag("csv").unfinished(),
        Watch::task("import").unfinished(),
        Watch::all().unfinished(),
    ] {
        sets.push(client.watch(watch).await.unwrap());
    }
    client.start(child("after")).await.unwrap();
    client
        .start(NewRun::new("other").task("x").tags(["y"]))
        .await
        .unwrap();
    let expected = [
        "after before root",
        "after before",
        "after before",
        "after before other root",
        "after root",
        "after",
        "after",
        "after other root",
    ];
    for (set, expected) in sets.iter_mut().zip(expected) {
        let mut seen = Vec::new();
        for _ in 0..expected.split(' ').count() {
            seen.push(next(set).await.unwrap().id().to_owned());
        }
        seen.sort();
        assert_eq!(seen.join(" "), expected);
    }
}

#[tokio::test]
async fn runs_that_are_pruned_are_gone() {
    let database = Database::new().await;
    let server = database.connect().await;
    let client = connect(&database).await;
    let start = "SELECT runmeta.start('a'), runmeta.start('b')";
    server.batch_execute(start).await.unwrap();
    let mut all = client.watch(Watch::all()).await.unwrap();
    let mut one = client.watch(Watch::run("a").keep_open()).await.unwrap();
    assert_eq!(line(&mut one).await, "a 1 running {}");
    let mut seen = vec![line(&mut all).await, line(&mut all).await];
    seen.sort();
    assert_eq!(seen, ["a 1 running {}", "b 1 running {}"]);
    server
        .batch_execute("SELECT runmeta.finish('a')")
        .await
        .unwrap();
    assert_eq!(line(&mut one).await, "a 2 completed {}");
    assert_eq!(line(&mut all).await, "a 2 completed {}");
    let prune = "UPDATE runmeta.run SET finished_at = '2001-01-01' WHERE id = 'a';
        SELECT runmeta.prune(now())";
    server.batch_execute(prune).await.unwrap();
    assert_eq!(line(&mut one).await, "a 2 gone {}");
    assert_eq!(line(&mut all).await, "a 2 gone {}");
    server
        .batch_execute("SELECT runmeta.start('a')")
        .await
        .unwrap();
    assert_eq!(line(&mut one).await, "a 1 running {}");
    assert_eq!(line(&mut all).await, "a 1 running {}");
}

#[tokio::test]
async fn set_of_more_runs_than_a_page_is_seen_whole_and_by_a_second_watcher_too() {
    let database = Database::new().await;
    let server = database.connect().await;
    let client = connect(&database).await;
    let start = "SELECT count(runmeta.start('root')), count(runmeta.start('run ' || n, parent_run_id => 'root'))
        FROM generate_series(1, 12000) AS n";
    let start = format!(
        "SELECT runmeta.start('root'); {}",
        start.replace("count(runmeta.start('root')), ", "")
    );
    server.batch_execute(&start).await.unwrap();
    for watch in [Watch::tree("root"), Watch::tree("root"), Watch::all()] {
        let mut runs = client.watch(watch).await.unwrap();
        let mut seen = BTreeMap::new();
        while seen.len() < 12_001 {
            let snapshot = next(&mut runs).await.unwrap();
            assert_eq!(seen.insert(snapshot.id().to_owned(), ()), None);
        }
        // The first one stays, so that the second one joins it.
        std::mem::forget(runs);
    }
}
