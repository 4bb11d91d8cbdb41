//! What has no effect is reported, and the job goes on.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::{milliseconds, start, with_client, with_settings};
use crate::settings::Settings;
use crate::testing::faults::Fault;
use crate::{Error, NewRun, Run};

fn listed(error: &Error) -> Vec<(&str, &str, Option<&str>, &str)> {
    error
        .unapplied()
        .iter()
        .map(|one| (one.run_id(), one.kind(), one.key(), one.reason()))
        .collect()
}

struct Broken;

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("broken on purpose"))
    }
}

#[test]
fn floats_that_json_does_not_have_are_null_as_values_and_unapplied_as_sums() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        run.metadata()
            .set("nan", f64::NAN)
            .set("list", [1.5, f64::INFINITY])
            .increment("n", f64::NEG_INFINITY);
        let error = run.metadata().flush().await.unwrap_err();
        assert_eq!(listed(&error), [("a", "increment", Some("n"), "bad_value")]);
        assert_eq!(
            server.document("a"),
            json!({"nan": null, "list": [1.5, null]})
        );
    });
}

/// Arrays in each other, as many as it says.
struct Deep(usize);

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => serializer.serialize_u8(0),
            levels => serializer.collect_seq([Deep(levels - 1)]),
        }
    }
}

#[test]
fn a_value_that_would_overflow_the_stack_is_unapplied_as_any_that_is_too_deep() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let metadata = run.metadata();
        metadata
            .set("99", Deep(99))
            .set("100", Deep(100))
            .set("all", Deep(1_000_000));
        let error = metadata.flush().await.unwrap_err();
        assert_eq!(
            listed(&error),
            [
                ("a", "set", Some("100"), "bad_value"),
                ("a", "set", Some("all"), "bad_value")
            ]
        );
        assert_eq!(server.document("a").as_object().unwrap().len(), 1);
        let new = NewRun::new("b").metadata(Deep(1_000_000));
        assert_eq!(
            client.start(new).await.unwrap_err().to_string(),
            "the metadata cannot be stored: the document would nest more than 100 levels"
        );
    });
}

#[test]
fn each_unapplied_operation_is_listed_with_its_reason_and_the_others_count() {
    with_client(async |server, client| {
        let run = client
            .start(NewRun::new("a").metadata(json!({"text": "x"})))
            .await
            .unwrap();
        let metadata = run.metadata();
        metadata
            .set("broken", Broken)
            .set("$.a..b", 1)
            .set("nul", "\0")
            .increment("n", f64::NAN)
            .replace([1])
            .append_keep("log", 1, 0)
            .remove("text", "x")
            .set("$.text.inner", 1)
            .set("good", 1);
        let error = metadata.flush().await.unwrap_err();
        assert_eq!(
            listed(&error),
            [
                ("a", "set", Some("broken"), "not_serializable"),
                ("a", "set", Some("$.a..b"), "bad_path"),
                ("a", "set", Some("nul"), "bad_value"),
                ("a", "increment", Some("n"), "bad_value"),
                ("a", "update", None, "bad_value"),
                ("a", "append", Some("log"), "bad_value"),
                ("a", "remove", Some("text"), "not_an_array"),
                ("a", "set", Some("$.text.inner"), "not_a_container"),
            ]
        );
        assert_eq!(
            error.to_string(),
            "8 operations had no effect: set of run \"a\" at key \"broken\": not_serializable (broken on purpose); set of run \
             \"a\" at key \"$.a..b\": bad_path (an empty step stands at byte 4 of the key); set of run \"a\" at key \"nul\": \
             bad_value (a text contains the character U+0000); and 5 more"
        );
        assert_eq!(server.document("a"), json!({"text": "x", "good": 1}));
        assert_eq!(client.metrics().unapplied, 8);
        metadata.flush().await.unwrap();
        assert_eq!(client.flush().await.unwrap_err().unapplied().len(), 8);
        client.flush().await.unwrap();
    });
}

