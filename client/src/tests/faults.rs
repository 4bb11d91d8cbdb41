//! Connections lost, servers replaced, batches rejected.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{milliseconds, start, start_child, start_many, with_client, with_settings};
use crate::settings::Settings;
use crate::testing::faults::Fault;
use crate::{Error, NewRun};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_batch_whose_answer_was_lost_is_sent_again_unchanged() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let before = server.batches().len();
        server.fail_next(Fault::CutAfter);
        server.fail_next(Fault::CutBefore);
        run.metadata().increment("n", 1);
        milliseconds(1).await;
        run.metadata().increment("n", 1);
        run.metadata().flush().await.unwrap();
        let batches = server.batches().split_off(before);
        assert_eq!(batches.len(), 4);
        assert!(batches[0] == batches[1] && batches[1] == batches[2]);
        assert_eq!(server.document("a"), json!({"n": 2}));
        assert_eq!(client.metrics().retries, 2);
    });
}

#[test]
fn a_server_that_is_down_for_a_minute_costs_nothing_but_memory() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        for value in 0..60 {
            run.metadata().append("log", value);
            milliseconds(1000).await;
        }
        server.database.set_reachable(true);
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a")["log"], (0..60).collect::<Value>());
    });
}

#[test]
fn a_flush_and_a_command_end_a_pause_and_find_a_server_that_came_back() {
    for is_flush in [true, false] {
        with_client(async |server, client| {
            let run = start(&client, "a").await;
            server.database.set_reachable(false);
            run.metadata().set("n", 1);
            // The pauses have grown to ten seconds.
            milliseconds(60_000).await;
            let begun = Instant::now();
            let waiting = async {
                match is_flush {
                    true => run.metadata().flush().await,
                    false => run.set_status("paused").await,
                }
            };
            let come_back = async {
                milliseconds(200).await;
                server.database.set_reachable(true);
            };
            let (waited, ()) = tokio::join!(waiting, come_back);
            waited.unwrap();
            assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
        });
    }
}

#[test]
fn those_who_wait_do_not_make_the_client_try_without_a_pause() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.set_trouble(Some(Error::lost()));
        run.metadata().set("n", 1);
        let before = server.batches().len();
        for _ in 0..1_000 {
            let _ = timeout(Duration::from_millis(1), run.metadata().flush()).await;
        }
        let tries = server.batches().len() - before;
        // A second of flushes, and pauses of 25 ms at least.
        assert!((10..=41).contains(&tries), "{tries}");
    });
}

#[test]
fn a_rejected_batch_is_reported_at_once_and_the_next_operations_are_tried_anew() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.fail_next(Fault::Denied);
        run.metadata().set("key", 1);
        let error = run.metadata().flush().await.unwrap_err();
        assert_eq!(error.code(), Some("42501"));
        assert!(!error.is_retryable());
        let unapplied = &error.unapplied()[0];
        assert_eq!((unapplied.kind(), unapplied.reason()), ("set", "42501"));
        assert_eq!(client.metrics().retries, 0);
        let read = run.metadata().get::<u8>("key");
        assert_eq!(read, None, "what was rejected is not read");
        run.metadata().set("key", 2).flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"key": 2}));
    });
}

#[test]
fn one_run_that_is_denied_costs_no_other_its_operations() {
    with_client(async |server, client| {
        let runs = start_many(&client, 500).await;
        ["17", "401"].iter().for_each(|run| server.deny(run));
        for run in &runs {
            run.metadata().set("key", 1);
        }
        let error = client.flush().await.unwrap_err();
        let unapplied = error.unapplied().iter();
        let mut denied: Vec<_> = unapplied.map(|unapplied| unapplied.run_id()).collect();
        denied.sort_unstable();
        assert_eq!(denied, ["17", "401"]);
        for run in &runs {
            let expected = match denied.contains(&run.id()) {
                true => json!({}),
                false => json!({"key": 1}),
            };
            assert_eq!(server.document(run.id()), expected);
        }
    });
}

