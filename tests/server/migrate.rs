//! Migrating: by many at once, by those who may not, and where somebody else was first.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};

use crate::harness::{Database, merged_output, postgres_program, repository};

/// Makes a role that may log in and nothing else.
async fn new_role(client: &Client) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let role = format!("runmeta_test_migrator_{}_{count}", std::process::id());
    client
        .batch_execute(&format!("CREATE ROLE {role}"))
        .await
        .unwrap();
    role
}

async fn text(client: &Client, query: &str) -> String {
    client.query_one(query, &[]).await.unwrap().get(0)
}

async fn refusal(client: &mut Client) -> runmeta_migrations::Error {
    runmeta_migrations::migrate(client)
        .await
        .expect_err("the migration went through")
}

#[tokio::test]
async fn of_many_programs_at_once_one_migrates_and_the_others_find_nothing_to_do() {
    let database = Database::empty().await;
    let mut programs = Vec::new();
    for _ in 0..8 {
        let mut client = database.connect().await;
        programs.push(tokio::spawn(async move {
            runmeta_migrations::migrate(&mut client).await
        }));
    }
    let mut at_work = 0;
    for program in programs {
        at_work += usize::from(!program.await.unwrap().unwrap().is_empty());
    }
    assert_eq!(at_work, 1);
}

#[tokio::test]
async fn migrated_database_is_only_read() {
    let database = Database::new().await;
    let mut client = database.connect().await;
    let before = text(&client, "SELECT sum(xmin::text::int8)::text FROM pg_class").await;
    assert!(
        runmeta_migrations::migrate(&mut client)
            .await
            .unwrap()
            .is_empty()
    );
    let after = text(&client, "SELECT sum(xmin::text::int8)::text FROM pg_class").await;
    assert_eq!(before, after);
    assert!(
        runmeta_migrations::status(&mut client)
            .await
            .unwrap()
            .is_up_to_date()
    );
}

