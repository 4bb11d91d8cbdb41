//! Secret keys: what they carry, and how they come and go.

use reqwest::Method;
use serde_json::{Value, json};

use super::auth::status;
use super::{Answer, KEY, Web, now, sign};
use crate::harness::{Database, Role, until, until_one_waits};

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
async fn connections_that_no_key_has_any_more_are_closed_after_what_they_do() {
    let database = Database::new().await;
    let server = database.connect().await;
    let start = "SELECT runmeta.start('a')";
    server.batch_execute(start).await.unwrap();
    let lock = "BEGIN; SELECT FROM runmeta.run WHERE root_id = 'a' AND id = 'a' FOR UPDATE";
    server.batch_execute(lock).await.unwrap();
    let file = std::env::temp_dir().join(format!("runmeta-keys-{}.toml", uuid::Uuid::new_v4()));
    let write = |tenant: usize| {
        let entry = format!(
            "[[key]]\nname = \"one\"\nsecret = \"{KEY}\"\nsettings = {{ \"app.tenant\" = \"{tenant}\" }}\n"
        );
        std::fs::write(&file, entry).unwrap();
    };
    write(0);
    let web = Web::with(&database, |config| {
        config.keys = runmeta_web::Keys::File(file.clone())
    })
    .await;
    let increment = json!({"operations": [{"type": "increment", "key": "n"}]});
    let request = web.request(Method::POST, "/v1/runs/a/operations");
    let waiting = tokio::spawn(request.json(&increment).send());
    let observer = database.connect().await;
    until_one_waits(&observer, "runmeta serve").await;
    for tenant in 1..=3 {
        write(tenant);
        web.gateway().reload_keys().unwrap();
        for key in [KEY, &web.token(&["read:all"])] {
            assert_eq!(status(&web, key, "/v1/runs/a").await, 200);
        }
    }
    std::fs::remove_file(&file).unwrap();
    server.batch_execute("COMMIT").await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    // Of the key and its tokens, each has one for batches, and one that has read.
    until(
        &observer,
        "SELECT count(*) = 4 FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'runmeta serve%'",
    )
    .await;
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
async fn metrics_are_for_their_own_key_and_for_those_of_no_role() {
    let database = Database::new().await;
    let file = std::env::temp_dir().join(format!("runmeta-keys-{}.toml", uuid::Uuid::new_v4()));
    let (prometheus, tenant) = ("prometheus ".repeat(4), "tenant ".repeat(4));
    let (prometheus, tenant) = (prometheus.trim(), tenant.trim());
    std::fs::write(
        &file,
        format!(
            "[[key]]\nname = \"all\"\nsecret = \"{KEY}\"\n
             [[key]]\nname = \"prometheus\"\nsecret = \"{prometheus}\"\nmetrics = true\n
             [[key]]\nname = \"tenant\"\nsecret = \"{tenant}\"\nrole = \"runmeta_reader\""
        ),
    )
    .unwrap();
    let web = Web::with(&database, |config| {
        config.keys = runmeta_web::Keys::File(file.clone())
    })
    .await;
    std::fs::remove_file(&file).unwrap();
    for (key, path, expected) in [
        (KEY, "/metrics", 200),
        (prometheus, "/metrics", 200),
        (prometheus, "/v1/runs", 403),
        (prometheus, "/v1/runs/metrics", 403),
        (tenant, "/metrics", 403),
        (tenant, "/v1/runs", 200),
    ] {
        assert_eq!(status(&web, key, path).await, expected, "{key} {path}");
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