#[test]
fn a_closed_run_is_reported_to_each_handle_that_recorded_on_it_and_to_no_other() {
    with_client(async |server, client| {
        start(&client, "parent").await;
        let child = |id: &str| client.start(NewRun::new(id).parent("parent"));
        let (one, other, silent) = (
            child("1").await.unwrap(),
            child("2").await.unwrap(),
            child("3").await.unwrap(),
        );
        server.close("parent");
        for child in [&one, &other] {
            child.metadata().set("own", 1).parent().increment("rows", 1);
        }
        silent.metadata().set("own", 1);
        for child in [&one, &other] {
            let error = child.metadata().flush().await.unwrap_err();
            assert!(error.is_closed() && !error.is_retryable());
            assert_eq!(
                listed(&error),
                [("parent", "increment", Some("rows"), "closed")]
            );
        }
        silent.metadata().flush().await.unwrap();
        assert_eq!(server.document("1"), json!({"own": 1}));
        assert_eq!(one.metadata().parent().current(), Some(json!({})));
    });
}

#[test]
fn two_that_flush_at_the_same_time_both_get_the_report() {
    with_client(async |_, client| {
        let run = start(&client, "a").await;
        let metadata = run.metadata();
        metadata.set("text", "x").remove("text", "x");
        let (one, other) = tokio::join!(metadata.flush(), metadata.flush());
        assert_eq!(
            (
                listed(&one.unwrap_err()).len(),
                listed(&other.unwrap_err()).len()
            ),
            (1, 1)
        );
        metadata.remove("text", "y");
        let (one, other) = tokio::join!(client.flush(), client.flush());
        assert_eq!(
            (
                listed(&one.unwrap_err()).len(),
                listed(&other.unwrap_err()).len()
            ),
            (2, 2)
        );
        metadata.flush().await.unwrap_err();
        metadata.flush().await.unwrap();
        client.flush().await.unwrap();
    });
}

#[test]
fn unapplied_operations_are_reported_though_the_answer_was_lost() {
    with_client(async |server, client| {
        let (closed, open) = (start(&client, "closed").await, start(&client, "open").await);
        server.close("closed");
        (0..2).for_each(|_| server.fail_next(Fault::CutAfter));
        closed.metadata().set("a", 1).increment("n", 1);
        open.metadata().set("text", "x").remove("text", "x");
        let error = client.flush().await.unwrap_err();
        assert_eq!(
            listed(&error),
            [
                ("closed", "set", Some("a"), "closed"),
                ("closed", "increment", Some("n"), "closed"),
                ("open", "remove", Some("text"), "not_an_array"),
            ]
        );
        assert_eq!(client.metrics().retries, 2);
        assert_eq!(
            (closed.metadata().current(), open.metadata().current()),
            (Some(json!({})), Some(json!({"text": "x"})))
        );
        client.flush().await.unwrap();
    });
}

#[test]
fn finish_and_flush_of_another_handle_send_what_this_one_recorded() {
    with_client(async |server, client| {
        start(&client, "parent").await;
        let run = client
            .start(NewRun::new("a").parent("parent"))
            .await
            .unwrap();
        let other = client.run("a").await.unwrap();
        run.metadata().set("first", 1);
        milliseconds(1).await;
        run.metadata().set("second", 2).parent().set("second", 2);
        other.metadata().flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"first": 1, "second": 2}));
        assert_eq!(server.document("parent"), json!({"second": 2}));
        run.metadata().set("result", 42);
        client.finish("a", "completed").await.unwrap();
        assert_eq!(server.document("a")["result"], 42);
        run.metadata().flush().await.unwrap();
    });
}

