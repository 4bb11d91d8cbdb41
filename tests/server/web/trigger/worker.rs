//! What a plain Node worker records with the package's own manager of metadata.

use serde_json::{Value, json};

use super::super::Web;
use super::Npm;
use super::npm::{value, values};
use crate::harness::{Database, OwnServer, rows};

/// Runs a family: `nightly`, below it `import`, and below that `part`.
const FAMILY: &str = "
    SELECT runmeta.start('nightly', '{\"rows\": 0}');
    SELECT runmeta.start('import', '{}', 'nightly');
    SELECT runmeta.start('part', '{}', 'import');";

async fn document(database: &Database, run: &str) -> Value {
    let db = database.connect().await;
    let row = db.query_one("SELECT runmeta.get($1)", &[&run]).await;
    row.unwrap().get(0)
}

#[tokio::test]
async fn every_operation_of_the_package_reaches_its_document() {
    let database = Database::new().await;
    database
        .connect()
        .await
        .batch_execute(FAMILY)
        .await
        .unwrap();
    let web = Web::start(&database).await;
    let flushes = json!([
        [
            ["set", "status", "importing"],
            ["set", "user", {"name": "Eric"}],
            ["set", "$.user.name", "Erica"],
            ["increment", "rows", 3],
            ["decrement", "rows", 1],
            ["append", "log", "one"],
            ["append", "log", "two"],
            ["parent.increment", "rows", 2],
            ["parent.append", "log", "from part"],
            ["root.set", "last", "part"],
        ],
        [
            ["remove", "log", "one"],
            ["del", "status"],
            ["parent.decrement", "rows", 1],
            ["root.increment", "rows", 5],
            ["root.del", "nothing"],
        ],
    ]);
    let arguments = ["part", &*flushes.to_string()];
    let output = Npm::start(&web, "operations.mjs", &arguments)
        .await
        .finish()
        .await;
    let part = json!({"user": {"name": "Erica"}, "rows": 2, "log": ["two"]});
    assert_eq!(value(&output, "refreshed"), part, "{output}");
    assert_eq!(values(&output, "current")[1], part, "{output}");
    assert_eq!(document(&database, "part").await, part);
    assert_eq!(
        document(&database, "import").await,
        json!({"rows": 1, "log": ["from part"]})
    );
    assert_eq!(
        document(&database, "nightly").await,
        json!({"rows": 5, "last": "part"})
    );
}

#[tokio::test]
async fn whole_document_is_replaced() {
    let database = Database::new().await;
    database
        .connect()
        .await
        .batch_execute(FAMILY)
        .await
        .unwrap();
    let web = Web::start(&database).await;
    let flushes = json!([[["set", "a", 1]], [["update", {"b": [1, 2]}], ["append", "b", 3]]]);
    let arguments = ["part", &*flushes.to_string()];
    let output = Npm::start(&web, "operations.mjs", &arguments)
        .await
        .finish()
        .await;
    assert_eq!(
        value(&output, "refreshed"),
        json!({"b": [1, 2, 3]}),
        "{output}"
    );
}

/// The reference drops these without a word. The package sends them for the parent and the root only: for the run itself it drops
/// what has no effect on its own copy.
#[tokio::test]
async fn paths_mean_what_they_say() {
    let database = Database::new().await;
    database
        .connect()
        .await
        .batch_execute(FAMILY)
        .await
        .unwrap();
    let web = Web::start(&database).await;
    let flushes = json!([
        [
            ["parent.set", "$.file.name", "a.csv"],
            ["parent.set", "list", [1, 2]],
            ["parent.increment", "sum", 0.1]
        ],
        [
            ["parent.set", "$.list[1]", 3],
            ["parent.increment", "sum", 0.2],
            ["parent.del", "$.file.name"]
        ],
    ]);
    let arguments = ["part", &*flushes.to_string()];
    Npm::start(&web, "operations.mjs", &arguments)
        .await
        .finish()
        .await;
    let import = json!({"file": {}, "list": [1, 3], "sum": 0.3});
    assert_eq!(document(&database, "import").await, import);
}

#[tokio::test]
async fn token_writes_no_metadata() {
    let database = Database::new().await;
    database
        .connect()
        .await
        .batch_execute(FAMILY)
        .await
        .unwrap();
    let web = Web::start(&database).await;
    for scope in ["write:runs:part", "admin", "*:all"] {
        let token = web.token(&[scope]);
        let request = web.request_as(&token, reqwest::Method::PUT, "/api/v1/runs/part/metadata");
        let body = json!({"operations": [{"type": "set", "key": "a", "value": 1}]});
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{scope}");
    }
    assert_eq!(document(&database, "part").await, json!({}));
}

