//! Who may read and change which runs.

use reqwest::Method;
use serde_json::{Value, json};

use super::{KEY, Web, now, sign};
use crate::harness::Database;

/// Starts a root `a` of task `import` with tag `x`, a child `b` of it, and a run `c` on its own.
pub(super) async fn with_runs() -> (Database, Web) {
    let database = Database::new().await;
    let start = "SELECT runmeta.start('a', task => 'import', tags => '{x}');
        SELECT runmeta.start('b', parent_run_id => 'a', tags => '{y}');
        SELECT runmeta.start('c', task => 'export', tags => '{x:y}')";
    database.connect().await.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    (database, web)
}

pub(super) async fn status(web: &Web, key: &str, path: &str) -> u16 {
    web.get_as(key, path).await.status
}

#[tokio::test]
async fn nothing_is_read_without_a_valid_key() {
    let (_database, web) = with_runs().await;
    let foreign = "another-secret-of-as-many-letters";
    let claims = json!({"scopes": ["read:runs"], "exp": now() + 60});
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzY29wZXMiOlsicmVhZDpydW5zIl0sImV4cCI6OTk5OTk5OTk5OX0.";
    let other_hash = {
        let key = jsonwebtoken::EncodingKey::from_secret(KEY.as_bytes());
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS512);
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    };
    let expired = sign(KEY, json!({"scopes": ["read:runs"], "exp": now() - 1}));
    let endless = sign(KEY, json!({"scopes": ["read:runs"]}));
    let text = sign(KEY, json!({"scopes": ["read:runs"], "exp": "never"}));
    let early = sign(
        KEY,
        json!({"scopes": ["read:runs"], "exp": now() + 60, "nbf": now() + 50}),
    );
    let strangers = sign(foreign, claims.clone());
    let mut cut = sign(KEY, claims.clone());
    cut.pop();
    for path in [
        "/v1/runs/a",
        "/v1/runs/nothing",
        "/v1/runs",
        "/v1/tasks",
        "/metrics",
    ] {
        for bad in [
            "",
            "x",
            foreign,
            &KEY[1..],
            none,
            &other_hash,
            &expired,
            &endless,
            &text,
            &early,
            &strangers,
            &cut,
        ] {
            let answer = web.get_as(bad, path).await;
            assert_eq!(answer.status, 401, "{path} {bad}");
            assert_eq!(
                answer.header("www-authenticate"),
                "Bearer realm=\"runmeta\""
            );
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
        let bare = reqwest::get(web.url(path)).await.unwrap();
        assert_eq!(bare.status(), 401, "{path}");
        let basic = web.get_raw(path, "Basic YTpi").await;
        assert_eq!(basic.status, 401, "{path}");
        assert_ne!(web.get(path).await.status, 401, "{path}");
    }
    assert_eq!(status(&web, &sign(KEY, claims), "/v1/runs/a").await, 200);
}