#[test]
fn a_denied_run_costs_no_other_its_start_and_its_finish() {
    with_client(async |server, client| {
        server.deny("7");
        let mut starts = Vec::new();
        for id in 0..50 {
            let client = client.clone();
            starts.push(tokio::spawn(async move {
                client.start(NewRun::new(id.to_string())).await
            }));
        }
        for (id, run) in starts.into_iter().enumerate() {
            match run.await.unwrap() {
                Ok(run) => run.finish().await.unwrap(),
                Err(error) => assert_eq!((id, error.code()), (7, Some("42501"))),
            }
        }
        for id in 0..50 {
            let expected = (id != 7).then_some("completed");
            assert_eq!(server.database.status(&id.to_string()).as_deref(), expected);
        }
    });
}

#[test]
fn many_runs_that_are_denied_cost_no_other_its_operations() {
    with_client(async |server, client| {
        let runs = start_many(&client, 1_000).await;
        let is_denied = |id: usize| id % 50 == 7 || (300..400).contains(&id);
        let denied = (0..1_000).filter(|id| is_denied(*id));
        denied.for_each(|id| server.deny(&id.to_string()));
        // One attempt more or less does not matter.
        server.fail_next(Fault::CutBefore);
        for run in &runs {
            run.metadata().set("key", 1);
        }
        client.flush().await.unwrap_err();
        for (id, run) in runs.iter().enumerate() {
            let expected = match is_denied(id) {
                true => json!({}),
                false => json!({"key": 1}),
            };
            assert_eq!(server.document(run.id()), expected, "{id}");
        }
        let count = (0..1_000).filter(|id| is_denied(*id)).count();
        assert_eq!(client.metrics().unapplied, count as u64);
    });
}

#[test]
fn server_that_rejects_everything_is_not_asked_about_each_run() {
    with_client(async |server, client| {
        let runs = start_many(&client, 100).await;
        let before = server.batches().len();
        for run in &runs {
            run.metadata().set("key", 1);
        }
        (0..2).for_each(|_| server.fail_next(Fault::Denied));
        client.flush().await.unwrap_err();
        assert_eq!(client.metrics().unapplied, 100);
        assert_eq!(server.batches().len() - before, 2);
    });
}

#[test]
fn batch_that_takes_too_much_memory_is_halved_and_nothing_is_lost() {
    with_client(async |server, client| {
        let runs = start_many(&client, 100).await;
        server.set_maximum_operations(Some(10));
        for run in &runs {
            run.metadata().set("key", 1);
        }
        client.flush().await.unwrap();
        for run in &runs {
            assert_eq!(server.document(run.id()), json!({"key": 1}));
        }
        assert_eq!(client.metrics().unapplied, 0);
    });
}

#[test]
fn run_that_takes_too_much_memory_is_tried_for_seconds_and_holds_up_nobody() {
    with_client(async |server, client| {
        let (large, other) = (start(&client, "a").await, start(&client, "b").await);
        server.set_maximum_operations(Some(1));
        large.metadata().append("log", 1).set("n", 1);
        other.metadata().set("n", 1);
        // Whoever else flushes uses up none of the tries.
        for n in 0..40 {
            other.metadata().set("n", n).flush().await.unwrap();
            milliseconds(100).await;
        }
        assert_eq!(client.metrics().unapplied, 0);
        server.set_maximum_operations(None);
        large.metadata().flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"log": [1], "n": 1}));

        server.set_maximum_operations(Some(1));
        large.metadata().append("log", 2).set("n", 2);
        let error = large.metadata().flush().await.unwrap_err();
        assert_eq!(error.code(), Some("53200"));
    });
}

