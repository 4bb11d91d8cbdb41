//! Runs whose rows another transaction has locked.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{milliseconds, start, start_child, start_many, with_client};
use crate::testing::faults::FaultyServer;
use crate::{Metadata, NewRun, Run};

const SECOND: Duration = Duration::from_secs(1);

fn metadata(runs: &[Run]) -> Vec<Metadata> {
    runs.iter().map(Run::metadata).collect()
}

fn unlock_all(server: &FaultyServer, runs: &[Run]) {
    runs.iter().for_each(|run| server.unlock(run.id()));
}

#[test]
fn locked_row_holds_up_its_run_and_no_other() {
    with_client(async |server, client| {
        let runs = metadata(&start_many(&client, 100).await);
        server.lock("42");
        let begun = Instant::now();
        for round in 0..600 {
            for run in &runs {
                run.append("log", round);
            }
            milliseconds(100).await;
        }
        // Of a minute, the others lose some seconds in which the locked run is found and tried.
        for (id, run) in runs.iter().enumerate() {
            assert_eq!(run.get::<Vec<u64>>("log").unwrap().len(), 600);
            let log = server.document(&id.to_string())["log"].clone();
            let most = log.as_array().map_or(0, Vec::len);
            let is_right = if id == 42 { most == 0 } else { most > 580 };
            assert!(is_right, "{id}: {most}");
        }
        assert!(timeout(5 * SECOND, runs[42].flush()).await.is_err());
        runs[41].append("log", 600).flush().await.unwrap();
        assert_eq!(client.metrics().unapplied, 0);

        server.unlock("42");
        let unlocked = Instant::now();
        client.flush().await.unwrap();
        assert!(unlocked.elapsed() <= SECOND, "{:?}", unlocked.elapsed());
        assert!(begun.elapsed() < 80 * SECOND, "{:?}", begun.elapsed());
        assert_eq!(server.document("42")["log"], (0..600).collect::<Value>());
    });
}

/// Flushes another run for ten minutes, and checks that it does not wait more than a fifth of the time.
async fn check_share(other: &Metadata, mut disturb: impl FnMut(u64)) {
    let begun = Instant::now();
    let (mut waited, mut longest) = (Duration::ZERO, Duration::ZERO);
    let mut rounds = 0;
    while begun.elapsed() < 600 * SECOND {
        disturb(rounds);
        let asked = Instant::now();
        other.set("n", rounds).flush().await.unwrap();
        waited += asked.elapsed();
        longest = longest.max(asked.elapsed());
        rounds += 1;
        milliseconds(100).await;
    }
    let most = begun.elapsed() / 5 + SECOND;
    assert!(waited <= most, "{waited:?} of {:?}", begun.elapsed());
    assert!(longest <= 2 * SECOND, "{longest:?}");
}

#[test]
fn twenty_locked_rows_leave_the_others_four_fifths_of_the_time() {
    with_client(async |server, client| {
        let all = start_many(&client, 100).await;
        let runs = metadata(&all);
        (0..20).for_each(|id| server.lock(&(4 * id).to_string()));
        for run in &runs {
            run.set("n", 0);
        }
        check_share(&runs[99], |round| {
            runs[usize::try_from(round % 100).unwrap()].increment("m", 1);
        })
        .await;
        start(&client, "late").await;
        assert!(timeout(SECOND, runs[0].flush()).await.is_err());
        // Who waits for a lock does not slow down those who do not.
        let waiting = tokio::spawn({
            let held = runs[0].clone();
            async move { held.flush().await }
        });
        let begun = Instant::now();
        for n in 0..10 {
            runs[99].set("n", n).flush().await.unwrap();
        }
        assert!(begun.elapsed() <= 3 * SECOND, "{:?}", begun.elapsed());
        unlock_all(&server, &all);
        waiting.await.unwrap().unwrap();
        assert_eq!(client.metrics().unapplied, 0);
    });
}

#[test]
fn starts_and_finishes_of_locked_rows_leave_the_others_four_fifths_of_the_time() {
    with_client(async |server, client| {
        let runs = start_many(&client, 41).await;
        let other = runs[40].metadata();
        (0..40).for_each(|id| server.lock(&id.to_string()));
        let calls: Vec<_> = (0..20)
            .map(|id| {
                let (client, run) = (client.clone(), runs[id + 20].clone());
                let again = NewRun::new(id.to_string()).attempt(2);
                tokio::spawn(async move {
                    let (start, finish) = tokio::join!(client.start(again), run.finish());
                    (start.is_ok(), finish.is_ok())
                })
            })
            .collect();
        check_share(&other, |_| {}).await;
        for call in calls {
            // They gave up after the call timeout.
            assert_eq!(call.await.unwrap(), (false, false));
        }
        unlock_all(&server, &runs);
        milliseconds(3_000).await;
        for id in 0..20 {
            // Nobody waits for the starts, which certainly had no effect; the finishes are sent.
            let finished = server.database.status(&(id + 20).to_string());
            assert_eq!(finished.as_deref(), Some("completed"));
        }
    });
}

#[test]
fn locked_row_is_looked_at_about_once_a_second() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.lock("a");
        run.metadata().set("n", 1);
        milliseconds(2_000).await;
        let (looks, batches) = (server.diagnoses(), server.batches().len());
        milliseconds(60_000).await;
        let looks = server.diagnoses() - looks;
        assert!((30..=90).contains(&looks), "{looks}");
        assert!(server.batches().len() - batches <= 15);
    });
}

