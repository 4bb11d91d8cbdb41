//! Connections lost, servers replaced, statements refused.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::fake_server::Fault;
use super::{FakeServer, client_of, milliseconds, on_a_fast_clock, start};
use crate::buffer::lock;
use crate::settings::Settings;

#[test]
fn a_batch_whose_answer_was_lost_is_sent_again_unchanged() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let run = start(&client, "a").await;
        server.fail_next(Fault::CutAfter);
        server.fail_next(Fault::CutBefore);
        run.metadata().increment("n", 1);
        milliseconds(1).await;
        run.metadata().increment("n", 1);
        run.metadata().flush().await.unwrap();
        let batches = lock(&server.batches).clone();
        assert_eq!(batches.len(), 4);
        assert!(batches[0] == batches[1] && batches[1] == batches[2]);
        assert_eq!(server.document("a"), json!({"n": 2}));
        assert_eq!(client.metrics().retries, 2);
    });
}

#[test]
fn a_server_that_is_down_for_a_minute_costs_nothing_but_memory() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let run = start(&client, "a").await;
        (0..10).for_each(|_| server.fail_next(Fault::CutBefore));
        for value in 0..60 {
            run.metadata().append("log", value);
            milliseconds(1000).await;
        }
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a")["log"], (0..60).collect::<Value>());
    });
}

#[test]
fn what_will_not_mend_itself_is_told_at_once_and_the_next_operations_are_tried_anew() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let run = start(&client, "a").await;
        server.fail_next(Fault::Denied);
        run.metadata().set("key", 1);
        let error = run.metadata().flush().await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501");
        assert!(!error.is_retryable());
        assert_eq!(
            (error.refusals()[0].kind(), error.refusals()[0].reason()),
            ("set", "42501")
        );
        assert_eq!(client.metrics().retries, 0);
        assert_eq!(
            run.metadata().get::<u8>("key"),
            None,
            "a refused operation is not read"
        );
        run.metadata().set("key", 2).flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"key": 2}));
    });
}

#[test]
fn one_run_that_is_denied_costs_no_other_its_operations() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let mut runs = Vec::new();
        for id in 0..500 {
            runs.push(start(&client, &id.to_string()).await);
        }
        lock(&server.denied).extend(["17".to_owned(), "401".to_owned()]);
        for run in &runs {
            run.metadata().set("key", 1);
        }
        let error = client.flush().await.unwrap_err();
        let mut denied: Vec<_> = error
            .refusals()
            .iter()
            .map(|refusal| refusal.run_id())
            .collect();
        denied.sort_unstable();
        assert_eq!(denied, ["17", "401"]);
        for run in &runs {
            let expected = if denied.contains(&run.id()) {
                json!({})
            } else {
                json!({"key": 1})
            };
            assert_eq!(server.document(run.id()), expected);
        }
    });
}

#[test]
fn many_runs_that_are_denied_cost_no_other_its_operations() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let mut runs = Vec::new();
        for id in 0..1_000 {
            runs.push(start(&client, &id.to_string()).await);
        }
        let denied = |id: usize| id % 50 == 7 || (300..400).contains(&id);
        lock(&server.denied).extend((0..1_000).filter(|id| denied(*id)).map(|id| id.to_string()));
        // One attempt more or less does not matter.
        server.fail_next(Fault::CutBefore);
        for run in &runs {
            run.metadata().set("key", 1);
        }
        client.flush().await.unwrap_err();
        for (id, run) in runs.iter().enumerate() {
            let expected = if denied(id) {
                json!({})
            } else {
                json!({"key": 1})
            };
            assert_eq!(server.document(run.id()), expected, "{id}");
        }
        let count = (0..1_000).filter(|id| denied(*id)).count();
        assert_eq!(client.metrics().refused, count as u64);
    });
}

#[test]
fn server_that_refuses_everything_is_not_asked_about_each_run() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let mut runs = Vec::new();
        for id in 0..100 {
            runs.push(start(&client, &id.to_string()).await);
        }
        for run in &runs {
            run.metadata().set("key", 1);
        }
        (0..2).for_each(|_| server.fail_next(Fault::Denied));
        client.flush().await.unwrap_err();
        assert_eq!(client.metrics().refused, 100);
        assert_eq!(lock(&server.batches).len(), 2);
    });
}

