//! What the plain API answers.

use serde_json::{Value, json};

use super::Web;
use crate::harness::Database;

fn ids(answer: &super::Answer) -> Vec<&str> {
    let runs = answer.body["runs"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer:?}"));
    runs.iter().map(|run| run["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn run_is_read_with_all_its_columns() {
    let database = Database::new().await;
    let start =
        "SELECT runmeta.start('a', '{\"progress\": 0.5}', task => 'import', tags => '{x,y}')";
    database.connect().await.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    let answer = web.get("/v1/runs/a").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["metadata"], json!({"progress": 0.5}));
    assert_eq!(answer.body["tags"], json!(["x", "y"]));
    let answer = web.get("/v1/runs/b").await;
    assert_eq!(
        answer.body,
        json!({
            "type": "about:blank", "title": "no such run", "status": 404, "detail": "no such run: \"b\"",
            "hint": "Start it with POST /v1/runs.", "sqlstate": "P0002",
        })
    );
}

#[tokio::test]
async fn run_is_started_changed_and_finished() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let new = json!({"id": "a", "task": "import", "tags": ["csv"], "status": "queued", "metadata": {"n": 1}});
    let made = web.post("/v1/runs", new.clone()).await;
    assert_eq!((made.status, &made.body["status"]), (201, &json!("queued")));
    assert_eq!(web.post("/v1/runs", new).await.status, 200);
    let child = json!({"id": "b", "parent": "a"});
    assert_eq!(web.post("/v1/runs", child).await.body["root_id"], "a");
    let running = web
        .post("/v1/runs/a/status", json!({"status": "running"}))
        .await;
    assert_eq!(running.body["status"], "running", "{running:?}");
    let lists = json!({
        "operations": [{"type": "set", "key": "k", "value": [1]}, {"type": "remove", "key": "none", "value": 1}],
        "parentOperations": [{"type": "increment", "key": "n", "value": 2}],
        "rootOperations": [{"type": "append", "key": "log", "value": "one"}],
    });
    let changed = web.post("/v1/runs/b/operations", lists).await;
    assert_eq!(
        changed.body,
        json!({"results": [
            {"run": "b", "target": "self", "outcome": "applied", "version": 2, "unapplied": [{"index": 1, "reason": "not_an_array"}]},
            {"run": "b", "target": "parent", "outcome": "applied", "version": 3, "unapplied": []},
            {"run": "b", "target": "root", "outcome": "applied", "version": 3, "unapplied": []},
        ]})
    );
    // What was answered is read.
    assert_eq!(
        web.get("/v1/runs/a").await.body["metadata"],
        json!({"n": 3, "log": ["one"]})
    );
    let many = json!([
        {"run": "a", "operations": [{"type": "set", "key": "done", "value": true}]},
        {"run": "nothing", "operations": [{"type": "set", "key": "done", "value": true}]},
    ]);
    let results = web.post("/v1/operations", many).await;
    let outcomes: Vec<&Value> = results.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["outcome"])
        .collect();
    assert_eq!(outcomes, ["applied", "not_found"], "{results:?}");
    let finished = web.post("/v1/runs/a/finish", json!({})).await;
    assert_eq!(finished.body["status"], "completed");
    let again = web
        .post("/v1/runs/a/finish", json!({"status": "failed"}))
        .await;
    assert_eq!(
        (again.status, &again.body["sqlstate"]),
        (409, &json!("55000")),
        "{again:?}"
    );
    let again = web.post("/v1/runs", json!({"id": "a"})).await;
    assert_eq!(
        (again.status, &again.body["sqlstate"]),
        (409, &json!("55000")),
        "{again:?}"
    );
    let orphan = web
        .post("/v1/runs", json!({"id": "c", "parent": "nothing"}))
        .await;
    assert_eq!(
        (orphan.status, &orphan.body["sqlstate"]),
        (404, &json!("P0002")),
        "{orphan:?}"
    );
}