#[tokio::test]
async fn token_reads_what_its_scopes_say_and_nothing_beside() {
    let (_database, web) = with_runs().await;
    let paths = [
        "/v1/runs/a",
        "/v1/runs/b",
        "/v1/runs/c",
        "/v1/runs/nothing",
        "/v1/runs",
        "/v1/runs?tag=x",
        "/v1/runs?task=import",
        "/v1/runs?root=a",
        "/v1/runs/a/tree",
        "/v1/runs/a/rollup?key=n",
        "/v1/tasks",
        "/v1/tasks/import",
    ];
    let mut answers = Vec::new();
    for scopes in [
        &["read:runs:a"][..],
        &["read:tags:x"],
        &["read:tags:x:y"],
        &["read:tasks:import"],
        &["read:tree:a"],
        &["read:runs"],
        &["read:all"],
        &["*:runs:a"],
        &["write:runs:a"],
        &["read:runs:"],
        &["read:all:a"],
        &["read:runs:A"],
        &["read:waitpoints:a", "nonsense", ""],
        &["read:runs:b", "read:tasks:export"],
    ] {
        let token = web.token(scopes);
        let mut line = format!("{:<40}", scopes.join(" "));
        for path in paths {
            line += &format!(" {}", status(&web, &token, path).await);
        }
        answers.push(line);
    }
    insta::assert_snapshot!(answers.join("\n"), @r"
    read:runs:a                              200 403 403 403 403 403 403 403 200 403 403 403
    read:tags:x                              200 403 403 403 403 200 403 403 200 403 403 403
    read:tags:x:y                            403 403 200 403 403 403 403 403 403 403 403 403
    read:tasks:import                        200 403 403 403 403 403 200 403 200 403 403 200
    read:tree:a                              200 200 403 403 403 403 403 200 200 200 403 403
    read:runs                                200 200 200 404 200 200 200 200 200 200 200 200
    read:all                                 200 200 200 404 200 200 200 200 200 200 200 200
    *:runs:a                                 200 403 403 403 403 403 403 403 200 403 403 403
    write:runs:a                             403 403 403 403 403 403 403 403 403 403 403 403
    read:runs:                               403 403 403 403 403 403 403 403 403 403 403 403
    read:all:a                               403 403 403 403 403 403 403 403 403 403 403 403
    read:runs:A                              403 403 403 403 403 403 403 403 403 403 403 403
    read:waitpoints:a nonsense               403 403 403 403 403 403 403 403 403 403 403 403
    read:runs:b read:tasks:export            403 200 200 403 403 403 403 403 403 403 403 403
    ");
}

#[tokio::test]
async fn token_gets_the_same_answer_whether_the_run_exists_or_not() {
    let (_database, web) = with_runs().await;
    let token = web.token(&["read:tags:x", "write:runs:z"]);
    // But for the id that was asked for.
    let words = |body: &Value| body.to_string().replace(":nothing", ":b");
    let b = web.get_as(&token, "/v1/runs/b").await;
    let nothing = web.get_as(&token, "/v1/runs/nothing").await;
    assert_eq!((b.status, words(&b.body)), (403, words(&nothing.body)));
    for path in ["/v1/runs/b/operations", "/v1/runs/b/finish"] {
        let there = web.post_as(&token, path, json!({})).await;
        let missing = web
            .post_as(&token, &path.replace("/b/", "/nothing/"), json!({}))
            .await;
        assert_eq!(
            (there.status, words(&there.body)),
            (403, words(&missing.body))
        );
    }
}

#[tokio::test]
async fn token_writes_what_its_scopes_say_and_no_relatives() {
    let (_database, web) = with_runs().await;
    let list = json!([{"type": "increment", "key": "n", "value": 1}]);
    let to = |member: &str| json!({ member: list });
    let write = async |scope: &str, path: &str, body: Value| {
        web.post_as(&web.token(&[scope]), path, body).await.status
    };
    assert_eq!(
        write("read:runs:b", "/v1/runs/b/operations", to("operations")).await,
        403
    );
    assert_eq!(
        write("write:runs:a", "/v1/runs/b/operations", to("operations")).await,
        403
    );
    assert_eq!(
        write("write:runs:b", "/v1/runs/b/operations", to("operations")).await,
        200
    );
    assert_eq!(
        write(
            "write:runs:b",
            "/v1/runs/b/operations",
            to("parentOperations")
        )
        .await,
        403
    );
    assert_eq!(
        write(
            "write:runs:b",
            "/v1/runs/b/operations",
            to("rootOperations")
        )
        .await,
        403
    );
    assert_eq!(
        write(
            "write:tree:a",
            "/v1/runs/b/operations",
            to("parentOperations")
        )
        .await,
        200
    );
    assert_eq!(
        write("write:tags:y", "/v1/runs/b/operations", to("operations")).await,
        200
    );
    assert_eq!(
        write(
            "write:runs:b",
            "/v1/operations",
            json!([{"run": "b", "operations": []}, {"run": "a"}])
        )
        .await,
        403
    );
    assert_eq!(
        write(
            "write:runs:d",
            "/v1/runs",
            json!({"id": "d", "parent": "a"})
        )
        .await,
        403
    );
    assert_eq!(
        write("write:runs:d", "/v1/runs", json!({"id": "d"})).await,
        201
    );
    assert_eq!(
        write("write:runs:d", "/v1/runs", json!({"id": "e"})).await,
        403
    );
    let run = web.get("/v1/runs/a").await;
    assert_eq!(run.body["metadata"], json!({"n": 1}));
}

#[tokio::test]
async fn ticket_is_for_one_path_and_one_use() {
    let (_database, web) = with_runs().await;
    let path = "/v1/runs/a/events";
    let token = web.token(&["read:runs:a"]);
    let ticket = async |key: &str| {
        let made = web.post_as(key, "/v1/tickets", json!({"path": path})).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.body["ticket"].as_str().unwrap().to_owned()
    };
    let without_key = async |method: Method, path: &str| {
        let request = reqwest::Client::new().request(method, web.url(path));
        request.send().await.unwrap().status().as_u16()
    };
    for key in [web.key(), &token] {
        let one = ticket(key).await;
        assert_eq!(
            without_key(Method::GET, &format!("/v1/runs/b/events?ticket={one}")).await,
            401
        );
        assert_eq!(
            without_key(Method::GET, &format!("/v1/runs/a?ticket={one}")).await,
            401
        );
        assert_eq!(
            without_key(Method::POST, &format!("/v1/runs/a/finish?ticket={one}")).await,
            401
        );
        assert_ne!(
            without_key(Method::GET, &format!("{path}?select=n&ticket={one}")).await,
            401
        );
        assert_eq!(
            without_key(Method::GET, &format!("{path}?ticket={one}")).await,
            401
        );
        // It is no token.
        assert_eq!(status(&web, &ticket(key).await, "/v1/runs/a").await, 401);
    }
    // Who may not read the run is told so here, where a page can read the answer, and not that there is none.
    for (path, expected) in [
        ("/v1/runs/b/events", 403),
        ("/v1/runs/%61/events", 201),
        ("/v1/runs/nothing/streams/s", 403),
    ] {
        let made = web
            .post_as(&token, "/v1/tickets", json!({"path": path}))
            .await;
        assert_eq!(made.status, expected, "{path}");
    }
    // Nor is a token a ticket.
    assert_eq!(
        without_key(Method::GET, &format!("{path}?ticket={token}")).await,
        401
    );
    assert_eq!(
        without_key(Method::GET, &format!("{path}?ticket={}", web.key())).await,
        401
    );
    for path in ["/v1/runs/a", "/v1/runs/a/operations", "", "//"] {
        assert_eq!(
            web.post("/v1/tickets", json!({"path": path})).await.status,
            400,
            "{path}"
        );
    }
}

#[tokio::test]
async fn runs_of_a_request_by_a_token_are_read_together() {
    let database = Database::new().await;
    let server = database.connect().await;
    let start = "SELECT count(runmeta.start('run ' || n, tags => '{x}')) FROM generate_series(1, 1000) AS n";
    server.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    let token = web.token(&["write:tags:x"]);
    let entry = |run: String| json!({"run": run, "operations": [{"type": "increment", "key": "n"}], "parentOperations": []});
    let mut entries: Vec<_> = (1..=1000).map(|n| entry(format!("run {n}"))).collect();
    let transactions = async || -> i64 {
        let count = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
        server.query_one(count, &[]).await.unwrap().get(0)
    };
    let before = transactions().await;
    let answer = web.post_as(&token, "/v1/operations", json!(entries)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    entries.push(entry("run 1001".to_owned()));
    let foreign = web.post_as(&token, "/v1/operations", json!(entries)).await;
    assert_eq!(foreign.status, 403);
    web.ended_now().await;
    // Sessions report what they did when they end.
    let gone = "SELECT count(*) = 0 FROM pg_stat_activity
        WHERE application_name = 'runmeta serve' AND datname = current_database()";
    let mut asked = 0;
    while !server.query_one(gone, &[]).await.unwrap().get::<_, bool>(0) {
        asked += 1;
    }
    let committed = transactions().await - before - asked;
    assert!(committed < 500, "{committed}");
}

#[tokio::test]
async fn request_with_too_many_entries_is_refused() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let entries = |count: usize| json!(vec![json!({"run": "a"}); count]);
    let answer = web.post("/v1/operations", entries(10_001)).await;
    assert_eq!(
        (answer.status, &answer.body["sqlstate"]),
        (413, &json!("54000")),
        "{answer:?}"
    );
    assert_eq!(
        web.post("/v1/operations", entries(10_000)).await.status,
        200
    );
}

#[tokio::test]
async fn token_that_may_only_write_does_not_read_by_writing() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let token = web.token(&["write:runs:a"]);
    let new = json!({"id": "a", "task": "import", "metadata": {"secret": 1}});
    let known = json!({"id": "a", "status": "running", "attempt": 1, "version": 1});
    for status in [201, 200] {
        let answer = web.post_as(&token, "/v1/runs", new.clone()).await;
        assert_eq!((answer.status, answer.body), (status, known.clone()));
    }
    let both = web.token(&["write:runs:a", "read:runs:a"]);
    let answer = web.post_as(&both, "/v1/runs", new).await;
    assert_eq!(answer.body["metadata"], json!({"secret": 1}), "{answer:?}");
    for path in ["status", "finish"] {
        let path = format!("/v1/runs/a/{path}");
        let body = json!({"status": if path.ends_with("finish") { "failed" } else { "busy" }});
        let answer = web.post_as(&token, &path, body).await;
        let mut members: Vec<_> = answer.body.as_object().unwrap().keys().collect();
        members.sort_unstable();
        assert_eq!(members, ["attempt", "id", "status", "version"]);
    }
}