#[test]
fn a_refused_batch_of_which_an_attempt_was_not_answered_takes_effect_once_or_not_at_all() {
    let (arrives, is_lost) = (Fault::CutAfter, Fault::CutBefore);
    for (faults, refused, first) in [
        // It arrived: what refuses it now comes too late.
        (vec![arrives, Fault::Denied], false, 1),
        // It did not, and goes in parts.
        (vec![is_lost, Fault::Denied], false, 1),
        // It arrives before it is asked for, and after.
        (vec![Fault::Late(2), Fault::Denied], false, 1),
        (vec![Fault::Late(3), Fault::Denied], false, 1),
        (vec![Fault::Late(4), Fault::Denied], false, 1),
        // Nobody can tell, as everything is refused.
        (vec![arrives, Fault::Denied, Fault::Denied], true, 1),
        (
            vec![is_lost, Fault::Denied, Fault::Denied, Fault::Denied],
            true,
            0,
        ),
    ] {
        on_a_fast_clock(async {
            let server = Arc::new(FakeServer::default());
            let client = client_of(&server, Settings::default());
            let runs = [start(&client, "a").await, start(&client, "b").await];
            faults.iter().for_each(|fault| server.fail_next(*fault));
            runs.iter().for_each(|run| {
                run.metadata().increment("n", 1);
            });
            assert_eq!(client.flush().await.is_err(), refused, "{faults:?}");
            runs.iter().for_each(|run| {
                run.metadata().increment("n", 10);
            });
            client.flush().await.unwrap();
            let expected = json!({"n": first + 10});
            let documents = [server.document("a"), server.document("b")];
            assert_eq!(documents, [expected.clone(), expected], "{faults:?}");
        });
    }
}

#[test]
fn batch_that_is_sent_again_after_a_failover_and_refused_takes_nothing_else_with_it() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
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
fn what_was_refused_before_a_failover_does_not_take_effect_after_it() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let run = start(&client, "a").await;
        server.write(
            "a",
            json!({"type": "set", "key": "other", "value": "x".repeat(200)}),
        );
        server.limit(230);
        let metadata = run.metadata();
        metadata.increment("n", 1).append("log", "y".repeat(50));
        assert_eq!(metadata.flush().await.unwrap_err().refusals().len(), 1);
        server.write("a", json!({"type": "delete", "key": "other"}));
        server.fail_next(Fault::Failover(9));
        metadata.set("done", 1).flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 1, "done": 1}));
        assert_eq!(client.metrics().lost_batches, 0);
    });
}

#[test]
fn trouble_is_over_when_the_server_answers() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let run = start(&client, "a").await;
        for fault in [Fault::NotLetIn, Fault::Denied] {
            server.fail_next(fault);
        }
        let error = run.metadata().set("key", 1).flush().await.unwrap_err();
        assert!(
            error.refusals().is_empty() && !error.is_retryable(),
            "{error}"
        );
        milliseconds(1_000).await;
        let error = run.metadata().set("key", 2).flush().await.unwrap_err();
        assert_eq!(error.refusals().len(), 1, "{error}");
        assert_eq!(server.document("a"), json!({"key": 2}));
    });
}

#[test]
fn what_a_promoted_standby_lost_and_nobody_kept_is_counted() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(
            &server,
            Settings {
                buffer_bytes: 16 * 1024,
                ..Settings::default()
            },
        );
        let run = start(&client, "a").await;
        for value in 0..4 {
            run.metadata()
                .append("log", format!("{value} {:900}", ""))
                .flush()
                .await
                .unwrap();
        }
        server.fail_next(Fault::Failover(4));
        run.metadata()
            .append("log", "the end")
            .flush()
            .await
            .unwrap();
        let log: Vec<String> = server.document("a")["log"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.to_string())
            .collect();
        assert!(
            log.len() >= 2
                && log[log.len() - 1] == "\"the end\""
                && log[log.len() - 2].starts_with("\"3"),
            "{log:?}"
        );
        assert_eq!(client.metrics().lost_batches, 5 - log.len() as u64);
        assert!(client.metrics().lost_batches >= 1);
    });
}

#[test]
fn flushes_may_be_dropped_at_any_point() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let run = start(&client, "a").await;
        (0..3).for_each(|_| server.fail_next(Fault::CutAfter));
        for _ in 0..20 {
            let metadata = run.metadata();
            metadata.increment("n", 1);
            let _ = tokio::time::timeout(Duration::from_millis(7), metadata.flush()).await;
        }
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 20}));
    });
}
