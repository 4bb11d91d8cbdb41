//! Who may read and change which runs.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, KEY, Web, now, sign};
use crate::harness::{Database, Role};

/// Starts a root `a` of task `import` with tag `x`, a child `b` of it, and a run `c` on its own.
async fn with_runs() -> (Database, Web) {
    let database = Database::new().await;
    let start = "SELECT runmeta.start('a', task => 'import', tags => '{x}');
        SELECT runmeta.start('b', parent_run_id => 'a', tags => '{y}');
        SELECT runmeta.start('c', task => 'export', tags => '{x:y}')";
    database.connect().await.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    (database, web)
}

async fn status(web: &Web, key: &str, path: &str) -> u16 {
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
        assert_eq!(web.get(path).await.status == 401, false, "{path}");
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
    let b = web.get_as(&token, "/v1/runs/b").await;
    let nothing = web.get_as(&token, "/v1/runs/nothing").await;
    assert_eq!((b.status, &b.body), (403, &nothing.body));
    for path in ["/v1/runs/b/operations", "/v1/runs/b/finish"] {
        let there = web.post_as(&token, path, json!({})).await;
        let missing = web
            .post_as(&token, &path.replace("/b/", "/nothing/"), json!({}))
            .await;
        assert_eq!((there.status, there.body), (403, missing.body));
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
async fn row_level_security_holds_through_the_gateway() {
    let database = Database::new().await;
    let role = Role::new();
    let client = database.connect().await;
    let setup = format!(
        "GRANT runmeta_reader, runmeta_writer TO {role};
        ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON runmeta.run TO {role} USING (tags @> ARRAY[current_setting('app.tenant')])",
        role = role.quoted()
    );
    client.batch_execute(&setup).await.unwrap();
    let start = "SELECT runmeta.start('a', tags => '{one}'); SELECT runmeta.start('b', tags => '{two two}')";
    client.batch_execute(start).await.unwrap();
    let file = std::env::temp_dir().join(format!("{}.toml", role.name()));
    let key = |name: &str, tenant: &str| {
        format!(
            "[[key]]\nname = \"{name}\"\nsecret = \"the-secret-key-of-{name:-<20}\"\nrole = \"{}\"\nsettings = {{ \"app.tenant\" = \"{tenant}\" }}\n",
            role.name()
        )
    };
    std::fs::write(&file, key("one", "one") + &key("two", "two two")).unwrap();
    let web = Web::with(&database, |config| {
        config.keys = runmeta_web::Keys::File(file.clone())
    })
    .await;
    std::fs::remove_file(&file).unwrap();
    let secret = |name: &str| format!("the-secret-key-of-{name:-<20}");
    for (name, own, other) in [("one", "a", "b"), ("two", "b", "a")] {
        let key = secret(name);
        assert_eq!(status(&web, &key, &format!("/v1/runs/{own}")).await, 200);
        assert_eq!(status(&web, &key, &format!("/v1/runs/{other}")).await, 404);
        let list = web.get_as(&key, "/v1/runs").await;
        let ids: Vec<&Value> = list.body["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| &run["id"])
            .collect();
        assert_eq!(ids, [own]);
        // A token has no more rights than its key.
        let token = sign(&key, json!({"scopes": ["read:all"], "exp": now() + 60}));
        assert_eq!(
            status(&web, &token, &format!("/v1/runs/{other}")).await,
            404
        );
        let body = json!({"operations": [{"type": "set", "key": "k", "value": 1}]});
        let refused = web
            .post_as(&key, &format!("/v1/runs/{other}/operations"), body)
            .await;
        assert_eq!(refused.status, 404, "{refused:?}");
    }
    web.ended_now().await;
    client
        .batch_execute(&format!("DROP OWNED BY {}", role.quoted()))
        .await
        .unwrap();
    drop(client);
    drop(database);
}

#[tokio::test]
async fn key_that_is_taken_away_is_refused_with_its_tokens() {
    let database = Database::new().await;
    let file = std::env::temp_dir().join(format!("runmeta-keys-{}.toml", uuid::Uuid::new_v4()));
    let entry = |name: &str| {
        format!("[[key]]\nname = \"{name}\"\nsecret = \"{name}-secret-of-many-letters\"\n")
    };
    std::fs::write(&file, entry("old") + &entry("new")).unwrap();
    let web = Web::with(&database, |config| {
        config.keys = runmeta_web::Keys::File(file.clone())
    })
    .await;
    let (old, new) = ("old-secret-of-many-letters", "new-secret-of-many-letters");
    let token = sign(old, json!({"scopes": ["read:runs"], "exp": now() + 60}));
    for key in [old, new, &token] {
        assert_eq!(status(&web, key, "/v1/runs").await, 200);
    }
    std::fs::write(&file, entry("new")).unwrap();
    web.gateway().reload_keys().unwrap();
    assert_eq!(status(&web, old, "/v1/runs").await, 401);
    assert_eq!(status(&web, &token, "/v1/runs").await, 401);
    assert_eq!(status(&web, new, "/v1/runs").await, 200);
    // A file with a mistake changes nothing.
    std::fs::write(&file, "[[key]]\nsecret = \"something-nobody-should-read").unwrap();
    let error = web.gateway().reload_keys().unwrap_err();
    assert!(
        !format!("{error} {error:?}").contains("nobody"),
        "{error:?}"
    );
    assert_eq!(status(&web, new, "/v1/runs").await, 200);
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn read_only_key_changes_nothing() {
    let database = Database::new().await;
    let file = std::env::temp_dir().join(format!("runmeta-keys-{}.toml", uuid::Uuid::new_v4()));
    std::fs::write(
        &file,
        format!("[[key]]\nname = \"reader\"\nsecret = \"{KEY}\"\nread_only = true"),
    )
    .unwrap();
    let web = Web::with(&database, |config| {
        config.keys = runmeta_web::Keys::File(file.clone())
    })
    .await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(web.post("/v1/runs", json!({"id": "a"})).await.status, 403);
    let token = web.token(&["write:all"]);
    assert_eq!(
        web.post_as(&token, "/v1/runs", json!({"id": "a"}))
            .await
            .status,
        403
    );
    assert_eq!(web.get("/v1/runs").await.body["runs"], json!([]));
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
async fn keys_that_could_be_guessed_or_mixed_up_are_refused() {
    let database = Database::new().await;
    let start = async |list: &str| {
        let config =
            runmeta_web::Config::new(database.url(), runmeta_web::Keys::List(list.to_owned()));
        runmeta_web::Server::bind(config)
            .await
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(start("").await, "there is no secret key");
    assert_eq!(start(" , ").await, "there is no secret key");
    assert_eq!(
        start(&format!("{KEY},too-short")).await,
        "secret key 2 is shorter than 24 characters"
    );
    assert_eq!(
        start(&format!("{KEY},{KEY}")).await,
        "secret key 2 has the name or the secret of one before it"
    );
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let config = runmeta_web::Config::new(
        "postgres://u:password@h/d",
        runmeta_web::Keys::List(KEY.to_owned()),
    );
    let shown = format!("{config:?}");
    assert!(
        !shown.contains(KEY) && !shown.contains("password"),
        "{shown}"
    );
    let metrics: Answer = web.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(!metrics.body.to_string().contains(KEY));
    assert_eq!(
        status(&web, &web.token(&["read:all", "write:all"]), "/metrics").await,
        403
    );
}
