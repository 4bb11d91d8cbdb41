//! Subscriptions of the packages: the states of runs as they change.

use serde_json::json;

use super::super::Web;
use super::Npm;
use super::npm::values;
use crate::harness::Database;

#[tokio::test]
async fn subscription_to_a_run_shows_each_state_that_is_waited_for_and_ends_with_the_run() {
    let database = Database::new().await;
    let db = database.connect().await;
    let start =
        "SELECT runmeta.start('import', '{\"progress\": 0}', task => 'import', tags => '{eu}')";
    db.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    let program = Npm::start(&web, "subscribe.mjs", &["run", "import"]).await;
    program.until(r#""progress":0}"#).await;
    for progress in ["0.25", "0.5"] {
        let set = format!("SELECT runmeta.set('import', 'progress', '{progress}')");
        db.batch_execute(&set).await.unwrap();
        program.until(&format!("\"progress\":{progress}}}")).await;
    }
    db.batch_execute("SELECT runmeta.finish('import')")
        .await
        .unwrap();
    let output = program.finish().await;
    let states = values(&output, "state");
    let last = json!({
        "id": "import", "status": "COMPLETED", "metadata": {"progress": 0.5}, "tags": ["eu"], "isCompleted": true, "finished": true,
    });
    assert_eq!(states.last(), Some(&last), "{output}");
    assert!(output.contains("ended"), "{output}");
}

#[tokio::test]
async fn subscription_to_a_tag_shows_runs_that_start_later_too() {
    let database = Database::new().await;
    let db = database.connect().await;
    db.batch_execute(
        "SELECT runmeta.start('one', tags => '{eu,large}'), runmeta.start('other', tags => '{eu}')",
    )
    .await
    .unwrap();
    let web = Web::start(&database).await;
    let program = Npm::start(&web, "subscribe.mjs", &["tag", "eu,large", "now"]).await;
    program.until(r#""id":"one""#).await;
    let start = "SELECT runmeta.start('two', '{\"rows\": 1}', tags => '{eu,large}')";
    db.batch_execute(start).await.unwrap();
    program.until(r#""rows":1"#).await;
    db.batch_execute("SELECT runmeta.set('two', 'stop', '\"now\"')")
        .await
        .unwrap();
    let output = program.finish().await;
    let states = values(&output, "state");
    assert!(
        states.iter().all(|state| state["id"] != "other"),
        "a tag alone is not both: {output}"
    );
}

#[tokio::test]
async fn batch_is_its_tag() {
    let database = Database::new().await;
    let db = database.connect().await;
    db.batch_execute("SELECT runmeta.start('one', tags => '{batch_1}')")
        .await
        .unwrap();
    let web = Web::start(&database).await;
    let program = Npm::start(&web, "subscribe.mjs", &["batch", "batch_1", "now"]).await;
    program.until(r#""id":"one""#).await;
    db.batch_execute("SELECT runmeta.set('one', 'stop', '\"now\"')")
        .await
        .unwrap();
    program.finish().await;
}