#[test]
fn run_whose_row_is_locked_can_be_read() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.lock("a");
        run.metadata().set("n", 1);
        let write = json!({"type": "set", "key": "m", "value": 2});
        milliseconds(1_500).await;
        server.write("a", &write);
        run.metadata().refresh().await.unwrap();
        assert_eq!(run.metadata().current(), Some(json!({"n": 1, "m": 2})));
        // Asked for while the batch waits for the lock.
        let other = start(&client, "b").await;
        server.lock("b");
        other.metadata().set("n", 1);
        milliseconds(1).await;
        timeout(5 * SECOND, other.metadata().refresh())
            .await
            .unwrap()
            .unwrap();
    });
}

#[test]
fn lock_of_the_table_sets_nothing_aside_and_all_leave_when_it_ends() {
    with_client(async |server, client| {
        let runs = start_many(&client, 100).await;
        server.lock_table(true);
        for _ in 0..200 {
            for run in &runs {
                run.metadata().increment("n", 1);
            }
            milliseconds(100).await;
        }
        server.lock_table(false);
        milliseconds(1_300).await;
        for run in &runs {
            assert_eq!(server.document(run.id()), json!({"n": 200}));
        }
        assert_eq!(client.metrics().unapplied, 0);
    });
}

#[test]
fn others_leave_as_soon_as_one_that_was_locked_goes_through() {
    with_client(async |server, client| {
        let runs = start_many(&client, 50).await;
        unlock_all(&server, &runs);
        runs.iter().for_each(|run| server.lock(run.id()));
        for run in &runs {
            run.metadata().set("n", 1);
        }
        milliseconds(40_000).await;
        unlock_all(&server, &runs);
        milliseconds(1_300).await;
        for run in &runs {
            assert_eq!(server.document(run.id()), json!({"n": 1}));
        }
    });
}

#[test]
fn finish_does_not_wait_for_the_lock_of_the_parent() {
    with_client(async |server, client| {
        let parent = start(&client, "parent").await;
        let child = start_child(&client, "child", "parent").await;
        server.lock("parent");
        parent.metadata().set("n", 1);
        child
            .metadata()
            .set("n", 1)
            .parent()
            .increment("children", 1);
        let begun = Instant::now();
        child.finish().await.unwrap();
        assert!(begun.elapsed() <= SECOND, "{:?}", begun.elapsed());
        assert_eq!(
            server.database.status("child").as_deref(),
            Some("completed")
        );
        assert_eq!(server.document("parent"), json!({}));
        server.unlock("parent");
        child.metadata().flush().await.unwrap();
        assert_eq!(server.document("parent"), json!({"n": 1, "children": 1}));
    });
}

#[test]
fn family_that_was_changed_atomically_waits_together() {
    with_client(async |server, client| {
        start(&client, "parent").await;
        let one = start_child(&client, "one", "parent").await;
        let other = start(&client, "other").await;
        server.lock("one");
        for _ in 0..50 {
            one.metadata().atomically(|metadata| {
                metadata.increment("n", 1);
                metadata.parent().increment("n", 1);
            });
            other.metadata().increment("n", 1);
            milliseconds(100).await;
        }
        other.metadata().flush().await.unwrap();
        assert_eq!(server.document("other"), json!({"n": 50}));
        let family = || [server.document("one"), server.document("parent")];
        assert_eq!(family(), [json!({}), json!({})]);
        server.unlock("one");
        one.metadata().flush().await.unwrap();
        assert_eq!(family(), [json!({"n": 50}), json!({"n": 50})]);
    });
}

#[test]
fn shutdown_reports_what_waited_for_a_lock() {
    with_client(async |server, client| {
        let (run, other) = (start(&client, "a").await, start(&client, "b").await);
        server.lock("a");
        run.metadata().set("first", 1);
        milliseconds(2_000).await;
        run.metadata().set("second", 1);
        other.metadata().set("first", 1);
        let error = client.shutdown(3 * SECOND).await.unwrap_err();
        let unsent: Vec<_> = error
            .unapplied()
            .iter()
            .map(|unsent| (unsent.run_id(), unsent.key(), unsent.reason()))
            .collect();
        let expected = [
            ("a", Some("first"), "not_sent"),
            ("a", Some("second"), "not_sent"),
        ];
        assert_eq!(unsent, expected);
        assert_eq!(server.document("b"), json!({"first": 1}));
    });
}

#[test]
fn shutdown_sends_what_is_unlocked_in_the_meantime() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.lock("a");
        run.metadata().set("n", 1);
        milliseconds(20_000).await;
        let shutdown = client.shutdown(4 * SECOND);
        let unlock = async {
            milliseconds(3_700).await;
            server.unlock("a");
        };
        tokio::join!(shutdown, unlock).0.unwrap();
        assert_eq!(server.document("a"), json!({"n": 1}));
    });
}

#[test]
fn client_that_is_dropped_ends_when_the_lock_does() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.lock("a");
        run.metadata().set("first", 1);
        milliseconds(2_000).await;
        run.metadata().set("second", 2);
        drop((run, client));
        milliseconds(10_000).await;
        server.unlock("a");
        milliseconds(2_000).await;
        assert_eq!(server.document("a"), json!({"first": 1, "second": 2}));
    });
}