#[test]
fn full_notification_queue_passes_and_nothing_is_thrown_away() {
    with_client(async |server, client| {
        let runs = start_many(&client, 100).await;
        server.fill_queue(true);
        for round in 0..600 {
            for run in &runs {
                run.metadata().increment("n", 1);
            }
            milliseconds(if round < 550 { 10 } else { 1000 }).await;
        }
        let late = client.start(NewRun::new("late"));
        let empty = async {
            milliseconds(3_000).await;
            server.fill_queue(false);
        };
        tokio::join!(late, empty).0.unwrap();
        client.flush().await.unwrap();
        for run in &runs {
            assert_eq!(server.document(run.id()), json!({"n": 600}));
        }
        assert_eq!(client.metrics().unapplied, 0);
    });
}

#[test]
fn a_rejected_batch_of_which_an_attempt_was_not_answered_takes_effect_once_or_not_at_all() {
    let (arrives, is_lost) = (Fault::CutAfter, Fault::CutBefore);
    for (faults, is_rejected, first) in [
        // It arrived: what rejects it now comes too late.
        (vec![arrives, Fault::Denied], false, 1),
        // It did not, and goes in parts.
        (vec![is_lost, Fault::Denied], false, 1),
        // It arrives before it is asked for, and after.
        (vec![Fault::Late(2), Fault::Denied], false, 1),
        (vec![Fault::Late(3), Fault::Denied], false, 1),
        (vec![Fault::Late(4), Fault::Denied], false, 1),
        // This cannot be known, as everything is rejected.
        (vec![arrives, Fault::Denied, Fault::Denied], true, 1),
        (
            vec![is_lost, Fault::Denied, Fault::Denied, Fault::Denied],
            true,
            0,
        ),
    ] {
        with_client(async |server, client| {
            let runs = [start(&client, "a").await, start(&client, "b").await];
            faults.iter().for_each(|fault| server.fail_next(*fault));
            for run in &runs {
                run.metadata().increment("n", 1);
            }
            assert_eq!(client.flush().await.is_err(), is_rejected, "{faults:?}");
            for run in &runs {
                run.metadata().increment("n", 10);
            }
            client.flush().await.unwrap();
            let expected = json!({"n": first + 10});
            let documents = [server.document("a"), server.document("b")];
            assert_eq!(documents, [expected.clone(), expected], "{faults:?}");
        });
    }
}

#[test]
fn batch_that_is_rejected_when_it_is_sent_again_after_a_failover_takes_nothing_else_with_it() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        for value in [1, 2] {
            run.metadata().append("log", value).flush().await.unwrap();
        }
        for fault in [Fault::Failover(1), Fault::CutAfter, Fault::Denied] {
            server.fail_next(fault);
        }
        run.metadata().append("log", 3).flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"log": [1, 2, 3]}));
    });
}

#[test]
fn starts_and_finishes_that_a_standby_lacks_are_sent_again() {
    with_client(async |server, client| {
        start(&client, "parent").await;
        let child = start_child(&client, "child", "parent").await;
        child.metadata().set("n", 1);
        child.set_status("waiting").await.unwrap();
        child.finish_as("failed").await.unwrap();
        let other = start(&client, "other").await;
        server.fail_next(Fault::Failover(9));
        other.metadata().set("n", 1).flush().await.unwrap();
        let child = server.database.run("child").unwrap();
        assert_eq!(
            (
                child.status.as_str(),
                child.is_finished,
                child.parent.as_deref()
            ),
            ("failed", true, Some("parent"))
        );
        assert_eq!(child.metadata, json!({"n": 1}));
        assert_eq!(server.document("other"), json!({"n": 1}));
        assert_eq!(client.metrics().lost_batches, 0);
    });
}

#[test]
fn what_a_standby_lacks_and_is_locked_there_is_sent_when_the_lock_is_gone() {
    with_client(async |server, client| {
        let (run, other) = (start(&client, "a").await, start(&client, "b").await);
        run.metadata().set("n", 1).flush().await.unwrap();
        server.lock("a");
        server.fail_next(Fault::Failover(1));
        other.metadata().set("n", 1);
        milliseconds(20_000).await;
        server.unlock("a");
        client.flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 1}));
        assert_eq!(server.document("b"), json!({"n": 1}));
        assert_eq!(client.metrics().lost_batches, 0);
    });
}

