//! Lists of runs, page by page.

use serde_json::json;

use super::super::Web;
use super::Npm;
use super::npm::value;
use crate::harness::Database;

const RUNS: &str = "
    SELECT runmeta.start('run-' || n, task => CASE n % 2 WHEN 0 THEN 'even' ELSE 'odd' END, tags => ARRAY['by-' || n % 3])
    FROM generate_series(1, 7) AS n;
    UPDATE runmeta.run SET created_at = to_timestamp(extract(epoch FROM now())::float8 - 3600 * (10 - substr(id, 5)::int));
    SELECT runmeta.finish('run-' || n, 'failed') FROM generate_series(1, 3) AS n;";

#[tokio::test]
async fn pages_go_on_where_the_one_before_ended_and_back() {
    let database = Database::new().await;
    database.connect().await.batch_execute(RUNS).await.unwrap();
    let web = Web::start(&database).await;
    let output = Npm::start(&web, "list.mjs", &[r#"{"limit": 3}"#])
        .await
        .finish()
        .await;
    let pages = json!([
        ["run-7", "run-6", "run-5"],
        ["run-4", "run-3", "run-2"],
        ["run-1"]
    ]);
    assert_eq!(value(&output, "pages"), pages, "{output}");
    assert_eq!(value(&output, "before"), pages[1], "{output}");
    let all = [
        "run-7", "run-6", "run-5", "run-4", "run-3", "run-2", "run-1",
    ];
    assert_eq!(value(&output, "all"), json!(all), "{output}");
}

#[tokio::test]
async fn list_is_filtered() {
    let database = Database::new().await;
    database.connect().await.batch_execute(RUNS).await.unwrap();
    let web = Web::start(&database).await;
    let cases = [
        (
            json!({"taskIdentifier": "even"}),
            json!(["run-6", "run-4", "run-2"]),
        ),
        (json!({"tag": "by-1"}), json!(["run-7", "run-4", "run-1"])),
        (
            json!({"status": "FAILED"}),
            json!(["run-3", "run-2", "run-1"]),
        ),
        (
            json!({"status": ["FAILED", "EXECUTING"], "taskIdentifier": "odd"}),
            json!(["run-7", "run-5", "run-3", "run-1"]),
        ),
        (json!({"period": "5h"}), json!(["run-7", "run-6"])),
        (
            json!({"period": "5h", "limit": 1}),
            json!(["run-7", "run-6"]),
        ),
    ];
    for (query, expected) in cases {
        let output = Npm::start(&web, "list.mjs", &[&query.to_string()])
            .await
            .finish()
            .await;
        assert_eq!(value(&output, "all"), expected, "{query}");
    }
}

#[tokio::test]
async fn filter_that_runs_do_not_have_is_refused() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for query in [
        "filter[version]=1",
        "filter[tag]=a,b",
        "filter[status]=DONE",
        "page[size]=0",
        "page[after]=x",
    ] {
        let answer = web.get(&format!("/api/v1/runs?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
    }
}

#[tokio::test]
async fn token_lists_what_its_scope_says() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let cases = [
        ("read:tags:eu", "filter[tag]=eu", 200),
        ("read:tags:eu", "filter[tag]=us", 403),
        ("read:tasks:import", "filter[taskIdentifier]=import", 200),
        ("read:tags:eu", "", 403),
        ("read:runs:a", "", 403),
        ("read:runs", "", 200),
    ];
    for (scope, query, status) in cases {
        let token = web.token(&[scope]);
        let answer = web.get_as(&token, &format!("/api/v1/runs?{query}")).await;
        assert_eq!(answer.status, status, "{scope}: {query}");
    }
}
