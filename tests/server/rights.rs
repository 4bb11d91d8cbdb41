//! Installing gives nobody a right that he did not have: the extension's script runs as a superuser on behalf of whoever
//! may create in the database, in a schema that he may have filled.

use std::fs;

use tokio_postgres::Client;

use crate::harness::{Database, Role, refusal, repository, rows};

const OCCUPIED: &str = "55000: schema runmeta holds objects of others";

/// What a superuser may keep for himself: whoever may call it, can do all.
const HELPER: &str = "
    CREATE FUNCTION $schema.helper(command text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog AS 'BEGIN EXECUTE command; END';
    REVOKE ALL ON FUNCTION $schema.helper(text) FROM PUBLIC;";

async fn create_extension(client: &Client) -> String {
    refusal(client.batch_execute("CREATE EXTENSION runmeta").await)
}

/// Makes a role with a migrated database of its own.
pub async fn owner_of_a_migrated_database() -> (Role, Database) {
    let _roles_are_there = Database::new().await;
    let alice = Role::new();
    let database = Database::owned_by(&alice).await;
    let mut client = database.connect_as(alice.name()).await;
    runmeta_migrations::migrate(&mut client).await.unwrap();
    (alice, database)
}

#[tokio::test]
async fn function_that_a_superuser_keeps_in_the_schema_stays_his() {
    let (alice, database) = owner_of_a_migrated_database().await;
    let superuser = database.connect().await;
    superuser
        .batch_execute(&HELPER.replace("$schema", "runmeta"))
        .await
        .unwrap();

    let owner = database.connect_as(alice.name()).await;
    owner
        .batch_execute("DROP EXTENSION runmeta CASCADE")
        .await
        .unwrap();
    insta::assert_snapshot!(create_extension(&owner).await, @"
    55000: schema runmeta holds objects of others
    DETAIL: Among them: function runmeta.helper(text).
    HINT: Find out who made them, and move them to another schema or drop them.
    ");
    let attack = format!(
        "SELECT runmeta.helper('ALTER ROLE {} SUPERUSER')",
        alice.name()
    );
    let denied = refusal(owner.batch_execute(&attack).await);
    assert_eq!(denied, "42501: permission denied for function helper");

    superuser
        .batch_execute("CREATE SCHEMA mine; ALTER FUNCTION runmeta.helper(text) SET SCHEMA mine")
        .await
        .unwrap();
    owner
        .batch_execute("CREATE EXTENSION runmeta")
        .await
        .unwrap();
}

#[tokio::test]
async fn schema_public_does_not_become_ours_with_what_is_in_it() {
    let alice = Role::new();
    let database = Database::owned_by(&alice).await;
    let superuser = database.connect().await;
    let dblink = "SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'";
    if rows(&superuser, dblink).await == "1" {
        superuser
            .batch_execute("CREATE EXTENSION dblink SCHEMA public")
            .await
            .unwrap();
    } else {
        // dblink's own script revokes it from PUBLIC: it connects without a password, as the server's user.
        let stand_in = HELPER
            .replace("$schema", "public")
            .replace("helper", "dblink_connect_u");
        superuser.batch_execute(&stand_in).await.unwrap();
    }

    let owner = database.connect_as(alice.name()).await;
    let take = format!(
        "ALTER SCHEMA public OWNER TO {}; ALTER SCHEMA public RENAME TO runmeta",
        alice.name()
    );
    owner.batch_execute(&take).await.unwrap();
    let refused = create_extension(&owner).await;
    assert!(refused.starts_with(OCCUPIED), "{refused}");
    let call = "SELECT runmeta.dblink_connect_u('dbname=postgres')";
    let denied = refusal(owner.batch_execute(call).await);
    assert!(
        denied.starts_with("42501: permission denied for function dblink_connect_u"),
        "{denied}"
    );
}

#[tokio::test]
async fn schema_that_was_renamed_does_not_become_ours_with_what_is_in_it() {
    let alice = Role::new();
    let database = Database::owned_by(&alice).await;
    let owner = database.connect_as(alice.name()).await;
    owner.batch_execute("CREATE SCHEMA tools").await.unwrap();
    database
        .connect()
        .await
        .batch_execute(&HELPER.replace("$schema", "tools"))
        .await
        .unwrap();
    owner
        .batch_execute("ALTER SCHEMA tools RENAME TO runmeta")
        .await
        .unwrap();
    let refused = create_extension(&owner).await;
    assert!(refused.starts_with(OCCUPIED), "{refused}");
    let denied = refusal(owner.batch_execute("SELECT runmeta.helper('')").await);
    assert_eq!(denied, "42501: permission denied for function helper");
}

/// The check of the schema sees only what is committed before it. So the grants must be safe without it.
#[tokio::test]
async fn grants_are_for_members_of_the_extension_only() {
    let (alice, database) = owner_of_a_migrated_database().await;
    let superuser = database.connect().await;
    let planted = HELPER.replace("$schema", "runmeta")
        + "CREATE TYPE runmeta.secret AS ENUM ('a'); REVOKE ALL ON TYPE runmeta.secret FROM PUBLIC;
           CREATE FUNCTION runmeta.for_all() RETURNS int LANGUAGE sql AS 'SELECT 1';
           CREATE FUNCTION public.get(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
           REVOKE ALL ON FUNCTION public.get(int) FROM PUBLIC;
           CREATE FUNCTION runmeta._get(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
           REVOKE ALL ON FUNCTION runmeta._get(int) FROM PUBLIC;";
    superuser.batch_execute(&planted).await.unwrap();

    let script = fs::read_to_string(repository("extension/sql/privileges.sql")).unwrap();
    superuser.batch_execute(&script).await.unwrap();
    let mut migrating = database.connect_as(alice.name()).await;
    let refused = runmeta_migrations::migrate(&mut migrating).await;
    // A superuser's objects are no stranger's.
    assert!(refused.is_ok(), "{refused:?}");

    let rights = format!(
        "SELECT r.name, has_function_privilege(r.name, 'runmeta.helper(text)', 'EXECUTE'),
            has_function_privilege(r.name, 'public.get(int)', 'EXECUTE'),
            has_function_privilege(r.name, 'runmeta._get(int)', 'EXECUTE'),
            has_type_privilege(r.name, 'runmeta.secret', 'USAGE'),
            has_function_privilege(r.name, 'runmeta.for_all()', 'EXECUTE')
        FROM (VALUES ('{}'), ('runmeta_reader'), ('runmeta_writer')) AS r (name)",
        alice.name()
    );
    let expected = format!(
        "{} | f | f | f | f | t\nrunmeta_reader | f | f | f | f | t\nrunmeta_writer | f | f | f | f | t",
        alice.name()
    );
    assert_eq!(rows(&superuser, &rights).await, expected);
}

#[tokio::test]
async fn whatever_could_be_run_by_an_unqualified_name_is_refused() {
    let database = Database::empty().await;
    let client = database.connect().await;
    for (object, described) in [
        (
            "FUNCTION runmeta.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "function runmeta.f()",
        ),
        (
            "PROCEDURE runmeta.p() LANGUAGE sql AS ''",
            "function runmeta.p()",
        ),
        (
            "AGGREGATE runmeta.a(int) (SFUNC = int4pl, STYPE = int)",
            "function runmeta.a(integer)",
        ),
        (
            "OPERATOR runmeta.= (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)",
            "operator runmeta.=(text,text)",
        ),
        (
            "OPERATOR FAMILY runmeta.f USING btree",
            "operator family runmeta.f for access method btree",
        ),
        (
            "DOMAIN runmeta.text AS pg_catalog.text CHECK (false)",
            "type runmeta.text",
        ),
        ("TYPE runmeta.e AS ENUM ()", "type runmeta.e"),
        ("TYPE runmeta.c AS (a int)", "type runmeta.c"),
        (
            "TYPE runmeta.r AS RANGE (SUBTYPE = int)",
            "function runmeta.r(integer,integer)",
        ),
        ("COLLATION runmeta.c FROM \"C\"", "collation runmeta.c"),
        (
            "CONVERSION runmeta.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
            "conversion runmeta.c",
        ),
        (
            "TEXT SEARCH CONFIGURATION runmeta.t (PARSER = \"default\")",
            "text search configuration runmeta.t",
        ),
        (
            "TEXT SEARCH DICTIONARY runmeta.t (TEMPLATE = simple)",
            "text search dictionary runmeta.t",
        ),
    ] {
        client
            .batch_execute(&format!("CREATE SCHEMA runmeta; CREATE {object}"))
            .await
            .unwrap();
        let refused = create_extension(&client).await;
        assert!(
            refused.starts_with(&format!("{OCCUPIED}\nDETAIL: Among them: {described}")),
            "{object}: {refused}"
        );
        client
            .batch_execute("DROP SCHEMA runmeta CASCADE")
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn tables_and_what_belongs_to_tables_may_be_there() {
    let database = Database::empty().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "CREATE SCHEMA runmeta;
            CREATE TABLE runmeta.plain (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, b text UNIQUE CHECK (b <> ''));
            CREATE TABLE runmeta.parts (a int) PARTITION BY RANGE (a);
            CREATE TABLE runmeta.part PARTITION OF runmeta.parts DEFAULT;
            CREATE UNLOGGED TABLE runmeta.unlogged (big text);
            CREATE INDEX ON runmeta.parts (a);
            CREATE VIEW runmeta.view AS SELECT * FROM runmeta.plain;
            CREATE MATERIALIZED VIEW runmeta.materialized AS SELECT 1 AS a;
            CREATE SEQUENCE runmeta.sequence;
            CREATE STATISTICS runmeta.correlated ON a, b FROM runmeta.plain;
            ALTER DEFAULT PRIVILEGES IN SCHEMA runmeta GRANT SELECT ON TABLES TO pg_monitor;
            SET client_min_messages = error;
            CREATE PUBLICATION tables FOR TABLES IN SCHEMA runmeta;
            CREATE EXTENSION runmeta;
            DROP EXTENSION runmeta;
            CREATE EXTENSION runmeta",
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_installs_into_a_schema_in_which_he_may_not_create() {
    let mallory = Role::new();
    let (alice, database) = owner_of_a_migrated_database().await;
    let owner = database.connect_as(alice.name()).await;
    let open = format!(
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {}', current_database()); END $$;
        GRANT USAGE ON SCHEMA runmeta TO {0}; DROP EXTENSION runmeta CASCADE",
        mallory.name()
    );
    owner.batch_execute(&open).await.unwrap();
    let attacker = database.connect_as(mallory.name()).await;
    insta::assert_snapshot!(create_extension(&attacker).await, @"
    42501: permission denied for schema runmeta
    DETAIL: The role that installs the extension may not create objects in the schema.
    HINT: Install the extension as the owner of the schema.
    ");
    owner
        .batch_execute("CREATE EXTENSION runmeta")
        .await
        .unwrap();
}

/// A session may set all this without a right, and the script then runs with it.
#[tokio::test]
async fn settings_of_the_installer_change_nothing() {
    let alice = Role::new();
    let usual = Database::owned_by(&alice).await;
    let odd = Database::owned_by(&alice).await;
    let mut found = Vec::new();
    for (database, settings) in [
        (&usual, ""),
        (
            &odd,
            "SET standard_conforming_strings = off; SET backslash_quote = on; SET quote_all_identifiers = on;
            SET transform_null_equals = on; SET array_nulls = off; SET datestyle = 'German'; SET intervalstyle = 'iso_8601';
            SET bytea_output = 'escape'; SET check_function_bodies = on; SET plpgsql.extra_errors = 'all';
            SET default_transaction_isolation = serializable; SET enable_nestloop = off; SET enable_hashjoin = off;
            SET row_security = off; SET timezone = 'Asia/Kathmandu'; SET xmloption = document;
            CREATE TEMPORARY TABLE pg_extension (); CREATE TEMPORARY TABLE pg_depend ();
            CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (false);
            SET search_path = pg_temp, pg_catalog;",
        ),
    ] {
        let client = database.connect_as(alice.name()).await;
        client.batch_execute(settings).await.unwrap();
        let path = rows(&client, "SHOW search_path").await;
        client
            .batch_execute("CREATE EXTENSION runmeta")
            .await
            .unwrap();
        assert_eq!(rows(&client, "SHOW search_path").await, path);
        let functions = "SELECT p.oid::regprocedure, p.prosrc, p.proacl, p.provolatile, p.proconfig
            FROM pg_proc AS p WHERE p.pronamespace = 'runmeta'::regnamespace ORDER BY p.oid::regprocedure::text";
        found.push(rows(&database.connect().await, functions).await);
    }
    assert_eq!(found[0], found[1]);
    assert!(found[0].contains("runmeta.start"), "{}", found[0]);
}

#[tokio::test]
async fn owner_of_any_name_can_install_and_migrate() {
    let _roles_are_there = Database::new().await;
    for beginning in [
        "svc$app",
        "o'w",
        "o\"w",
        "Upper.Case",
        "back\\slash",
        "ünïcode ;--",
        "$privileges$",
        "select",
    ] {
        let owner = Role::named(beginning, "");
        let database = Database::owned_by(&owner).await;
        let mut client = database.connect_as(owner.name()).await;
        let migrated = runmeta_migrations::migrate(&mut client).await;
        assert!(migrated.is_ok(), "{beginning}: {migrated:?}");
        let grantable = format!(
            "SELECT bool_and(has_function_privilege({}, p.oid, 'EXECUTE WITH GRANT OPTION'))
            FROM pg_proc AS p WHERE p.pronamespace = 'runmeta'::regnamespace",
            quote_literal(owner.name())
        );
        assert_eq!(rows(&client, &grantable).await, "t", "{beginning}");
        let writer = database.connect_as("runmeta_writer").await;
        let version = "SELECT runmeta.start('run'), runmeta.increment('run', 'n')";
        assert_eq!(rows(&writer, version).await, "1 | 2", "{beginning}");
    }
}

fn quote_literal(text: &str) -> String {
    format!(" E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[tokio::test]
async fn no_function_runs_with_rights_of_its_own() {
    let database = Database::new().await;
    let definer =
        "SELECT count(*) FROM pg_proc WHERE pronamespace = 'runmeta'::regnamespace AND prosecdef";
    assert_eq!(rows(&database.connect().await, definer).await, "0");
}