#[tokio::test]
async fn list_is_filtered_sorted_and_paged() {
    let database = Database::new().await;
    let client = database.connect().await;
    let setup = "SELECT runmeta.start(format('r%s', to_char(n, 'FM00')), jsonb_build_object('n', n, 'big', repeat('x', 100)),
            task => CASE n % 3 WHEN 0 THEN 'Import' WHEN 1 THEN 'export' END, tags => CASE n % 2 WHEN 0 THEN '{even}'::text[] ELSE '{}' END)
        FROM generate_series(1, 20) AS n;
        SELECT runmeta.start('child', parent_run_id => 'r01');
        SELECT runmeta.finish('r03'); SELECT runmeta.finish('r06', 'failed');
        UPDATE runmeta.run SET created_at = '2026-01-01Z'::timestamptz + interval '1 minute' * (CASE WHEN id = 'child' THEN 30 ELSE substr(id, 2)::int END / 2)";
    client.batch_execute(setup).await.unwrap();
    let web = Web::start(&database).await;
    for (query, expected) in [
        ("limit=4", "r20 child r19 r18"),
        ("sort=id&limit=3", "child r01 r02"),
        ("tag=even&sort=-id&limit=3", "r20 r18 r16"),
        ("task=export&sort=id&limit=2", "r01 r04"),
        ("root=r01&sort=id", "child r01"),
        ("finished=true&sort=id", "r03 r06"),
        ("status=failed,completed&sort=-id", "r06 r03"),
        ("finished=false&sort=id&limit=2", "child r01"),
        ("text=IMPO&sort=id&limit=2", "r03 r06"),
        ("text=R1&sort=id&limit=2", "r10 r11"),
        ("text=even&sort=id&limit=1", "r02"),
        ("text=100%25", ""),
        ("roots=true&sort=id&limit=1", "r01"),
        (
            "sort=-finished&limit=19",
            "r20 r19 r18 r17 r16 r15 r14 r13 r12 r11 r10 r09 r08 r07 r05 r04 r02 r01 child",
        ),
        ("sort=finished&limit=2", "r03 r06"),
        ("sort=task&limit=1", "child"),
        ("sort=-status&limit=1", "r20"),
    ] {
        let answer = web.get(&format!("/v1/runs?{query}")).await;
        let found = ids(&answer).join(" ");
        // A child with the time of others in between: its place among them is by id.
        if query == "limit=4" {
            assert_eq!(ids(&answer).len(), 4);
            continue;
        }
        assert_eq!(found, expected, "{query}");
    }
    for sort in [
        "created", "updated", "finished", "id", "task", "status", "duration",
    ] {
        for sort in [sort.to_owned(), format!("-{sort}")] {
            let whole = web.get(&format!("/v1/runs?sort={sort}&limit=500")).await;
            assert_eq!((ids(&whole).len(), &whole.body["next"]), (21, &Value::Null));
            let (mut found, mut after, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                let page = web
                    .get(&format!("/v1/runs?sort={sort}&limit=5{after}&select=n"))
                    .await;
                found.extend(ids(&page).into_iter().map(str::to_owned));
                pages += 1;
                match page.body["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => break,
                }
            }
            assert_eq!(
                (found, pages),
                (ids(&whole).into_iter().map(str::to_owned).collect(), 5),
                "{sort}"
            );
        }
    }
    let selected = web.get("/v1/runs?text=r07&select=n,$.none").await;
    assert_eq!(selected.body["runs"][0]["metadata"], json!({"n": 7}));
    let selected = web.get("/v1/runs?text=r07&select=").await;
    assert_eq!(selected.body["runs"][0]["metadata"], json!({}));
    for bad in [
        "limit=0",
        "limit=501",
        "limit=x",
        "sort=size",
        "after=x",
        "colour=red",
        "select=$.",
        "finished=maybe",
    ] {
        assert_eq!(
            web.get(&format!("/v1/runs?{bad}")).await.status,
            400,
            "{bad}"
        );
    }
    let next = web.get("/v1/runs?sort=id&limit=1").await.body["next"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        web.get(&format!("/v1/runs?sort=task&after={next}"))
            .await
            .status,
        400
    );
    assert_eq!(
        ids(&web.get(&format!("/v1/runs?after={next}&limit=1")).await),
        ["r01"]
    );
}

#[tokio::test]
async fn page_of_large_documents_ends_early() {
    let database = Database::new().await;
    let client = database.connect().await;
    let setup = "SET runmeta.maximum_size = '2MB'; SELECT runmeta.start(n::text, jsonb_build_object('text', repeat('x', 1000000))) FROM generate_series(1, 20) AS n";
    client.batch_execute(setup).await.unwrap();
    let web = Web::start(&database).await;
    let first = web.get("/v1/runs?limit=20").await;
    assert_eq!(ids(&first).len(), 9);
    let next = first.body["next"].as_str().unwrap();
    assert_eq!(
        ids(&web.get(&format!("/v1/runs?limit=20&after={next}")).await).len(),
        9
    );
}

