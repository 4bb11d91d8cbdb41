//! The roles `runmeta_reader` and `runmeta_writer` belong to the whole cluster, so that each test here has a server of
//! its own: who may make them, who was first, and who may give them to others.

use tokio_postgres::Client;

use crate::harness::{OwnServer, merged_output, postgres_program, refusal, rows};

/// Starts a server with roles, and a database `app` that belongs to one of them, `alice`.
async fn server_with(roles: &str) -> (OwnServer, Client) {
    let server = OwnServer::bare().await;
    let administrator = server.connect("postgres").await;
    administrator.batch_execute(roles).await.unwrap();
    administrator
        .batch_execute("CREATE DATABASE app OWNER alice")
        .await
        .unwrap();
    (server, administrator)
}

async fn migrate(client: &mut Client) -> Result<String, String> {
    match runmeta_migrations::migrate(client).await {
        Ok(report) => Ok(report.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn role_that_somebody_made_first_to_log_in_with_is_refused() {
    let (server, administrator) = server_with(
        "CREATE ROLE alice LOGIN; CREATE ROLE mallory CREATEROLE;
        SET SESSION AUTHORIZATION mallory; CREATE ROLE runmeta_reader; CREATE ROLE runmeta_writer LOGIN PASSWORD 'mine';
        RESET SESSION AUTHORIZATION",
    )
    .await;
    let mut alice = server.connect_as("alice", "app").await;
    insta::assert_snapshot!(migrate(&mut alice).await.unwrap_err(), @r#"
    role "runmeta_writer" exists with LOGIN
    DETAIL: Whoever made it may not be whom the runs of this database are for. The role is to hold rights, and nothing else.
    HINT: Find out who made it. Then drop it, or have an administrator run: ALTER ROLE runmeta_writer NOLOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS; Applications log in as roles of their own, to which it is granted.
    "#);
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'runmeta'";
    assert_eq!(rows(&alice, left).await, "0");

    for attributes in [
        "SUPERUSER",
        "CREATEROLE",
        "CREATEDB",
        "REPLICATION",
        "BYPASSRLS",
    ] {
        let change = format!("ALTER ROLE runmeta_writer NOLOGIN {attributes}");
        administrator.batch_execute(&change).await.unwrap();
        let refused = migrate(&mut alice).await.unwrap_err();
        let expected = format!("role \"runmeta_writer\" exists with {attributes}\n");
        assert!(refused.starts_with(&expected), "{refused}");
        let change = format!("ALTER ROLE runmeta_writer NO{attributes}");
        administrator.batch_execute(&change).await.unwrap();
    }
    migrate(&mut alice).await.unwrap();

    // What an administrator makes of it later must not stop a program that migrates whenever it starts.
    administrator
        .batch_execute("ALTER ROLE runmeta_writer LOGIN")
        .await
        .unwrap();
    let done = migrate(&mut alice).await.unwrap();
    assert_eq!(done, "the database is up to date");
}

#[tokio::test]
async fn members_of_a_role_that_is_there_are_named_before_they_get_rights() {
    let (server, _administrator) = server_with(
        "CREATE ROLE alice; CREATE ROLE \"Mallory\"; CREATE ROLE runmeta_reader; CREATE ROLE runmeta_writer;
        GRANT runmeta_writer TO \"Mallory\"; GRANT runmeta_writer TO postgres; GRANT runmeta_writer TO alice WITH ADMIN OPTION",
    )
    .await;
    let mut plan_client = server.connect_as("alice", "app").await;
    let plan = runmeta_migrations::plan(&mut plan_client).await.unwrap();
    let (url, _) = server.url().rsplit_once('/').unwrap();
    let mut psql = postgres_program("psql");
    psql.args(["--no-psqlrc", "--quiet", &format!("{url}/app")]);
    let script = format!("SET SESSION AUTHORIZATION alice;\n{plan}");
    let (output, status) = merged_output(psql, &script);
    assert!(status.success(), "{output}");
    let named = "role \"runmeta_writer\" exists, and its members have its rights in this database too: \"Mallory\"\n";
    assert!(output.contains(named), "{output}");
    assert!(!output.contains("runmeta_reader"), "{output}");
}

/// Logs a new role in, writes as it, and takes it away again.
async fn let_a_worker_in(server: &OwnServer, grantor: &Client, role: &str) -> Result<(), String> {
    let grant = format!("GRANT runmeta_writer TO {role}");
    if let Err(error) = grantor.batch_execute(&grant).await {
        return Err(refusal::<()>(Err(error)));
    }
    let worker = server.connect_as(role, "app").await;
    let write = "SELECT runmeta.start('run'), runmeta.increment('run', 'n')";
    worker
        .batch_execute(write)
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}

#[tokio::test]
async fn owner_who_may_create_roles_lets_others_in() {
    let (server, _administrator) = server_with("CREATE ROLE alice CREATEROLE").await;
    let mut alice = server.connect_as("alice", "app").await;
    migrate(&mut alice).await.unwrap();
    alice
        .batch_execute("CREATE ROLE import_worker LOGIN")
        .await
        .unwrap();
    let_a_worker_in(&server, &alice, "import_worker")
        .await
        .unwrap();
}

#[tokio::test]
async fn owner_who_may_not_create_roles_lets_others_in_with_the_admin_option() {
    let (server, administrator) =
        server_with("CREATE ROLE alice; CREATE ROLE import_worker LOGIN").await;
    let mut alice = server.connect_as("alice", "app").await;
    let refused = migrate(&mut alice).await.unwrap_err();
    let (_, hint) = refused
        .split_once("HINT: Have an administrator run: ")
        .unwrap();
    // Roles without the admin option suffice to migrate, and not to let others in.
    let (roles, admin_option) = hint.split_at(hint.find("GRANT").unwrap());
    administrator.batch_execute(roles).await.unwrap();
    migrate(&mut alice).await.unwrap();
    let refused = let_a_worker_in(&server, &alice, "import_worker").await;
    assert!(refused.unwrap_err().starts_with("42501: "));
    administrator.batch_execute(admin_option).await.unwrap();
    let_a_worker_in(&server, &alice, "import_worker")
        .await
        .unwrap();
}

#[tokio::test]
async fn from_postgres_16_on_creating_roles_is_not_enough_where_another_made_ours() {
    let (server, administrator) = server_with(
        "CREATE ROLE alice CREATEROLE; CREATE ROLE runmeta_reader; CREATE ROLE runmeta_writer",
    )
    .await;
    let mut alice = server.connect_as("alice", "app").await;
    migrate(&mut alice).await.unwrap();
    alice
        .batch_execute("CREATE ROLE import_worker LOGIN")
        .await
        .unwrap();
    let first = let_a_worker_in(&server, &alice, "import_worker").await;
    let version = rows(&alice, "SHOW server_version_num").await;
    if version.parse::<i32>().unwrap() < 160_000 {
        first.unwrap();
        return;
    }
    assert!(first.unwrap_err().starts_with("42501: "));
    administrator
        .batch_execute("GRANT runmeta_reader, runmeta_writer TO alice WITH ADMIN OPTION")
        .await
        .unwrap();
    let_a_worker_in(&server, &alice, "import_worker")
        .await
        .unwrap();
}
