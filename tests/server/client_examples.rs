//! The client's examples, each run as a person would run it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use serde_json::{Value, json};

use crate::harness::{Database, rows};

/// Returns the folder of the examples' programs, which `cargo test --workspace` builds.
fn folder() -> PathBuf {
    static BUILD: Once = Once::new();
    let tests = std::env::current_exe().unwrap();
    let folder = tests.ancestors().nth(2).unwrap().join("examples");
    BUILD.call_once(|| {
        if !folder.join("progress").exists() {
            let mut build = Command::new(env!("CARGO"));
            build.args([
                "build",
                "--quiet",
                "--package",
                "runmeta-client",
                "--examples",
            ]);
            assert!(build.status().unwrap().success());
        }
    });
    folder
}

fn example(name: &str, database: &Database) -> Command {
    let mut command = Command::new(folder().join(name));
    command.env("DATABASE_URL", database.url());
    command
}

/// Runs an example to its end and returns what it printed.
fn run(name: &str, database: &Database) -> String {
    let output = example(name, database).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

async fn stored(database: &Database) -> String {
    let client = database.connect().await;
    rows(
        &client,
        "SELECT id, status, metadata FROM runmeta.run ORDER BY id",
    )
    .await
}

async fn metadata(database: &Database, run: &str) -> Value {
    let client = database.connect().await;
    client
        .query_one("SELECT runmeta.get($1)", &[&run])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn progress() {
    let database = Database::new().await;
    assert_eq!(
        run("progress", &database),
        "100 % after step Some(\"publish\")\n"
    );
    insta::assert_snapshot!(stored(&database).await, @r#"video-17 | completed | {"of": 4, "part": "publish 10 of 10", "step": "publish", "progress": 1.000}"#);
}

#[tokio::test]
async fn deployment() {
    let database = Database::new().await;
    assert_eq!(run("deployment", &database), "100 lines of log\n");
    let metadata = metadata(&database, "deploy-2026-02-03").await;
    assert_eq!(
        (&metadata["status"], &metadata["links"]),
        (&json!("live"), &json!({"site": "https://shop.example"}))
    );
    assert_eq!(metadata["log"][99], "replacing 3 instances");
}

#[tokio::test]
async fn user_context() {
    let database = Database::new().await;
    assert_eq!(
        run("user_context", &database),
        "Eric was notified 1 time(s) since 2026-02-03 04:05:06 UTC\n"
    );
    insta::assert_snapshot!(stored(&database).await, @r#"onboard-7 | completed | {"user": {"id": 7, "name": "Eric", "email": "eric@example.com", "welcomed": true}, "started": "2026-02-03T04:05:06Z", "notifications": [{"to": "eric@example.com", "kind": "welcome"}]}"#);
}

#[tokio::test]
async fn csv_upload() {
    let database = Database::new().await;
    assert_eq!(
        run("csv_upload", &database),
        "Some(1000) rows, Some(10) of them invalid\n"
    );
    let metadata = metadata(&database, "upload-42").await;
    assert_eq!(
        (
            &metadata["processedRows"],
            metadata["invalid"].as_array().unwrap().len()
        ),
        (&json!(1000), 10)
    );
    let client = database.connect().await;
    let children = "SELECT count(*), sum((metadata->>'processedRows')::int) FROM runmeta.descendants('upload-42') WHERE status = 'completed'";
    insta::assert_snapshot!(rows(&client, children).await, @"10 | 1000");
}

#[tokio::test]
async fn hand_to_child() {
    let database = Database::new().await;
    run("hand_to_child", &database);
    insta::assert_snapshot!(stored(&database).await, @r#"
    order-5 | completed | {"status": "shipping", "shipped": true, "currency": "EUR", "customer": {"id": 3}}
    order-5/shipment | completed | {"parcel": 1, "status": "on its way", "currency": "EUR", "customer": {"id": 3}}
    "#);
}

fn terminate(child: &mut Child) {
    let sent = Command::new("kill").arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn graceful_shutdown() {
    let database = Database::new().await;
    let mut child = example("graceful_shutdown", &database)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let client = database.connect().await;
    let working = "DO $$ BEGIN WHILE COALESCE((runmeta.get('worker-1', 'jobs'))::int, 0) = 0
        LOOP PERFORM pg_sleep(0.005); END LOOP; END $$";
    client.batch_execute(working).await.unwrap();
    terminate(&mut child);
    line.clear();
    output.read_line(&mut line).unwrap();
    let metadata = metadata(&database, "worker-1").await;
    assert_eq!(line, format!("done {} jobs\n", metadata["jobs"]));
    assert_eq!(metadata["stopped"], true);
    insta::assert_snapshot!(rows(&client, "SELECT status FROM runmeta.run").await, @"stopped");
}

#[tokio::test]
async fn axum_handler() {
    let database = Database::new().await;
    let mut child = example("axum_handler", &database)
        .env("LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap();
    let ask = |method: &str, path: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("POST", "/reports/weekly").ends_with(r#"{"run":"weekly"}"#));
    while !ask("GET", "/reports/weekly").ends_with(r#"{"done":true,"pages":5}"#) {}
    assert!(ask("GET", "/reports/never").starts_with("HTTP/1.1 404"));
    terminate(&mut child);
}