#[tokio::test]
async fn tree_rollup_and_tasks_are_read() {
    let database = Database::new().await;
    let client = database.connect().await;
    let setup = "SELECT runmeta.start('a', task => 'import');
        SELECT runmeta.start('b', '{\"n\": 1.5}', parent_run_id => 'a', task => 'part');
        SELECT runmeta.start('c', '{\"n\": 2}', parent_run_id => 'b', task => 'part', status => 'queued');
        SELECT runmeta.start('d', '{\"n\": \"x\"}', parent_run_id => 'a', task => 'part');
        SELECT runmeta.finish('b'); SELECT runmeta.finish('d', 'failed')";
    client.batch_execute(setup).await.unwrap();
    let web = Web::start(&database).await;
    let tree = web.get("/v1/runs/a/tree?select=n").await;
    assert_eq!(ids(&tree), ["a", "b", "c", "d"]);
    let columns = |name: &str| {
        tree.body["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run[name].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(columns("depth"), [0, 1, 2, 1]);
    assert_eq!(columns("root_id"), ["a"; 4]);
    assert_eq!(tree.body["truncated"], false);
    let below = web.get("/v1/runs/b/tree").await;
    assert_eq!(
        (ids(&below), &below.body["runs"][1]["depth"]),
        (vec!["b", "c"], &json!(2))
    );
    let cut = web.get("/v1/runs/a/tree?limit=2").await;
    assert_eq!(
        (ids(&cut), &cut.body["truncated"]),
        (vec!["a", "b"], &json!(true))
    );
    assert_eq!(web.get("/v1/runs/nothing/tree").await.status, 404);
    let rollup = web.get("/v1/runs/a/rollup?key=n").await;
    assert_eq!(
        rollup.body,
        json!({"count": 2, "sum": 3.5, "min": 1.5, "max": 2, "average": rollup.body["average"], "missing": 0, "not_numbers": 1})
    );
    assert_eq!(
        web.get("/v1/runs/a/rollup?key=n&depth=1&task=part")
            .await
            .body["count"],
        1
    );
    for bad in ["", "?key=n&depth=0", "?key=$.", "?key=n&depth=x"] {
        assert_eq!(
            web.get(&format!("/v1/runs/a/rollup{bad}")).await.status,
            400,
            "{bad}"
        );
    }
    let tasks = web.get("/v1/tasks").await;
    let part = &tasks.body["tasks"][1];
    assert_eq!(
        [
            &part["task"],
            &part["runs"],
            &part["queued"],
            &part["running"],
            &part["completed"],
            &part["failed"],
            &part["unfinished"]
        ],
        [
            &json!("part"),
            &json!(3),
            &json!(1),
            &json!(0),
            &json!(1),
            &json!(1),
            &json!(1)
        ]
    );
    let task = web.get("/v1/tasks/part?hours=2").await;
    let sum = |name: &str| {
        task.body["buckets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one[name].as_i64().unwrap())
            .sum::<i64>()
    };
    assert_eq!(task.body["buckets"].as_array().unwrap().len(), 48);
    assert_eq!(
        (sum("started"), sum("completed"), sum("failed")),
        (3, 1, 1),
        "{task:?}"
    );
    let at = task.body["buckets"][0]["at"].as_str().unwrap();
    // Of two hours, each has 150 s.
    assert!(
        at.ends_with(":00.000000Z") || at.ends_with(":30.000000Z"),
        "{at}"
    );
    assert_eq!(web.get("/v1/tasks/part?hours=0").await.status, 400);
}

#[tokio::test]
async fn pages_of_health_need_no_key() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(
            reqwest::get(web.url(path)).await.unwrap().status(),
            200,
            "{path}"
        );
    }
    assert_eq!(web.get("/nothing").await.status, 404);
    assert_eq!(
        web.request(reqwest::Method::DELETE, "/v1/runs/a")
            .send()
            .await
            .unwrap()
            .status(),
        405
    );
}

#[tokio::test]
async fn worker_of_an_older_attempt_is_refused() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    web.post("/v1/runs", json!({"id": "a", "attempt": 2})).await;
    for (path, body) in [
        ("status", json!({"status": "paused", "attempt": 1})),
        ("finish", json!({"attempt": 1})),
    ] {
        let path = format!("/v1/runs/a/{path}");
        let late = web.post(&path, body.clone()).await;
        let refused = (late.status, &late.body["sqlstate"]);
        assert_eq!(refused, (409, &json!("55000")), "{late:?}");
        let mut body = body;
        body["attempt"] = json!(2);
        assert_eq!(web.post(&path, body).await.status, 200);
    }
}