#[test]
fn what_had_no_effect_before_a_failover_has_none_after_it() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let other = json!({"type": "set", "key": "other", "value": "x".repeat(200)});
        server.write("a", &other);
        server.database.set_maximum_size(230);
        let metadata = run.metadata();
        metadata.increment("n", 1);
        metadata.append("log", "y".repeat(50));
        assert_eq!(metadata.flush().await.unwrap_err().unapplied().len(), 1);
        server.write("a", &json!({"type": "delete", "key": "other"}));
        server.fail_next(Fault::Failover(2));
        metadata.set("done", 1).flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 1, "done": 1}));
        assert_eq!(client.metrics().lost_batches, 0);
    });
}

#[test]
fn trouble_is_over_when_the_server_answers() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        for fault in [Fault::NotLetIn, Fault::Denied] {
            server.fail_next(fault);
        }
        let error = run.metadata().set("key", 1).flush().await.unwrap_err();
        assert!(
            error.unapplied().is_empty() && !error.is_retryable(),
            "{error}"
        );
        milliseconds(1_000).await;
        let error = run.metadata().set("key", 2).flush().await.unwrap_err();
        assert_eq!(error.unapplied().len(), 1, "{error}");
        assert_eq!(server.document("a"), json!({"key": 2}));
    });
}

#[test]
fn whoever_comes_after_a_lasting_trouble_was_mended_is_answered_by_the_server() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.set_trouble(Some(Error::not_let_in("28P01")));
        for _ in 0..10 {
            let error = run.metadata().set("n", 1).flush().await.unwrap_err();
            assert_eq!(error.code(), Some("28P01"));
            assert_eq!(client.run("b").await.unwrap_err().code(), Some("28P01"));
        }
        server.set_trouble(None);
        let begun = Instant::now();
        start(&client, "b").await;
        client.run("b").await.unwrap();
        run.metadata().flush().await.unwrap();
        assert!(
            begun.elapsed() <= Duration::from_millis(50),
            "{:?}",
            begun.elapsed()
        );
    });
}

#[test]
fn what_a_promoted_standby_lacks_and_nobody_kept_is_counted() {
    let settings = Settings {
        buffer_bytes: 16 * 1024,
        ..Settings::default()
    };
    with_settings(settings, async |server, client| {
        let run = start(&client, "a").await;
        for value in 0..4 {
            let text = format!("{value} {:900}", "");
            run.metadata().append("log", text).flush().await.unwrap();
        }
        server.fail_next(Fault::Failover(4));
        run.metadata()
            .append("log", "the end")
            .flush()
            .await
            .unwrap();
        let document = server.document("a");
        let log: Vec<&str> = document["log"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.as_str().unwrap())
            .collect();
        let count = log.len();
        assert!(
            count >= 2 && log[count - 1] == "the end" && log[count - 2].starts_with('3'),
            "{log:?}"
        );
        assert_eq!(client.metrics().lost_batches, 5 - count as u64);
        assert!(client.metrics().lost_batches >= 1);
    });
}

#[test]
fn flushes_may_be_dropped_at_any_point() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        (0..3).for_each(|_| server.fail_next(Fault::CutAfter));
        for _ in 0..20 {
            let metadata = run.metadata();
            metadata.increment("n", 1);
            let _ = timeout(Duration::from_millis(7), metadata.flush()).await;
        }
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 20}));
    });
}

