//! What the views for reports have in common: whose rights they have, and that they come back with the extension.

use crate::harness::{Database, refusal, rows};

const VIEWS: &str = "
    SELECT string_agg(id, ' ' ORDER BY id) FROM runmeta.progress;
    SELECT string_agg(task, ' ' ORDER BY task) FROM runmeta.task;
    SELECT string_agg(task || ' ' || runs, ' ' ORDER BY task) FROM runmeta.task_summary;
    SELECT string_agg(id || ' ' || reason, ' ' ORDER BY id) FROM runmeta.stuck_run";

async fn database_with_two_tenants() -> Database {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "INSERT INTO runmeta.run (root_id, id, task, created_at, started_at, updated_at)
            SELECT i, i, t, now() - interval '3 hours', now() - interval '3 hours', now() - interval '2 hours'
            FROM (VALUES ('acme/1', 'import'), ('acme/2', 'mail'), ('globex/1', 'mail'), ('globex/2', 'secret')) AS r (i, t)",
        )
        .await
        .unwrap();
    database
}

#[tokio::test]
async fn views_show_the_runs_that_policies_show() {
    let database = database_with_two_tenants().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
            CREATE POLICY tenant ON runmeta.run FOR SELECT TO runmeta_reader USING (starts_with(root_id, 'acme/'))",
        )
        .await
        .unwrap();
    let reader = database.connect_as("runmeta_reader").await;
    insta::assert_snapshot!(rows(&reader, VIEWS).await, @"
    acme/1 acme/2
    import mail
    import 1 mail 1
    acme/1 silent acme/2 silent
    ");
}

/// A writer may also write the table with SQL of its own, and one run must not keep others from their report.
#[tokio::test]
async fn nothing_that_a_writer_stores_fails_a_report() {
    let database = database_with_two_tenants().await;
    let writer = database.connect_as("runmeta_writer").await;
    let times = [
        "'infinity'",
        "'-infinity'",
        "'4713-01-01 BC'",
        "'294276-01-01'",
        "now()",
    ];
    for created in times {
        for started in times {
            for finished in times.iter().chain(&["NULL"]) {
                let insert = format!(
                    "INSERT INTO runmeta.run (root_id, id, task, metadata, created_at, started_at, finished_at, updated_at)
                    SELECT id, id, 'odd', '[1]', {created}, {started}, {finished}, {created}
                    FROM (SELECT concat_ws(' ', {created}, {started}, {finished})) AS r (id)"
                );
                writer.batch_execute(&insert).await.unwrap();
            }
        }
    }
    writer
        .batch_execute("UPDATE runmeta.run SET metadata = '\"text\"' WHERE id = 'acme/1'")
        .await
        .unwrap();
    for view in ["progress", "task", "task_summary", "stuck_run"] {
        let all = format!("SELECT count(*) > 0 FROM (SELECT * FROM runmeta.{view} OFFSET 0) AS v");
        assert_eq!(rows(&writer, &all).await, "t", "{view}");
    }
}

#[tokio::test]
async fn views_and_the_check_of_settings_come_back_with_the_extension() {
    let database = database_with_two_tenants().await;
    let mut client = database.connect().await;
    let before = rows(&client, VIEWS).await;
    client
        .batch_execute(
            "INSERT INTO runmeta.task_setting (task, done_key) VALUES ('mail', 'sent');
            DROP EXTENSION runmeta CASCADE",
        )
        .await
        .unwrap();
    runmeta_migrations::migrate(&mut client).await.unwrap();
    assert_eq!(rows(&client, VIEWS).await, before);
    let setting = "UPDATE runmeta.task_setting SET done_key = '$.'";
    let refused = refusal(client.batch_execute(setting).await);
    assert!(refused.starts_with("22023: bad path"), "{refused}");
}
