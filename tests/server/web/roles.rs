//! Keys whose role or settings the database refuses.

use std::path::PathBuf;

use serde_json::json;

use super::auth::status;
use super::{KEY, Web, now, sign};
use crate::cli::program;
use crate::harness::{Database, Printing, Role};

/// Writes a file of keys: `works`, one whose role is not there, and one with a setting that cannot be.
fn file(missing: &str) -> PathBuf {
    let file = std::env::temp_dir().join(format!("runmeta-keys-{}.toml", uuid::Uuid::new_v4()));
    let keys = format!(
        "[[key]]\nname = \"works\"\nsecret = \"{KEY}\"\nrole = \"runmeta_reader\"\n
         [[key]]\nname = \"tenant-7\"\nsecret = \"{}\"\nrole = \"{missing}\"\n
         [[key]]\nname = \"tenant-8\"\nsecret = \"{}\"\nsettings = {{ work_mem = \"much\" }}\n",
        secret(7),
        secret(8),
    );
    std::fs::write(&file, keys).unwrap();
    file
}

fn secret(tenant: u32) -> String {
    format!("the-secret-key-of-tenant-{tenant}")
}

#[tokio::test]
async fn key_that_the_database_refuses_is_told_why_and_keeps_no_other_out() {
    let role = Role::new();
    let missing = format!("{}_later", role.name());
    let database = Database::new().await;
    let file = file(&missing);
    let web = Web::with(&database, |config| {
        config.keys = runmeta_web::Keys::File(file.clone())
    })
    .await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(web.gateway().try_keys().await, ["tenant-7", "tenant-8"]);
    assert_eq!(status(&web, KEY, "/v1/runs").await, 200);

    let refused = web.get_as(&secret(7), "/v1/runs").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(
        refused.body["detail"],
        json!(format!(
            "the database refuses the role or the settings of the key \"tenant-7\": role \"{missing}\" does not exist"
        ))
    );
    assert_eq!(refused.body["sqlstate"], json!("22023"));
    assert!(refused.body["hint"].as_str().unwrap().contains("SIGHUP"));
    assert_eq!(refused.header("retry-after"), "5");
    let other = web.get_as(&secret(8), "/v1/runs/a/events").await;
    let detail = other.body["detail"].as_str().unwrap();
    assert!(detail.contains("\"work_mem\": \"much\""), "{detail}");

    // Pages with a token of the key do not learn what the database said.
    let token = sign(
        &secret(7),
        json!({"scopes": ["read:all"], "exp": now() + 60}),
    );
    let told = web.get_as(&token, "/v1/runs").await;
    assert_eq!(told.status, 503, "{told:?}");
    assert!(!told.body.to_string().contains(&missing), "{told:?}");

    // Once it is mended, the gateway needs no restart.
    let rename = format!(
        "ALTER ROLE {} RENAME TO \"{missing}\"; GRANT runmeta_reader TO \"{missing}\"",
        role.quoted()
    );
    let back = format!("ALTER ROLE \"{missing}\" RENAME TO {}", role.quoted());
    let server = database.connect().await;
    server.batch_execute(&rename).await.unwrap();
    let mended = status(&web, &secret(7), "/v1/runs").await;
    let tried = web.gateway().try_keys().await;
    server.batch_execute(&back).await.unwrap();
    assert_eq!(mended, 200);
    assert_eq!(tried, ["tenant-8"]);
    web.ended_now().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_tried_at_the_start_and_at_sighup() {
    let database = Database::new().await;
    let file = file("runmeta_role_that_is_not_there");
    let mut command = program();
    command
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--database-url",
            &database.url(),
            "--keys",
        ])
        .arg(&file);
    let gateway = Printing::of(command);
    for (name, why) in [
        (
            "tenant-7",
            "role \\\"runmeta_role_that_is_not_there\\\" does not exist",
        ),
        ("tenant-8", "invalid value for parameter \\\"work_mem\\\""),
    ] {
        gateway.until(&format!("\"key\":\"{name}\"")).await;
        let shown = gateway.shown();
        let line = shown.lines().find(|line| line.contains(name)).unwrap();
        for part in [
            "\"level\":\"ERROR\"",
            "\"sqlstate\":\"22023\"",
            "\"hint\":",
            why,
        ] {
            assert!(line.contains(part), "{line}");
        }
    }
    let keys = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, keys.replace("tenant-8", "tenant-9")).unwrap();
    gateway.hang_up();
    gateway.until("\"key\":\"tenant-9\"").await;
    std::fs::remove_file(&file).unwrap();
}