#[test]
fn a_start_that_is_dropped_before_it_is_sent_is_withdrawn() {
    with_client(async |server, client| {
        let other = start(&client, "other").await;
        server.database.set_reachable(false);
        other.metadata().set("n", 1);
        milliseconds(1).await;
        let start = client.start(NewRun::new("a"));
        assert!(timeout(SECOND, start).await.is_err());
        let start = client.start(NewRun::new("b").parent("other"));
        server.database.set_reachable(true);
        start.await.unwrap();
        assert_eq!(server.database.status("a"), None);
        assert_eq!(server.document("other"), json!({"n": 1}));
    });
}

#[test]
fn a_start_that_is_dropped_under_way_takes_place_and_disturbs_nobody() {
    with_client(async |server, client| {
        for round in 0..20 {
            let id = format!("run {round}");
            server.fail_next(Fault::CutAfter);
            let dropped = timeout(Duration::from_millis(1), client.start(NewRun::new(&id))).await;
            assert!(dropped.is_err());
            let other = start(&client, &format!("other {round}")).await;
            other.metadata().set("n", 1).flush().await.unwrap();
            assert_eq!(server.database.status(&id).as_deref(), Some("running"));
        }
        assert_eq!(client.metrics().retries, 20);
    });
}

#[test]
fn a_status_and_a_finish_that_are_dropped_are_sent() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        run.metadata().set("n", 1);
        assert!(timeout(SECOND, run.set_status("waiting")).await.is_err());
        assert!(timeout(SECOND, run.finish()).await.is_err());
        server.database.set_reachable(true);
        milliseconds(10_000).await;
        assert_eq!(server.database.status("a").as_deref(), Some("completed"));
        assert_eq!(server.document("a"), json!({"n": 1}));
    });
}

#[test]
fn a_finish_that_is_dropped_and_has_no_effect_is_reported_by_the_next_flush() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        start(&client, "b").await;
        server.database.set_reachable(false);
        assert!(timeout(SECOND, run.finish()).await.is_err());
        server.database.remove("a");
        server.database.set_reachable(true);
        milliseconds(10_000).await;
        let error = client.flush().await.unwrap_err();
        let unapplied = &error.unapplied()[0];
        assert_eq!(
            (unapplied.kind(), unapplied.run_id(), unapplied.reason()),
            ("finish", "a", "not_found")
        );
    });
}

#[test]
fn a_finish_reports_what_had_no_effect_key_by_key() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_maximum_size(100);
        run.metadata().set("n", 1).append("log", "x".repeat(200));
        let error = run.finish().await.unwrap_err();
        let unapplied: Vec<_> = error
            .unapplied()
            .iter()
            .map(|one| (one.key(), one.reason()))
            .collect();
        assert_eq!(unapplied, [(Some("log"), "too_large")]);
        assert_eq!(server.document("a"), json!({"n": 1}));
        assert_eq!(server.database.status("a").as_deref(), Some("completed"));
    });
}

#[test]
fn operations_whose_child_is_gone_take_effect_all_the_same() {
    with_client(async |server, client| {
        let parent = start(&client, "parent").await;
        let (gone, sibling) = (
            start_child(&client, "gone", "parent").await,
            start_child(&client, "sibling", "parent").await,
        );
        server.database.remove("gone");
        gone.metadata().parent().append("log", 1);
        sibling.metadata().parent().append("log", 2);
        parent.metadata().append("log", 3);
        gone.metadata().parent().append("log", 4);
        client.flush().await.unwrap();
        assert_eq!(server.document("parent"), json!({"log": [1, 2, 3, 4]}));
        gone.metadata().root().append("log", 5);
        sibling.metadata().flush().await.unwrap();
        assert_eq!(server.document("parent"), json!({"log": [1, 2, 3, 4, 5]}));
    });
}

#[test]
fn what_had_no_effect_is_reported_though_its_answer_was_lost_and_it_was_rejected_later() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_maximum_size(10);
        server.fail_next(Fault::CutAfter);
        server.fail_next(Fault::Denied);
        run.metadata().set("text", "x".repeat(100));
        let error = run.metadata().flush().await.unwrap_err();
        assert_eq!(error.unapplied()[0].reason(), "too_large");
    });
}