#[tokio::test]
async fn refusals_have_the_status_that_the_package_does_not_repeat() {
    let database = Database::new().await;
    let db = database.connect().await;
    db.batch_execute(
        "
        SELECT runmeta.start('parent');
        SELECT runmeta.start('old', '{}', 'parent');
        SELECT runmeta.finish('old');
        UPDATE runmeta.run SET finished_at = now() - interval '2 hours' WHERE id = 'old';
        SELECT runmeta.start('large');
        SET runmeta.maximum_size = 262144;
    ",
    )
    .await
    .unwrap();
    let web = Web::start(&database).await;
    let put = async |run: &str, body: Value| {
        let path = format!("/api/v1/runs/{run}/metadata");
        let request = web.request(reqwest::Method::PUT, &path).json(&body);
        super::super::Answer::of(request.send().await.unwrap()).await
    };
    let set = |value: Value| json!({"operations": [{"type": "set", "key": "a", "value": value}]});
    let large = "x".repeat(300_000);
    let cases = [
        ("nothing", set(json!(1)), 404),
        ("old", set(json!(1)), 422),
        ("large", set(json!(large)), 413),
        ("large", json!({"operations": {}}), 400),
        ("large", json!([]), 400),
    ];
    for (run, body, status) in cases {
        let answer = put(run, body).await;
        assert_eq!(answer.status, status, "{run}: {answer:?}");
        assert!(answer.body["error"].is_string(), "{answer:?}");
    }
    // The parent's list was applied: an error would make the package believe that nothing was.
    let mut body = set(json!(1));
    body["parentOperations"] = json!([{"type": "increment", "key": "done", "value": 1}]);
    let answer = put("old", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.body["refused"],
        json!([{"target": "self", "outcome": "closed"}])
    );
    assert_eq!(document(&database, "parent").await, json!({"done": 1}));
}

#[tokio::test]
async fn operations_without_effect_are_named_in_the_reply() {
    let database = Database::new().await;
    database
        .connect()
        .await
        .batch_execute(FAMILY)
        .await
        .unwrap();
    let web = Web::start(&database).await;
    let body = json!({"operations": [
        {"type": "set", "key": "a", "value": 1},
        {"type": "remove", "key": "a", "value": 1},
    ]});
    let request = web
        .request(reqwest::Method::PUT, "/api/v1/runs/part/metadata")
        .json(&body);
    let answer = super::super::Answer::of(request.send().await.unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["metadata"], json!({"a": 1}));
    let unapplied = json!([{"target": "self", "index": 1, "reason": "not_an_array"}]);
    assert_eq!(answer.body["unapplied"], unapplied);
}

#[tokio::test]
async fn repeated_request_is_answered_alike_and_changes_nothing() {
    let database = Database::new().await;
    database
        .connect()
        .await
        .batch_execute(FAMILY)
        .await
        .unwrap();
    let web = Web::start(&database).await;
    let body = json!({
        "operations": [{"type": "increment", "key": "a", "value": 1}],
        "parentOperations": [{"type": "increment", "key": "a", "value": 1}],
    });
    for _ in 0..3 {
        let request = web.request(reqwest::Method::PUT, "/api/v1/runs/part/metadata");
        let request = request.header("x-trigger-request-idempotency-key", "the-same");
        let answer = super::super::Answer::of(request.json(&body).send().await.unwrap()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["metadata"], json!({"a": 1}));
    }
    assert_eq!(document(&database, "import").await, json!({"a": 1}));
}

/// The package gives up after five attempts in 9.3 seconds and drops what it wanted to send.
#[tokio::test]
async fn restart_of_12_seconds_loses_nothing() {
    let server = OwnServer::start().await;
    let db = server.connect_again().await;
    db.batch_execute(FAMILY).await.unwrap();
    let web = Web::of(server.url().to_owned(), |_| ()).await;
    let program = Npm::start(&web, "count.mjs", &["part", "400"]).await;
    program.until("\"flushed\":20}").await;
    server.stop().await;
    // Not a wait for something, but how long the database is away.
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    server.start_again().await;
    let output = program.finish().await;
    assert_eq!(values(&output, "flushed").len(), 400, "{output}");
    let db = server.connect_again().await;
    let counts = "SELECT runmeta.get('part', 'count'), runmeta.get('import', 'count'),
        jsonb_array_length(runmeta.get('part', 'log'))";
    assert_eq!(rows(&db, counts).await, "400 | 400 | 400");
}