#[test]
fn what_is_logged_may_be_recorded_on_the_run() {
    /// Appends what is logged to a run's log.
    struct ToRun(Run);

    impl tracing::Subscriber for ToRun {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            *metadata.level() == tracing::Level::WARN
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            self.0.metadata().append("log", event.metadata().target());
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }

    // A lock that is held meanwhile would hold this up for ever.
    let (done, waiting) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        with_client(async |server, client| {
            let run = start(&client, "a").await;
            let logging = tracing::subscriber::set_default(ToRun(run.clone()));
            let metadata = run.metadata();
            metadata.set("$.a..b", 1).increment("$.a..b", 1);
            metadata.atomically(|metadata| metadata.append("big", "x".repeat(5_000_000)));
            metadata.set("text", 1).set("$.text.inner", 1);
            metadata.flush().await.unwrap_err();
            drop(logging);
            metadata.flush().await.unwrap();
            done.send(server.document("a")["log"].as_array().unwrap().len())
        })
    });
    let logged = waiting.recv_timeout(std::time::Duration::from_secs(60));
    // The 1st, 2nd and 4th of the run are logged.
    assert_eq!(logged, Ok(3));
}

#[test]
fn log_that_fills_a_document_costs_no_other_key_its_operations() {
    with_client(async |server, client| {
        server.database.set_maximum_size(1_000);
        let (full, other) = (start(&client, "full").await, start(&client, "other").await);
        let metadata = full.metadata();
        metadata
            .append("log", "x".repeat(900))
            .flush()
            .await
            .unwrap();
        for round in 1..=3 {
            metadata.set("status", round).append("log", "y".repeat(100));
            metadata.increment("progress", 1).append("log", "z");
            other.metadata().set("status", round);
            // What waits is read until it is known to have no effect.
            let flush = tokio::spawn({
                let metadata = metadata.clone();
                async move { metadata.flush().await }
            });
            while !flush.is_finished() {
                assert_eq!(metadata.get("progress"), Some(round));
                tokio::task::yield_now().await;
            }
            let error = flush.await.unwrap().unwrap_err();
            assert_eq!(
                listed(&error),
                [
                    ("full", "append", Some("log"), "too_large"),
                    ("full", "append", Some("log"), "too_large")
                ]
            );
            other.metadata().flush().await.unwrap();
            let document = server.document("full");
            assert_eq!(
                (&document["status"], &document["progress"]),
                (&json!(round), &json!(round))
            );
            assert_eq!(metadata.current(), Some(document));
        }
        // What shrinks the document makes room.
        metadata.append("log", "y".repeat(100)).set("log", ["z"]);
        metadata.flush().await.unwrap();
        assert_eq!(server.document("full")["log"], json!(["z"]));
        assert_eq!(client.buffer().budget.used(), 0);
    });
}

#[test]
fn a_full_buffer_takes_only_what_does_not_grow_it() {
    let settings = Settings {
        buffer_bytes: 256 * 1024,
        ..Settings::default()
    };
    with_settings(settings, async |server, client| {
        let run = start(&client, "a").await;
        let metadata = run.metadata();
        metadata.increment("n", 1).set("text", "x".repeat(10_000));
        let mut accepted = 0;
        while client.metrics().unapplied == 0 {
            metadata.append("log", accepted);
            accepted += 1;
        }
        metadata.set("one more", 1);
        assert_eq!(client.metrics().unapplied, 2);
        // These need no more memory than there was.
        metadata.set("text", "y".repeat(9_000)).increment("n", 1);
        assert_eq!(client.metrics().unapplied, 2);
        let error = metadata.flush().await.unwrap_err();
        assert_eq!(
            listed(&error),
            [
                ("a", "append", Some("log"), "buffer_full"),
                ("a", "set", Some("one more"), "buffer_full")
            ]
        );
        assert_eq!(
            server.document("a")["log"].as_array().unwrap().len(),
            accepted - 1
        );
        assert_eq!(server.document("a")["text"], "y".repeat(9_000));
        assert_eq!(server.document("a")["n"], 2);
        assert_eq!(client.metrics().buffered_operations, 0);
    });
}

#[test]
fn a_run_that_does_not_exist_is_an_error() {
    with_client(async |_, client| {
        let error = client.run("nobody").await.unwrap_err();
        assert_eq!(error.code(), Some("P0002"));
        assert_eq!(error.to_string(), "no such run: \"nobody\"");
        let error = client
            .start(NewRun::new("a").metadata(Broken))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the metadata cannot be serialised: broken on purpose"
        );
    });
}
