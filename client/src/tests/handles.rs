//! Handles to runs and their metadata, and the client itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde_json::json;

use super::{start, start_child, with_client, with_settings};
use crate::settings::Settings;
use crate::testing::Database;
use crate::{Metadata, NewRun};

#[test]
fn a_handle_and_a_flush_outlive_the_statement_that_made_them() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let metadata: Metadata = run.metadata().set("a", 1);
        metadata.append("log", "x").increment("n", 1);
        let flush = tokio::spawn(run.metadata().set("b", 2).flush());
        flush.await.unwrap().unwrap();
        assert_eq!(
            server.document("a"),
            json!({"a": 1, "b": 2, "n": 1, "log": ["x"]})
        );
    });
}

#[test]
fn a_handle_that_escapes_a_group_records_alone_also_after_a_panic() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let mut escaped = None;
        run.metadata().atomically(|metadata| {
            metadata.set("kept", true);
            escaped = Some(metadata.clone());
        });
        escaped.unwrap().increment("n", 1);
        let mut escaped = None;
        let panic = catch_unwind(AssertUnwindSafe(|| {
            run.metadata().atomically(|metadata| {
                metadata.set("lost", true);
                escaped = Some(metadata.clone());
                panic!("in the caller's code");
            });
        }));
        assert!(panic.is_err());
        escaped.unwrap().increment("n", 1).flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"kept": true, "n": 2}));
    });
}

#[test]
fn a_value_of_another_type_is_an_error_with_its_path_and_a_missing_one_is_none() {
    with_client(async |_, client| {
        let run = start(&client, "a").await;
        let metadata = run.metadata();
        metadata.set("users", json!([{"id": 1.0}, {"id": "x"}]));
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "it cannot be read")]
        struct User {
            id: u64,
        }
        let shown = |error: crate::Error| error.to_string();
        assert_eq!(metadata.try_get::<u64>("$.users[0].id").unwrap(), Some(1));
        assert_eq!(metadata.try_get::<u64>("missing").unwrap(), None);
        let error = shown(metadata.try_get::<Vec<User>>("users").unwrap_err());
        assert!(
            error.starts_with("the metadata does not fit at \"users[1].id\""),
            "{error}"
        );
        let error = shown(metadata.try_get::<u64>("$.users[1].id").unwrap_err());
        assert!(
            error.starts_with("the metadata does not fit at \"$.users[1].id\""),
            "{error}"
        );
        assert_eq!(
            metadata.try_get::<u64>("$.a..b").unwrap_err().code(),
            Some("22023")
        );
        assert_eq!(metadata.get::<u64>("$.users[1].id"), None);
    });
}

#[test]
fn a_run_that_was_removed_and_started_again_is_the_new_one() {
    with_client(async |server, client| {
        start(&client, "old").await;
        start(&client, "new").await;
        let first = client
            .start(
                NewRun::new("a")
                    .parent("old")
                    .metadata(json!({"first": true})),
            )
            .await
            .unwrap();
        server.database.remove("a");
        let second = start_child(&client, "a", "new").await;
        assert_eq!((second.parent_id(), second.root_id()), ("new", "new"));
        assert_eq!(second.metadata().current(), Some(json!({})));
        drop(first);
    });
}

#[test]
fn an_attempt_finishes_once_and_a_stale_one_not_at_all() {
    with_client(async |server, client| {
        let attempt = |number| client.start(NewRun::new("a").attempt(number));
        let first = attempt(1).await.unwrap();
        first.set_status("paused").await.unwrap();
        first.finish().await.unwrap();
        first.finish().await.unwrap();
        let error = first.finish_as("failed").await.unwrap_err();
        assert!(
            error.is_closed() && error.code() == Some("55000"),
            "{error}"
        );
        let second = attempt(2).await.unwrap();
        let error = first.finish().await.unwrap_err();
        assert!(error.is_closed(), "{error}");
        assert!(attempt(1).await.unwrap_err().is_closed());
        assert_eq!(server.database.status("a").as_deref(), Some("running"));
        for wrong in ["running", "", "x\0"] {
            assert_eq!(
                second.finish_as(wrong).await.unwrap_err().code(),
                Some("22023")
            );
        }
        assert_eq!(
            second.set_status("completed").await.unwrap_err().code(),
            Some("22023")
        );
        second.finish_as("failed").await.unwrap();
    });
}

#[test]
fn a_child_finishes_without_its_parent() {
    with_client(async |server, client| {
        start(&client, "parent").await;
        let child = start_child(&client, "child", "parent").await;
        server.lock("parent");
        child
            .metadata()
            .set("n", 1)
            .parent()
            .increment("children", 1);
        child.finish().await.unwrap();
        assert_eq!(server.document("child"), json!({"n": 1}));
        server.unlock("parent");
        child.metadata().flush().await.unwrap();
        assert_eq!(server.document("parent"), json!({"children": 1}));
    });
}

#[test]
fn shutdown_reports_what_had_no_effect_and_what_was_not_sent() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.close("a");
        run.metadata().set("n", 1);
        let error = client.shutdown(Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.unapplied()[0].reason(), "closed");
        run.metadata().set("n", 1);
        assert!(run.metadata().flush().await.unwrap_err().is_closed());
    });
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        run.metadata().set("n", 1);
        let error = client.shutdown(Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.unapplied()[0].reason(), "not_sent");
        assert!(client.run("a").await.unwrap_err().is_closed());
    });
}

#[test]
fn a_producer_waits_for_room_instead_of_losing_operations() {
    let settings = Settings {
        buffer_bytes: 256 * 1024,
        ..Settings::default()
    };
    with_settings(settings, async |server, client| {
        server.database.set_maximum_size(usize::MAX);
        let run = start(&client, "a").await;
        for row in 0..5_000 {
            if row % 10 == 0 {
                client.ready().await;
            }
            run.metadata().append("rows", row);
        }
        run.metadata().flush().await.unwrap();
        assert_eq!(
            server.document("a")["rows"].as_array().unwrap().len(),
            5_000
        );
    });
}

#[test]
fn a_client_outlives_the_runtime_that_made_it_and_needs_none() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let database = Database::new();
    let client = runtime().block_on(database.builder().connect()).unwrap();
    let run = runtime().block_on(start(&client, "a"));
    run.metadata().set("n", 1);
    runtime().block_on(run.metadata().flush()).unwrap();
    assert_eq!(database.document("a"), Some(json!({"n": 1})));
    runtime()
        .block_on(client.shutdown(Duration::from_secs(60)))
        .unwrap();
}
