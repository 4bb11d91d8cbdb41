//! Metadata without a handle, and runs that finish with their job.

use serde_json::json;

use super::{milliseconds, start, start_child, with_client};
use crate::testing::faults::Fault;
use crate::{NewRun, metadata, spawn, spawn_blocking};

async fn deep_inside() {
    metadata::increment("progress", 0.5).append("log", "deep inside");
}

#[test]
fn functions_called_from_a_scope_and_tasks_spawned_there_act_on_its_run() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let seen = run
            .scope(async {
                deep_inside().await;
                spawn(deep_inside()).await.unwrap();
                tokio::spawn(deep_inside()).await.unwrap();
                assert_eq!(metadata::run().unwrap().id(), "a");
                metadata::get::<f64>("progress")
            })
            .await;
        assert_eq!(seen, Some(1.0));
        // Leaving the scope has flushed.
        assert_eq!(
            server.document("a"),
            json!({"progress": 1.0, "log": ["deep inside", "deep inside"]})
        );
    });
}

#[test]
fn blocking_work_and_threads_act_on_the_run() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let count = || metadata::increment("n", 1).get::<u8>("n");
        run.scope(async {
            assert_eq!(spawn_blocking(count).await.unwrap(), Some(1));
        })
        .await;
        let thread = run.clone();
        let seen = std::thread::spawn(move || {
            let inside = thread.scope_sync(count);
            (inside, metadata::run().is_none())
        });
        assert_eq!(seen.join().unwrap(), (Some(2), true));
        assert!(spawn_blocking(metadata::run).await.unwrap().is_none());
        client.flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 2}));
    });
}

#[test]
fn scopes_nest_and_a_parent_is_reached_from_its_childs() {
    with_client(async |server, client| {
        let parent = start(&client, "parent").await;
        parent
            .scope(async {
                metadata::set("who", "parent");
                let child = start_child(&client, "child", metadata::run().unwrap().id()).await;
                child
                    .scope(async {
                        metadata::set("who", "child");
                        metadata::parent().increment("children", 1);
                        metadata::root().increment("children", 1);
                    })
                    .await;
                metadata::append("log", "back");
            })
            .await;
        assert_eq!(server.document("child"), json!({"who": "child"}));
        assert_eq!(
            server.document("parent"),
            json!({"who": "parent", "children": 2, "log": ["back"]})
        );
    });
}

#[test]
fn outside_a_run_nothing_happens() {
    with_client(async |_, _| {
        metadata::set("a", 1)
            .increment("b", 1)
            .parent()
            .root()
            .append("c", 1);
        metadata::del("a")
            .replace(1)
            .merge(1)
            .merge_at("a", 1)
            .append_keep("a", 1, 1)
            .remove("a", 1)
            .decrement("a", 1)
            .atomically(|metadata| metadata.set("a", 1));
        assert_eq!(metadata::current(), None);
        assert_eq!(metadata::get::<u8>("a"), None);
        assert!(metadata::try_get::<u8>("a").is_err());
        assert_eq!(metadata::typed::<u8>().unwrap(), None);
        assert!(metadata::run().is_none());
        metadata::flush().await.unwrap();
        metadata::refresh().await.unwrap();
        let spawned = spawn(async { metadata::run().is_none() });
        assert_eq!(spawned.await.ok(), Some(true));
    });
}

#[test]
fn a_job_that_panics_or_is_dropped_loses_nothing_that_it_recorded() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let inside = run.clone();
        let job = tokio::spawn(async move {
            inside
                .scope(async {
                    metadata::increment("n", 1);
                    metadata::set("value", Panics);
                })
                .await;
        });
        assert!(job.await.unwrap_err().is_panic());
        assert_eq!(server.document("a"), json!({"n": 1}));
        let inside = run.clone();
        let job = tokio::spawn(async move {
            inside
                .scope(async {
                    metadata::increment("n", 1);
                    std::future::pending::<()>().await;
                })
                .await;
        });
        tokio::task::yield_now().await;
        job.abort();
        assert!(job.await.unwrap_err().is_cancelled());
        client.flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 2}));
    });
}

struct Panics;

impl serde::Serialize for Panics {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("in the caller's code")
    }
}

#[test]
fn leaving_a_scope_does_not_wait_for_ever() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        (0..20).for_each(|_| server.fail_next(Fault::CutBefore));
        run.scope(async { metadata::increment("n", 1) }).await;
        assert_eq!(server.document("a"), json!({}));
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 1}));
    });
}

