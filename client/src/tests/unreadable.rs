//! Runs that cannot be read, and what would make one.

use std::sync::Arc;

use serde_json::json;

use super::{FakeServer, client_of, on_a_fast_clock, start};
use crate::settings::Settings;
use crate::{Client, NewRun};

fn here() -> (Arc<FakeServer>, Client) {
    let server = Arc::new(FakeServer::default());
    (server.clone(), client_of(&server, Settings::default()))
}

const NUMBER: &str = "$serde_json::private::Number";

#[test]
fn an_answer_that_cannot_be_understood_fails_those_who_asked_and_nobody_else() {
    on_a_fast_clock(async {
        let (server, client) = here();
        let run = start(&client, "a").await;
        start(&client, "b").await;
        server.garble("b");
        let error = client.run("b").await.unwrap_err();
        assert!(error.to_string().contains("garbled"), "{error}");
        run.metadata().set("ok", 1).flush().await.unwrap();
        assert_eq!(client.metrics().retries, 0);
    });
}

#[test]
fn runs_asked_for_together_fail_alone() {
    on_a_fast_clock(async {
        let (server, client) = here();
        for id in ["a", "b", "c", "d"] {
            start(&client, id).await;
        }
        server.denied.lock().unwrap().push("b".to_owned());
        server.garble("c");
        let (a, b, c, d) = tokio::join!(
            client.run("a"),
            client.run("b"),
            client.run("c"),
            client.run("d")
        );
        a.unwrap().metadata().set("ok", 1).flush().await.unwrap();
        assert_eq!(b.unwrap_err().code().unwrap().code(), "42501");
        assert!(c.unwrap_err().to_string().contains("garbled"));
        d.unwrap().metadata().set("ok", 1).flush().await.unwrap();
        assert_eq!(client.metrics().retries, 0);
    });
}

#[test]
fn keys_that_could_not_be_read_again_are_refused() {
    on_a_fast_clock(async {
        let (server, client) = here();
        let run = start(&client, "a").await;
        let metadata = run.metadata();
        metadata
            .set("value", json!([{"a": {NUMBER: "5"}}]))
            .merge(json!({NUMBER: "5"}))
            .set(NUMBER, 1)
            .set(&format!("$.a.{NUMBER}"), 1)
            .increment(NUMBER, 1)
            .set("text", NUMBER);
        let error = metadata.flush().await.unwrap_err();
        let reasons: Vec<_> = error
            .refusals()
            .iter()
            .map(|refusal| refusal.reason())
            .collect();
        assert_eq!(
            reasons,
            ["bad_value", "bad_value", "bad_path", "bad_path", "bad_path"]
        );
        assert_eq!(error.code().unwrap().code(), "22023");
        assert_eq!(server.document("a"), json!({"text": NUMBER}));
        let new = NewRun::new("b").metadata(json!({"a": {NUMBER: "5"}}));
        let error = client.start(new).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "22023");
    });
}
