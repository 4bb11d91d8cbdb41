//! Runs read without a subscription.

use serde_json::json;

use super::super::Web;
use super::Npm;
use super::npm::value;
use crate::harness::Database;

#[tokio::test]
async fn retrieved_run_passes_the_checks_of_the_client() {
    let database = Database::new().await;
    let start = "
        SELECT runmeta.start('nightly', task => 'nightly');
        SELECT runmeta.start('import', '{\"progress\": 0.5}', 'nightly', 'import', '{eu,large}', attempt => 2);
        SELECT runmeta.start('mail', parent_run_id => 'import', status => 'queued');
        SELECT runmeta.start('stopped');
        SELECT runmeta.finish('stopped', 'cancelled');";
    database.connect().await.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    let ids = ["import", "mail", "stopped", "nothing"];
    let output = Npm::start(&web, "retrieve.mjs", &ids).await.finish().await;

    let import = value(&output, "import")["succeeded"].clone();
    assert_eq!(import["status"], "EXECUTING", "{output}");
    assert_eq!(import["metadata"], json!({"progress": 0.5}));
    assert_eq!(import["taskIdentifier"], "import");
    assert_eq!(import["tags"], json!(["eu", "large"]));
    assert_eq!(import["attemptCount"], 2);
    assert_eq!(import["depth"], 1);
    assert_eq!(import["isExecuting"], true);
    assert_eq!(import["relatedRuns"]["root"]["id"], "nightly");
    assert_eq!(import["relatedRuns"]["parent"]["id"], "nightly");

    let mail = &value(&output, "mail")["succeeded"];
    assert_eq!(mail["status"], "QUEUED");
    assert_eq!(mail["isQueued"], true);
    assert_eq!(mail["startedAt"], json!(null));
    assert_eq!(mail["relatedRuns"]["parent"]["id"], "import");

    let stopped = &value(&output, "stopped")["succeeded"];
    assert_eq!(stopped["status"], "CANCELED");
    assert_eq!(stopped["isCompleted"], true);
    assert_eq!(stopped["isSuccess"], false);

    let nothing = value(&output, "nothing");
    assert_eq!(nothing["status"], 404);
    let error = nothing["error"].as_str().unwrap();
    assert!(error.starts_with("no such run"), "{error}");
}

#[tokio::test]
async fn poll_ends_with_the_run_also_with_one_that_was_cancelled() {
    let database = Database::new().await;
    let db = database.connect().await;
    db.batch_execute("SELECT runmeta.start('import')")
        .await
        .unwrap();
    let web = Web::start(&database).await;
    let program = Npm::start(&web, "poll.mjs", &["import"]).await;
    program.until("polling").await;
    let finish = "SELECT runmeta.set('import', 'rows', '3'), runmeta.finish('import', 'cancelled')";
    db.batch_execute(finish).await.unwrap();
    let output = program.finish().await;
    let seen = json!({"status": "CANCELED", "isCompleted": true, "metadata": {"rows": 3}});
    assert_eq!(value(&output, "import"), seen);
}
