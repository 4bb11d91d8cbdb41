//! A dump restored into a fresh database brings everything back.

use pretty_assertions::assert_str_eq;
use tokio_postgres::Client;

use crate::grants::public_grants;
use crate::harness::{Database, Role, merged_output, postgres_program};

/// Every row, and every right on everything in the schema, as one text. Left out are the row types of tables, whose rights
/// `pg_dump` never dumps: migrating sees to them.
const CONTENT: &str = "
    SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT 'run ' || row_to_json(run) FROM runmeta.run
        UNION ALL
        SELECT 'contract ' || row_to_json(contract) FROM runmeta.contract
        UNION ALL
        SELECT 'writer ' || row_to_json(writer) FROM runmeta.writer
        UNION ALL
        SELECT 'history ' || row_to_json(schema_history) FROM runmeta.schema_history
        UNION ALL
        SELECT 'extension ' || extversion FROM pg_extension WHERE extname = 'runmeta'
        UNION ALL
        SELECT 'schema ' || coalesce(nspacl, acldefault('n', nspowner))::text FROM pg_namespace WHERE nspname = 'runmeta'
        UNION ALL
        SELECT 'relation ' || oid::regclass || ' ' || coalesce(relacl, CASE relkind WHEN 'S' THEN acldefault('s', relowner) ELSE acldefault('r', relowner) END)::text
        FROM pg_class WHERE relnamespace = 'runmeta'::regnamespace
        UNION ALL
        SELECT 'column ' || attrelid::regclass || ' ' || attname || ' ' || attacl::text
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'runmeta'::regnamespace
        UNION ALL
        SELECT 'function ' || oid::regprocedure || ' ' || coalesce(proacl, acldefault('f', proowner))::text
        FROM pg_proc WHERE pronamespace = 'runmeta'::regnamespace
        UNION ALL
        SELECT 'type ' || oid::regtype || ' ' || coalesce(typacl, acldefault('T', typowner))::text
        FROM pg_type WHERE typnamespace = 'runmeta'::regnamespace AND typrelid = 0
    ) AS content (line)";

async fn content(client: &Client) -> String {
    client.query_one(CONTENT, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn restored_database_has_all_and_works() {
    let original = Database::new().await;
    let client = original.connect().await;
    client
        .batch_execute(
            r#"
            SELECT runmeta.start('nightly', '{"total": 1e400}', tags => '{a,b}');
            SELECT runmeta.start('import', '{"unicode": "ü\u0001", "": null}', parent_run_id => 'nightly', task => 'csv');
            SELECT runmeta.increment('import', 'rows', 12345678901234567890.123456789, target => 'parent');
            SELECT runmeta.flush('[{"run": "import", "operations": [{"type": "set", "key": "k", "value": 1}]}]',
                                 writer => '00000000-0000-4000-8000-000000000001', sequence => 1);
            SELECT runmeta.finish('import');
            SELECT runmeta.contract('csv', '{"properties": {"rows": {"type": "integer", "maximum": 1e30}}}', 'enforce');
            "#,
        )
        .await
        .unwrap();

    let restored = Database::empty().await;
    dump_and_restore(&original, &[], &restored).unwrap();

    let mut client_of_restored = restored.connect().await;
    assert_str_eq!(content(&client).await, content(&client_of_restored).await);

    let writer = restored.connect_as("runmeta_writer").await;
    let increment = "SELECT runmeta.increment('nightly', 'rows')";
    let version: i64 = writer.query_one(increment, &[]).await.unwrap().get(0);
    assert_eq!(version, 3);
    let get = "SELECT runmeta.get('nightly', 'rows')::text";
    let rows: String = writer.query_one(get, &[]).await.unwrap().get(0);
    assert_eq!(rows, "12345678901234567891.123456789");

    // The trigger that checks contracts came too.
    let refused = writer
        .batch_execute("SELECT runmeta.set('import', 'rows', '\"many\"')")
        .await;
    assert_eq!(refused.unwrap_err().code().unwrap().code(), "23514");

    runmeta_migrations::migrate(&mut client_of_restored)
        .await
        .unwrap();
    assert_eq!(public_grants(&client_of_restored).await, "");
}

/// Some builds of Postgres have no lz4, and refuse the whole table for the sake of one column's compression.
#[tokio::test]
async fn dump_for_a_server_without_lz4_does_not_name_it() {
    let original = Database::new().await;
    let mut dump = postgres_program("pg_dump");
    dump.args(["--no-toast-compression", &original.url()]);
    let (script, status) = merged_output(dump, "");
    assert!(status.success() && script.contains("CREATE TABLE runmeta.run"));
    assert!(!script.contains("lz4"));

    let restored = Database::empty().await;
    dump_and_restore(&original, &["--no-toast-compression"], &restored).unwrap();
    let (client, again) = (original.connect().await, restored.connect().await);
    assert_str_eq!(content(&client).await, content(&again).await);
}

#[tokio::test]
async fn superuser_restores_a_database_of_another_one_for_its_owner() {
    let _roles_are_there = Database::new().await;
    let owner = Role::new();
    let original = Database::owned_by(&owner).await;
    let mut migrating = original.connect_as(owner.name()).await;
    runmeta_migrations::migrate(&mut migrating).await.unwrap();

    let refused = dump_and_restore(&original, &[], &Database::empty().await).unwrap_err();
    assert!(
        refused.contains("schema runmeta belongs to another role"),
        "{refused}"
    );

    let restored = Database::owned_by(&owner).await;
    dump_and_restore(&original, &[], &restored).unwrap();
    let mut migrating = restored.connect_as(owner.name()).await;
    let report = runmeta_migrations::migrate(&mut migrating).await.unwrap();
    assert!(report.is_empty(), "{report}");
    let writer = restored.connect_as("runmeta_writer").await;
    let start = "SELECT runmeta.start('run')";
    let version: i64 = writer.query_one(start, &[]).await.unwrap().get(0);
    assert_eq!(version, 1);
}

/// Dumps with these options of `pg_dump`, and restores; what `pg_restore` prints, if it fails.
pub fn dump_and_restore(
    original: &Database,
    options: &[&str],
    restored: &Database,
) -> Result<(), String> {
    let url = original.url();
    let (_, name) = url.rsplit_once('/').unwrap();
    let file = std::env::temp_dir().join(format!("{name}.dump"));
    let mut dump = postgres_program("pg_dump");
    dump.args(["--format=custom", "--file"])
        .arg(&file)
        .args(options)
        .arg(&url);
    let (output, status) = merged_output(dump, "");
    assert!(status.success(), "{output}");

    let mut restore = postgres_program("pg_restore");
    restore
        .args(["--exit-on-error", "--dbname", &restored.url()])
        .arg(&file);
    let (output, status) = merged_output(restore, "");
    std::fs::remove_file(&file).unwrap();
    if status.success() {
        Ok(())
    } else {
        Err(output)
    }
}
