//! Metadata without a handle.

use std::sync::Arc;

use serde_json::json;

use super::{FakeServer, client_of, on_a_fast_clock, start};
use crate::settings::Settings;
use crate::{NewRun, metadata, spawn};

async fn deep_inside() {
    metadata::increment("progress", 0.5).append("log", "deep inside");
}

#[test]
fn functions_called_from_a_scope_and_tasks_spawned_there_mean_its_run() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
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
fn scopes_nest_and_a_parent_is_reached_from_its_childs() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let parent = start(&client, "parent").await;
        parent
            .scope(async {
                metadata::set("who", "parent");
                let child = client
                    .start(NewRun::new("child").parent(metadata::run().unwrap().id()))
                    .await
                    .unwrap();
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
    on_a_fast_clock(async {
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
            .decrement("a", 1);
        assert_eq!(metadata::current(), None);
        assert_eq!(metadata::get::<u8>("a"), None);
        assert_eq!(metadata::typed::<u8>().unwrap(), None);
        assert!(metadata::run().is_none());
        metadata::flush().await.unwrap();
        metadata::refresh().await.unwrap();
        assert_eq!(
            spawn(async { metadata::run().is_none() }).await.ok(),
            Some(true)
        );
    });
}

#[test]
fn a_job_that_panics_or_is_dropped_loses_nothing_it_said() {
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
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
    on_a_fast_clock(async {
        let server = Arc::new(FakeServer::default());
        let client = client_of(&server, Settings::default());
        let run = start(&client, "a").await;
        (0..20).for_each(|_| server.fail_next(super::fake_server::Fault::CutBefore));
        run.scope(async { metadata::increment("n", 1) }).await;
        assert_eq!(server.document("a"), json!({}));
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 1}));
    });
}