#[tokio::test]
async fn dry_run_is_a_script_that_does_the_same() {
    let database = Database::empty().await;
    let mut client = database.connect().await;
    let plan = runmeta_migrations::plan(&mut client).await.unwrap();
    assert!(!plan.is_up_to_date());
    assert!(
        !runmeta_migrations::status(&mut client)
            .await
            .unwrap()
            .is_up_to_date()
    );

    let mut psql = postgres_program("psql");
    psql.args([
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--set=ON_ERROR_STOP=1",
        &database.url(),
    ]);
    let (output, status) = merged_output(psql, &plan.to_string());
    assert!(status.success(), "{output}");
    assert!(
        runmeta_migrations::plan(&mut client)
            .await
            .unwrap()
            .is_up_to_date()
    );
    assert!(
        runmeta_migrations::migrate(&mut client)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn failed_migration_leaves_nothing_behind() {
    let database = Database::empty().await;
    let mut client = database.connect().await;
    // Stops the migration near its end, as a crash or an administrator might.
    client
        .batch_execute(
            "CREATE FUNCTION stop() RETURNS event_trigger LANGUAGE plpgsql AS
                $$BEGIN RAISE EXCEPTION 'stopped here' USING ERRCODE = '57014'; END$$;
            CREATE EVENT TRIGGER stop ON ddl_command_start WHEN TAG IN ('GRANT') EXECUTE FUNCTION stop()",
        )
        .await
        .unwrap();
    let error = refusal(&mut client).await;
    assert_eq!(error.message(), "stopped here");
    assert_eq!(error.code().unwrap().code(), "57014");
    let left = text(
        &client,
        "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'runmeta')
            || ' schemas, ' || (SELECT count(*) FROM pg_extension WHERE extname = 'runmeta') || ' extensions'",
    )
    .await;
    assert_eq!(left, "0 schemas, 0 extensions");

    client
        .batch_execute("DROP EVENT TRIGGER stop")
        .await
        .unwrap();
    assert_eq!(
        runmeta_migrations::migrate(&mut client)
            .await
            .unwrap()
            .applied,
        ["V1__run_and_writer", "V2__adapter"]
    );
}

#[tokio::test]
async fn owner_of_a_database_who_is_no_superuser_can_migrate_it() {
    let database = Database::empty().await;
    let client = database.connect().await;
    let owner = new_role(&client).await;
    let name = text(&client, "SELECT current_database()::text").await;
    client
        .batch_execute(&format!("ALTER DATABASE {name} OWNER TO {owner}"))
        .await
        .unwrap();
    // The roles are there, made by the template of the other tests.
    let _migrated_before = Database::new().await;

    let mut as_owner = database.connect_as(&owner).await;
    assert!(
        !runmeta_migrations::migrate(&mut as_owner)
            .await
            .unwrap()
            .is_empty()
    );
    let writer = database.connect_as("runmeta_writer").await;
    writer
        .batch_execute("SELECT runmeta.start('run_1'), runmeta.increment('run_1', 'n')")
        .await
        .unwrap();
    let reader = database.connect_as("runmeta_reader").await;
    assert_eq!(
        text(&reader, "SELECT runmeta.get('run_1')::text").await,
        r#"{"n": 1}"#
    );
    let view = "SELECT metadata::text FROM runmeta.live_run";
    assert_eq!(text(&reader, view).await, r#"{"n": 1}"#);
}

#[tokio::test]
async fn user_who_may_not_create_anything_is_told_who_may() {
    let database = Database::empty().await;
    let client = database.connect().await;
    let stranger = new_role(&client).await;
    let error = refusal(&mut database.connect_as(&stranger).await).await;
    assert_eq!(error.code().unwrap().code(), "42501");
    assert!(error.message().starts_with("permission denied"), "{error}");
    assert!(
        error.hint().unwrap().contains("owner of the database"),
        "{error}"
    );
}

/// Roles belong to the whole cluster, so that a cluster of its own is needed to see them missing.
#[tokio::test]
async fn missing_roles_are_made_or_asked_for() {
    let folder = format!("{}/roles", std::env::var("RUNMETA_CLUSTER_DIR").unwrap());
    let cluster = |command: &str| {
        let mut program = Command::new(repository("scripts/cluster"));
        program.args([command, &folder]);
        let (output, status) = merged_output(program, "");
        assert!(status.success(), "{output}");
        output.trim().to_owned()
    };
    let url = cluster("start");
    let (server, _) = url.rsplit_once('/').unwrap();
    let open = async |database: &str| {
        let (client, connection) = tokio_postgres::connect(&format!("{server}/{database}"), NoTls)
            .await
            .unwrap();
        tokio::spawn(async { drop(connection.await) });
        client
    };
    let administrator = open("postgres").await;
    administrator
        .batch_execute("CREATE ROLE app")
        .await
        .unwrap();
    administrator
        .batch_execute("CREATE DATABASE app OWNER app")
        .await
        .unwrap();

    let mut app = open("app").await;
    app.batch_execute("SET SESSION AUTHORIZATION app")
        .await
        .unwrap();
    let error = refusal(&mut app).await;
    assert_eq!(error.code().unwrap().code(), "42501");
    insta::assert_snapshot!(error, @r#"
    role "runmeta_reader" is missing and "app" may not create roles
    DETAIL: The roles "runmeta_reader" and "runmeta_writer" hold the rights on runs; they belong to the whole cluster.
    HINT: Have an administrator run: CREATE ROLE runmeta_reader NOLOGIN; CREATE ROLE runmeta_writer NOLOGIN; GRANT runmeta_reader, runmeta_writer TO app WITH ADMIN OPTION;
    "#);
    assert_eq!(
        text(
            &app,
            "SELECT count(*)::text FROM pg_namespace WHERE nspname = 'runmeta'"
        )
        .await,
        "0"
    );

    // Databases of one cluster that migrate at the same time all want to make the roles.
    let mut programs = Vec::new();
    for number in 0..4 {
        administrator
            .batch_execute(&format!("CREATE DATABASE database_{number}"))
            .await
            .unwrap();
        let mut client = open(&format!("database_{number}")).await;
        programs.push(tokio::spawn(async move {
            runmeta_migrations::migrate(&mut client).await
        }));
    }
    for program in programs {
        assert!(!program.await.unwrap().unwrap().is_empty());
    }
    assert!(
        !runmeta_migrations::migrate(&mut app)
            .await
            .unwrap()
            .is_empty()
    );
    drop((app, administrator));
    cluster("stop");
}

#[tokio::test]
async fn extension_that_was_dropped_comes_back_with_data_and_rights() {
    let database = Database::new().await;
    let mut client = database.connect().await;
    client
        .batch_execute("SELECT runmeta.start('run_1', '{\"n\": 1}')")
        .await
        .unwrap();
    client
        .batch_execute("DROP EXTENSION runmeta CASCADE")
        .await
        .unwrap();
    let report = runmeta_migrations::migrate(&mut client).await.unwrap();
    assert!(report.extension.is_some() && report.applied.is_empty());
    let reader = database.connect_as("runmeta_reader").await;
    assert_eq!(
        text(&reader, "SELECT runmeta.get('run_1')::text").await,
        r#"{"n": 1}"#
    );
    let view = "SELECT metadata::text FROM runmeta.live_run";
    assert_eq!(text(&reader, view).await, r#"{"n": 1}"#);
}

#[tokio::test]
async fn schema_that_another_role_made_is_refused() {
    let database = Database::empty().await;
    let mut client = database.connect().await;
    let mallory = new_role(&client).await;
    client
        .batch_execute(&format!("CREATE SCHEMA runmeta AUTHORIZATION {mallory}"))
        .await
        .unwrap();
    let error = refusal(&mut client).await;
    assert!(error.is_schema_taken());
    assert_eq!(
        error.message(),
        format!("schema \"runmeta\" belongs to role \"{mallory}\"")
    );
    assert!(
        runmeta_migrations::plan(&mut client)
            .await
            .unwrap_err()
            .is_schema_taken()
    );
}

#[tokio::test]
async fn function_that_another_role_planted_is_refused_before_and_after() {
    let database = Database::empty().await;
    let mut client = database.connect().await;
    let mallory = new_role(&client).await;
    let plant = format!(
        "CREATE SCHEMA IF NOT EXISTS runmeta;
        GRANT ALL ON SCHEMA runmeta TO {mallory};
        SET SESSION AUTHORIZATION {mallory};
        CREATE FUNCTION runmeta.get(run_id int) RETURNS int LANGUAGE sql AS 'SELECT 1';
        RESET SESSION AUTHORIZATION"
    );
    client.batch_execute(&plant).await.unwrap();
    let expected = "Among them: function runmeta.get(integer).";
    assert_eq!(refusal(&mut client).await.detail().unwrap(), expected);

    client
        .batch_execute("DROP SCHEMA runmeta CASCADE")
        .await
        .unwrap();
    runmeta_migrations::migrate(&mut client).await.unwrap();
    client.batch_execute(&plant).await.unwrap();
    assert_eq!(refusal(&mut client).await.detail().unwrap(), expected);
}

#[tokio::test]
async fn schema_that_holds_an_applications_own_tables_is_refused() {
    let database = Database::empty().await;
    let mut client = database.connect().await;
    client
        .batch_execute("CREATE SCHEMA runmeta; CREATE TABLE runmeta.run (id int)")
        .await
        .unwrap();
    let error = refusal(&mut client).await;
    assert!(error.is_schema_taken());
    assert_eq!(error.detail().unwrap(), "Among them: table runmeta.run.");

    client
        .batch_execute("DROP TABLE runmeta.run")
        .await
        .unwrap();
    runmeta_migrations::migrate(&mut client).await.unwrap();
}

#[tokio::test]
async fn hostile_search_path_is_harmless_and_stays_as_it_was() {
    let database = Database::empty().await;
    let mut client = database.connect().await;
    let mut hostile = String::from(
        "CREATE SCHEMA hostile;
        CREATE VIEW hostile.pg_roles AS SELECT 1 AS x;
        CREATE VIEW hostile.pg_extension AS SELECT 1 AS x;
        CREATE DOMAIN hostile.text AS pg_catalog.text CHECK (false);
        CREATE DOMAIN hostile.jsonb AS pg_catalog.jsonb CHECK (false);
        CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'planted now()'; END$$;",
    );
    for (left, right) in [
        ("text", "text"),
        ("int4", "int4"),
        ("bool", "bool"),
        ("name", "text"),
        ("oid", "oid"),
        ("\"char\"", "\"char\""),
    ] {
        let (left, right) = (format!("pg_catalog.{left}"), format!("pg_catalog.{right}"));
        hostile += &format!(
            "CREATE FUNCTION hostile.compare({left}, {right}) RETURNS bool LANGUAGE plpgsql AS
                $$BEGIN RAISE EXCEPTION 'planted operator for {left}'; END$$;"
        );
        for operator in ["=", "<>", ">", ">="] {
            hostile += &format!(
                "CREATE OPERATOR hostile.{operator} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = hostile.compare);"
            );
        }
    }
    client.batch_execute(&hostile).await.unwrap();
    client
        .batch_execute("SET search_path = hostile, pg_catalog, public")
        .await
        .unwrap();

    assert!(
        !runmeta_migrations::status(&mut client)
            .await
            .unwrap()
            .is_up_to_date()
    );
    assert!(
        !runmeta_migrations::migrate(&mut client)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        runmeta_migrations::plan(&mut client)
            .await
            .unwrap()
            .is_up_to_date()
    );
    assert_eq!(
        text(&client, "SHOW search_path").await,
        "hostile, pg_catalog, public"
    );
    let writer = database.connect_as("runmeta_writer").await;
    writer
        .batch_execute("SET search_path = pg_catalog; SELECT runmeta.start('run_1')")
        .await
        .unwrap();
}

#[tokio::test]
async fn default_privileges_give_nothing_away() {
    let database = Database::empty().await;
    let mut client = database.connect().await;
    client
        .batch_execute("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC")
        .await
        .unwrap();
    runmeta_migrations::migrate(&mut client).await.unwrap();
    let given = text(
        &client,
        "SELECT count(*)::text FROM pg_class, aclexplode(relacl)
        WHERE relnamespace = 'runmeta'::regnamespace AND grantee = 0",
    )
    .await;
    assert_eq!(given, "0");
}

#[tokio::test]
async fn database_of_a_newer_or_another_history_is_refused() {
    let database = Database::new().await;
    let mut client = database.connect().await;
    client
        .batch_execute(
            "INSERT INTO runmeta.schema_history VALUES (99, 'future', '2099-01-01T00:00:00Z', '1')",
        )
        .await
        .unwrap();
    let error = refusal(&mut client).await;
    assert!(error.is_newer(), "{error}");
    assert!(
        error
            .detail()
            .unwrap()
            .starts_with("The database is at migration 99,"),
        "{error}"
    );

    client
        .batch_execute("DELETE FROM runmeta.schema_history WHERE version = 99; UPDATE runmeta.schema_history SET checksum = '1'")
        .await
        .unwrap();
    assert!(refusal(&mut client).await.is_divergent());
}

#[tokio::test]
async fn database_that_is_not_utf8_is_refused() {
    let maintenance = Database::empty().await;
    let client = maintenance.connect().await;
    let name = format!("runmeta_test_latin1_{}", std::process::id());
    client
        .batch_execute(&format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
        ))
        .await
        .unwrap();
    let url = maintenance.url();
    let (server, _) = url.rsplit_once('/').unwrap();
    let (mut latin1, connection) = tokio_postgres::connect(&format!("{server}/{name}"), NoTls)
        .await
        .unwrap();
    tokio::spawn(async { drop(connection.await) });
    let error = refusal(&mut latin1).await;
    drop(latin1);
    client
        .batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
        .await
        .unwrap();
    assert!(error.is_server_unsuitable());
    assert_eq!(
        error.message(),
        "the encoding of the database is LATIN1, not UTF8"
    );
}
