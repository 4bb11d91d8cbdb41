//! A database that the gateway cannot use: its log and the holders of keys are told what to do.

use std::time::Duration;

use serde_json::json;

use super::{Answer, Web, now, sign};
use crate::cli::program;
use crate::harness::{Database, Printing};

/// A gateway whose log is read.
fn serve(url: &str) -> Printing {
    let mut command = program();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database-url", url];
    command.args(arguments);
    command.env("RUNMETA_SECRET_KEYS", super::KEY);
    Printing::of(command)
}

async fn is_logged(gateway: &Printing, parts: &[&str]) {
    gateway.until("the database refuses the gateway").await;
    let shown = gateway.shown();
    let mut lines = shown.lines().filter(|line| line.contains("refuses"));
    let line = lines.next().unwrap();
    for part in ["\"level\":\"ERROR\""].iter().chain(parts) {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn database_that_is_not_there_or_was_not_migrated_is_logged_at_the_start() {
    let database = Database::new().await;
    let missing = format!("{}_missing", database.url());
    is_logged(
        &serve(&missing),
        &["\"sqlstate\":\"3D000\"", "mend the URL"],
    )
    .await;

    let drop = "DROP EXTENSION runmeta CASCADE";
    database.connect().await.batch_execute(drop).await.unwrap();
    is_logged(&serve(&database.url()), &["runmeta migrate"]).await;
}

#[tokio::test]
async fn keys_are_told_what_the_database_lacks_and_tokens_are_not() {
    let database = Database::new().await;
    let works = Web::start(&database).await;
    assert!(works.gateway().try_database().await);
    works.ended_now().await;
    let drop = "DROP EXTENSION runmeta CASCADE";
    database.connect().await.batch_execute(drop).await.unwrap();
    let web = Web::with(&database, |config| {
        config.limits.call_timeout = Duration::from_secs(5);
    })
    .await;
    assert!(!web.gateway().try_database().await);
    let hint = |answer: &Answer| answer.body["hint"].as_str().unwrap_or("").to_owned();
    let key = web.get("/v1/runs").await;
    assert!(key.status >= 500, "{key:?}");
    assert!(hint(&key).contains("runmeta migrate"), "{key:?}");
    let claims = json!({"scopes": ["read:all"], "exp": now() + 60});
    let token = web.get_as(&sign(web.key(), claims), "/v1/runs").await;
    assert!(token.status >= 500, "{token:?}");
    assert!(!hint(&token).contains("migrate"), "{token:?}");
}