#[test]
fn a_run_finishes_with_the_result_of_its_job() {
    with_client(async |server, client| {
        let status = |id: &str| server.database.status(id).unwrap();
        let job = async |result: Result<u8, &'static str>| {
            metadata::increment("n", 1);
            metadata::parent().increment("jobs", 1);
            let value = result?;
            metadata::increment("n", 1);
            Ok::<u8, &str>(value)
        };
        start(&client, "parent").await;
        let good = start_child(&client, "good", "parent").await;
        assert_eq!(good.run_until(job(Ok(7))).await, Ok(7));
        let bad = start_child(&client, "bad", "parent").await;
        assert_eq!(bad.run_until(job(Err("early"))).await, Err("early"));
        assert_eq!(
            (status("good"), status("bad")),
            ("completed".into(), "failed".into())
        );
        assert_eq!(
            (server.document("good"), server.document("bad")),
            (json!({"n": 2}), json!({"n": 1}))
        );
        assert_eq!(server.document("parent"), json!({"jobs": 2}));
    });
}

#[test]
fn a_run_whose_job_panics_has_failed_and_one_whose_job_is_dropped_goes_on() {
    with_client(async |server, client| {
        let status = |id: &str| server.database.status(id).unwrap();
        let run = start(&client, "panics").await;
        let job = tokio::spawn(async move {
            run.run_until(async {
                metadata::increment("n", 1);
                metadata::set("value", Panics);
                Ok::<(), ()>(())
            })
            .await
        });
        assert!(job.await.unwrap_err().is_panic());
        assert_eq!(
            (status("panics"), server.document("panics")),
            ("failed".into(), json!({"n": 1}))
        );

        let run = start(&client, "dropped").await;
        let job = tokio::spawn(async move {
            run.run_until(async {
                metadata::increment("n", 1);
                std::future::pending::<Result<(), ()>>().await
            })
            .await
        });
        tokio::task::yield_now().await;
        job.abort();
        assert!(job.await.unwrap_err().is_cancelled());
        client.flush().await.unwrap();
        assert_eq!(
            (status("dropped"), server.document("dropped")),
            ("running".into(), json!({"n": 1}))
        );
    });
}

#[test]
fn a_finish_of_a_superseded_attempt_is_counted_and_not_silent() {
    with_client(async |server, client| {
        let first = NewRun::new("a").attempt(1);
        let run = client.start(first).await.unwrap();
        client.start(NewRun::new("a").attempt(2)).await.unwrap();
        run.run_until(async { Ok::<(), ()>(()) }).await.unwrap();
        assert_eq!(server.database.status("a").unwrap(), "running");
        assert_eq!(client.metrics().unapplied, 1);
        let error = run.metadata().flush().await.unwrap_err();
        assert_eq!(error.unapplied()[0].kind(), "finish");
    });
}

#[test]
fn a_job_that_finishes_its_run_itself_has_the_last_word() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let inside = run.clone();
        let job = async move {
            inside.finish_as("cancelled").await?;
            Ok::<(), crate::Error>(())
        };
        run.run_until(job).await.unwrap();
        assert_eq!(server.database.status("a").as_deref(), Some("cancelled"));
    });
}

#[test]
fn a_finish_that_did_not_arrive_in_time_is_sent_all_the_same() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        server.database.set_reachable(false);
        assert_eq!(run.run_until(async { Ok::<u8, ()>(1) }).await, Ok(1));
        assert_eq!(server.database.status("a").as_deref(), Some("running"));
        server.database.set_reachable(true);
        while server.database.status("a").as_deref() == Some("running") {
            milliseconds(100).await;
        }
        assert_eq!(server.database.status("a").as_deref(), Some("completed"));
    });
}

#[test]
fn a_write_only_run_is_never_read() {
    with_client(async |server, client| {
        let run = client
            .start(NewRun::new("a").metadata(json!({"n": 1})).write_only())
            .await
            .unwrap();
        run.metadata().increment("n", 1).flush().await.unwrap();
        assert_eq!(run.metadata().get::<u8>("n"), None);
        assert_eq!(run.metadata().current(), None);
        assert!(run.metadata().try_get::<u8>("n").is_err());
        assert!(run.metadata().refresh().await.is_err());
        assert_eq!(server.document("a"), json!({"n": 2}));
        // Another handle of this process may read it.
        assert_eq!(
            client.run("a").await.unwrap().metadata().get::<u8>("n"),
            Some(2)
        );
    });
}
