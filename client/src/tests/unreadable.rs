//! Runs that cannot be read.

use super::{start, with_client};

#[test]
fn an_answer_that_cannot_be_understood_fails_those_who_asked_and_nobody_else() {
    with_client(async |server, client| {
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
    with_client(async |server, client| {
        for id in ["a", "b", "c", "d"] {
            start(&client, id).await;
        }
        server.deny("b");
        server.garble("c");
        let (a, b, c, d) = tokio::join!(
            client.run("a"),
            client.run("b"),
            client.run("c"),
            client.run("d")
        );
        a.unwrap().metadata().set("ok", 1).flush().await.unwrap();
        assert_eq!(b.unwrap_err().code(), Some("42501"));
        assert!(c.unwrap_err().to_string().contains("garbled"));
        d.unwrap().metadata().set("ok", 1).flush().await.unwrap();
        assert_eq!(client.metrics().retries, 0);
    });
}
