//! Those who want to turn our SQL against its caller, and texts that nobody expects.

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::harness::{Database, Listener, Role, by_hand, refusal, rows};

async fn refused(client: &Client, statement: &str) -> String {
    refusal(client.batch_execute(statement).await)
}

/// Every function once, without an operator or a function of Postgres in the statement itself.
const EVERYTHING: &[&str] = &[
    "SELECT runmeta.start('top', '{\"n\": 1}', NULL, 'task', '{a,b}')",
    "SELECT runmeta.start('child', '{}', 'top')",
    "SELECT runmeta.start('child', '{}', 'top')",
    "SELECT runmeta.set('child', 'k', '1'), runmeta.set('child', 'k', '1', 'parent'), runmeta.set('child', 'k', '1', 'root')",
    "SELECT runmeta.increment('child', 'k', 1.5), runmeta.decrement('child', '$.a.b', 2)",
    "SELECT runmeta.append('child', 'list', '1'), runmeta.remove('child', 'list', '1'), runmeta.del('child', 'list')",
    "SELECT runmeta.merge('child', '{\"a\": null}'), runmeta.replace('child', '{\"n\": 2}')",
    "SELECT * FROM runmeta.apply('child', '[{\"type\": \"set\", \"key\": \"a\", \"value\": 1}]')",
    "SELECT * FROM runmeta.flush('[{\"run\": \"child\", \"operations\": [{\"type\": \"set\", \"key\": \"a\", \"value\": 2}], \"parentOperations\": [], \"rootOperations\": []}]', '00000000-0000-4000-8000-000000000001', 1)",
    "SELECT * FROM runmeta.flush('[]', '00000000-0000-4000-8000-000000000001', 2)",
    "SELECT * FROM runmeta.flush('[]', '00000000-0000-4000-8000-000000000001', 2)",
    "SELECT runmeta.get('child'), runmeta.get('child', '$.a')",
    "SELECT runmeta.apply_operations('{}', '[]'), runmeta.unapplied_operations('{}', '[]'), runmeta.size('{}'), runmeta.number_at('{}', '$.a')",
    "SELECT * FROM runmeta.ancestors('child')",
    "SELECT * FROM runmeta.descendants('top')",
    "SELECT * FROM runmeta.tree('top')",
    "SELECT * FROM runmeta.rollup('top', 'n', include_self => true)",
    "SELECT * FROM runmeta.rollup_each('{top,child,nobody}', 'n', depth => 1, task => 'part', include_self => true)",
    "SELECT runmeta.set_status('child', 'paused')",
    "SELECT runmeta.finish('child'), runmeta.finish('top')",
    "SELECT runmeta.start('child', '{\"n\": 0}', attempt => 2)",
    "SELECT * FROM runmeta.flush('[{\"run\": \"below\", \"start\": {\"parent\": \"new\", \"task\": \"t\", \"tags\": [\"a\"]}, \"parentOperations\": [{\"type\": \"increment\", \"key\": \"n\"}]}, {\"run\": \"new\", \"start\": {\"parent\": \"top\"}, \"status\": \"x\", \"finish\": {}}]')",
    "SELECT * FROM runmeta.flush('[{\"run\": \"new\", \"start\": {}}, {\"run\": \"below\", \"start\": {\"attempt\": 2}, \"parentOperations\": [{\"type\": \"increment\", \"key\": \"n\"}], \"finish\": {}}, {\"run\": \"other\", \"start\": {\"parent\": \"top\"}, \"finish\": {}}]')",
    "SELECT runmeta.prune('infinity')",
];

/// Makes traps in a schema: whatever of them is called raises an error.
const TRAPS: &str = r#"
    CREATE FUNCTION $schema.trap() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.trap(text, text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.trap(int8, int8) RETURNS int8 LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.trap(int4, int4) RETURNS int4 LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.trap(jsonb, jsonb) RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.trap(jsonb, text) RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.trap(uuid, uuid) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.trap(timestamptz, timestamptz) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.trap(name, name) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE OPERATOR $schema.= (FUNCTION = $schema.trap, LEFTARG = text, RIGHTARG = text);
    CREATE OPERATOR $schema.<> (FUNCTION = $schema.trap, LEFTARG = text, RIGHTARG = text);
    CREATE OPERATOR $schema.|| (FUNCTION = $schema.trap, LEFTARG = text, RIGHTARG = text);
    CREATE OPERATOR $schema.= (FUNCTION = $schema.trap, LEFTARG = name, RIGHTARG = name);
    CREATE OPERATOR $schema.+ (FUNCTION = $schema.trap, LEFTARG = int8, RIGHTARG = int8);
    CREATE OPERATOR $schema.- (FUNCTION = $schema.trap, LEFTARG = int8, RIGHTARG = int8);
    CREATE OPERATOR $schema.= (FUNCTION = $schema.trap, LEFTARG = int8, RIGHTARG = int8);
    CREATE OPERATOR $schema.+ (FUNCTION = $schema.trap, LEFTARG = int4, RIGHTARG = int4);
    CREATE OPERATOR $schema.> (FUNCTION = $schema.trap, LEFTARG = int4, RIGHTARG = int4);
    CREATE OPERATOR $schema.-> (FUNCTION = $schema.trap, LEFTARG = jsonb, RIGHTARG = text);
    CREATE OPERATOR $schema.= (FUNCTION = $schema.trap, LEFTARG = jsonb, RIGHTARG = jsonb);
    CREATE OPERATOR $schema.|| (FUNCTION = $schema.trap, LEFTARG = jsonb, RIGHTARG = jsonb);
    CREATE OPERATOR $schema.= (FUNCTION = $schema.trap, LEFTARG = uuid, RIGHTARG = uuid);
    CREATE OPERATOR $schema.< (FUNCTION = $schema.trap, LEFTARG = timestamptz, RIGHTARG = timestamptz);
    CREATE OPERATOR $schema.>= (FUNCTION = $schema.trap, LEFTARG = timestamptz, RIGHTARG = timestamptz);
    CREATE FUNCTION $schema.now() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.jsonb_typeof(jsonb) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.hashtext(text) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.pg_advisory_xact_lock_shared(int, int) RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema.get(text) RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema._value_at(jsonb, text) RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema._apply_lists(text, text, jsonb, int8, timestamptz, int4, text, timestamptz, timestamptz) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE FUNCTION $schema._changed_document() RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END';
    CREATE DOMAIN $schema.jsonb AS pg_catalog.text CHECK ($schema.trap() IS NULL);
    CREATE DOMAIN $schema.text AS pg_catalog.text CHECK ($schema.trap() IS NULL);
    CREATE DOMAIN $schema.int8 AS pg_catalog.int8 CHECK ($schema.trap() IS NULL);
    CREATE TYPE $schema.target AS ENUM ('parent', 'root', 'self');
    CREATE TABLE $schema.run (LIKE runmeta.run INCLUDING ALL);
    CREATE TABLE $schema.writer (LIKE runmeta.writer INCLUDING ALL);
"#;

/// Runs everything under each search_path, in a session of its own.
async fn assert_everything_works(database: &Database, traps: &str, search_paths: &[&str]) {
    by_hand(&database.connect().await).await;
    for search_path in search_paths {
        let client = database.connect().await;
        client.batch_execute(traps).await.unwrap();
        client
            .batch_execute(&format!("SET search_path = {search_path}"))
            .await
            .unwrap();
        for statement in EVERYTHING {
            if let Err(error) = client.batch_execute(statement).await {
                panic!("search_path {search_path}: {statement}: {error:?}");
            }
        }
        let clean =
            "RESET search_path; DELETE FROM runmeta.run; DELETE FROM runmeta.writer; DISCARD TEMP";
        client.batch_execute(clean).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_planted_in_a_schema_of_the_search_path_is_run() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(&format!(
            "CREATE SCHEMA planted; {}",
            TRAPS.replace("$schema", "planted")
        ))
        .await
        .unwrap();
    let paths = [
        "planted, pg_catalog, runmeta",
        "planted, runmeta",
        "planted",
        "''",
        "runmeta, planted, pg_catalog",
    ];
    assert_everything_works(&database, "", &paths).await;
    // The traps do spring.
    client
        .batch_execute("SET search_path = planted, pg_catalog")
        .await
        .unwrap();
    let trapped = refused(
        &client,
        "SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text",
    )
    .await;
    assert_eq!(trapped, "P0001: trapped");
}

#[tokio::test]
async fn nothing_planted_in_temporary_tables_and_types_is_met() {
    let database = Database::new().await;
    let paths = [
        "pg_temp, pg_catalog, runmeta",
        "pg_temp, runmeta, pg_catalog",
        "pg_temp",
    ];
    assert_everything_works(&database, &TRAPS.replace("$schema", "pg_temp"), &paths).await;
}

#[tokio::test]
async fn plans_of_a_session_hold_when_the_search_path_turns_hostile() {
    let database = Database::new().await;
    let client = database.connect().await;
    by_hand(&client).await;
    for statement in EVERYTHING {
        client.batch_execute(statement).await.unwrap();
    }
    client
        .batch_execute(&TRAPS.replace("$schema", "pg_temp"))
        .await
        .unwrap();
    client.batch_execute("DELETE FROM runmeta.run; DELETE FROM runmeta.writer; SET search_path = pg_temp, pg_catalog").await.unwrap();
    for statement in EVERYTHING {
        client.batch_execute(statement).await.unwrap();
    }
}

#[tokio::test]
async fn a_schema_that_another_role_made_is_refused_by_the_extension_itself() {
    let role = Role::new();
    let database = Database::empty().await;
    let client = database.connect().await;
    let plant = format!("CREATE SCHEMA runmeta AUTHORIZATION {}", role.name());
    client.batch_execute(&plant).await.unwrap();
    insta::assert_snapshot!(refused(&client, "CREATE EXTENSION runmeta").await, @"
    55000: schema runmeta belongs to another role
    DETAIL: Only the role that installs the extension, the owner of the database or a superuser may have made it.
    HINT: Look at what is in the schema, and drop it or change its owner.
    ");
    client
        .batch_execute("DROP SCHEMA runmeta; CREATE SCHEMA runmeta; CREATE EXTENSION runmeta")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_database_that_is_not_utf8_is_refused_by_the_extension_itself() {
    let database = Database::create("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'").await;
    let client = database.connect().await;
    insta::assert_snapshot!(refused(&client, "CREATE EXTENSION runmeta").await, @"
    0A000: runmeta needs a database with the encoding UTF8
    DETAIL: This one has LATIN1, in which JSON cannot hold every character.
    HINT: Create the database with ENCODING 'UTF8' TEMPLATE template0.
    ");
}

#[tokio::test]
async fn nobody_else_can_plant_an_overload() {
    let role = Role::new();
    let database = Database::new().await;
    let client = database.connect().await;
    let rights = format!(
        "DO $$ BEGIN EXECUTE format('GRANT ALL ON DATABASE %I TO {role}', current_database()); END $$;
         GRANT ALL ON SCHEMA public TO {role}; GRANT runmeta_writer, runmeta_reader TO {role}",
        role = role.name()
    );
    client.batch_execute(&rights).await.unwrap();
    let attacker = database.connect_as(role.name()).await;
    for plant in [
        "CREATE FUNCTION runmeta.set(text, text, text) RETURNS int8 LANGUAGE sql AS 'SELECT 1::int8'",
        "CREATE OPERATOR runmeta.= (FUNCTION = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text)",
        "CREATE TABLE runmeta.outbox ()",
        "CREATE OR REPLACE FUNCTION runmeta.size(document jsonb) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER SCHEMA runmeta RENAME TO mine",
        "DROP EXTENSION runmeta CASCADE",
        "CREATE TRIGGER t BEFORE UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE r AS ON UPDATE TO runmeta.run DO INSTEAD NOTHING",
    ] {
        let refusal = refused(&attacker, plant).await;
        assert!(refusal.starts_with("42501"), "{plant}: {refusal}");
    }
    drop(attacker);
    client
        .batch_execute(&format!("DROP OWNED BY {}", role.name()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_trigger_on_runs_may_write_runs_itself() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('audit'), runmeta.start('a'), runmeta.start('b', parent_run_id => 'a');
            CREATE FUNCTION public.audit() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.id <> 'audit' AND pg_trigger_depth() = 1 THEN
                    PERFORM runmeta.increment('audit', TG_OP);
                    PERFORM runmeta.increment(NEW.id, 'seen');
                    PERFORM runmeta.flush(jsonb_build_array(jsonb_build_object('run', NEW.id,
                        'operations', '[{"type": "increment", "key": "flushed", "value": 1}]'::jsonb)));
                END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER audit AFTER INSERT OR UPDATE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION public.audit();"#,
        )
        .await
        .unwrap();
    let mut listener = Listener::new(&database).await;
    for write in [
        "SELECT runmeta.set('a', 'k', '1')",
        "SELECT runmeta.set('b', 'k', '2', 'parent')",
        r#"SELECT * FROM runmeta.flush('[{"run": "b", "operations": [{"type": "set", "key": "k", "value": 1}], "parentOperations": [{"type": "set", "key": "k", "value": 3}]}]')"#,
        "SELECT runmeta.start('c')",
        "SELECT runmeta.finish('c')",
    ] {
        client.batch_execute(write).await.unwrap();
        // What is told is what is stored.
        for payload in listener.payloads().await {
            let payload: Value = serde_json::from_str(&payload).unwrap();
            for run in payload["runs"].as_array().unwrap() {
                let stored = format!(
                    "SELECT version FROM runmeta.run WHERE id = '{}'",
                    run["id"].as_str().unwrap()
                );
                assert_eq!(
                    rows(&client, &stored).await,
                    run["version"].to_string(),
                    "{write}: {payload}"
                );
            }
        }
    }
    let runs = "SELECT id, metadata, version, status FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, runs).await, @r#"
    a | {"k": 3, "seen": 3, "flushed": 3} | 10 | running
    audit | {"INSERT": 1, "UPDATE": 5} | 7 | running
    b | {"k": 1, "seen": 1, "flushed": 1} | 4 | running
    c | {"seen": 2, "flushed": 2} | 6 | completed
    "#);
}

/// Texts of 1 to 255 bytes that are more than letters.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        " ",
        "'",
        "\"",
        "\\",
        "''",
        "'; DROP TABLE runmeta.run; --",
        "$$",
        "$1",
        "%s",
        "{}",
        "{a,b}",
        "NULL",
        "null",
        "\u{1}",
        "\n\r\t\u{8}\u{7f}",
        "é",
        "日本語",
        "🙂",
        "\u{202e}",
        "\u{feff}",
        "a\u{301}",
        "$.a.b",
        "$.",
        "a.b",
        "[0]",
        "*",
        "\\u0000",
        "\u{10ffff}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("x".repeat(255));
    texts.push("é".repeat(127) + "x");
    texts.push("🙂".repeat(63) + "\u{1}\"\\");
    texts
}

#[tokio::test]
async fn any_text_of_255_bytes_is_an_id_a_task_a_tag_and_a_status() {
    let database = Database::new().await;
    let client = database.connect().await;
    for text in texts() {
        let call = "SELECT runmeta.start('parent of ' || left($1, 50)), runmeta.start($1, '{}', 'parent of ' || left($1, 50), $1, ARRAY[$1]), runmeta.set($1, 'k', to_jsonb($1))";
        client.query_one(call, &[&text]).await.unwrap();
        let batch = json!([{"run": text, "operations": [{"type": "increment", "key": "n", "value": 1}], "parentOperations": [{"type": "increment", "key": "n", "value": 1}]}]);
        let flushed = client
            .query("SELECT run_id, outcome FROM runmeta.flush($1)", &[&batch])
            .await
            .unwrap();
        for row in flushed {
            assert_eq!((row.get(0), row.get(1)), (text.as_str(), "applied"));
        }
        let found = "
            SELECT id, task, tags, metadata ->> 'k', runmeta.finish($1, $1) FROM runmeta.tree('parent of ' || left($1, 50)) WHERE depth = 1";
        let row = client.query_one(found, &[&text]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), text);
        assert_eq!(row.get::<_, &str>(1), text);
        assert_eq!(row.get::<_, Vec<String>>(2), [text.as_str()]);
        assert_eq!(row.get::<_, &str>(3), text);
        let status = "SELECT status = $1 AND id = $1 FROM runmeta.run WHERE id = $1";
        assert!(
            client
                .query_one(status, &[&text])
                .await
                .unwrap()
                .get::<_, bool>(0)
        );
    }
}

#[tokio::test]
async fn any_text_is_a_key_or_a_path_or_is_refused() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute("SELECT runmeta.start('run')")
        .await
        .unwrap();
    let long = "k".repeat(10_000);
    for text in texts().iter().chain([&long, &String::new()]) {
        let set = client
            .query_one("SELECT runmeta.set('run', $1, '1')", &[text])
            .await;
        if text == "$." {
            assert!(refusal(set).starts_with("22023"));
            continue;
        }
        set.unwrap();
        let get = "SELECT runmeta.get('run', $1)::text, runmeta.get('run') ? $1, (SELECT count FROM runmeta.rollup('run', $1, include_self => true))";
        let row = client.query_one(get, &[text]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "1", "{text:?}");
        assert_eq!(row.get::<_, bool>(1), !text.starts_with("$."), "{text:?}");
        assert_eq!(row.get::<_, i64>(2), 1, "{text:?}");
    }
    let valid = "SELECT metadata::text::jsonb = metadata FROM runmeta.run";
    assert_eq!(rows(&client, valid).await, "t");
}

#[tokio::test]
async fn texts_of_no_and_of_256_bytes_are_refused() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute("SELECT runmeta.start('run')")
        .await
        .unwrap();
    for text in [String::new(), "x".repeat(256), "é".repeat(128)] {
        for (argument, call) in [
            ("run id", "SELECT runmeta.start($1)"),
            ("task", "SELECT runmeta.start('other', task => $1)"),
            (
                "tag",
                "SELECT runmeta.start('other', tags => ARRAY['a', $1])",
            ),
            ("status", "SELECT runmeta.finish('run', $1)"),
        ] {
            let refusal = refusal(client.query_one(call, &[&text]).await);
            let expected = format!(
                "22023: {argument} has {} bytes\nDETAIL: A {argument} has 1 to 255 bytes.",
                text.len()
            );
            assert!(refusal.starts_with(&expected), "{refusal}");
        }
        // No run can have such an id.
        for call in [
            "SELECT runmeta.set($1, 'k', '1')",
            "SELECT runmeta.start('other', parent_run_id => $1)",
        ] {
            assert!(
                refusal(client.query_one(call, &[&text]).await).starts_with("P0002: no such "),
                "{call}"
            );
        }
    }
    let long = "y".repeat(1_000_000);
    let set = "SELECT runmeta.set($1, 'k', '1')";
    let refusal = refusal(client.query_one(set, &[&long]).await);
    assert!(refusal.len() < 1000, "a message does not repeat a megabyte");
}

#[tokio::test]
async fn a_policy_that_checks_documents_refuses_a_flush_as_a_whole() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('one'), runmeta.start('other');
             ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
             CREATE POLICY open ON runmeta.run USING (true) WITH CHECK (NOT metadata ? 'secret')",
        )
        .await
        .unwrap();
    let writer = database.connect_as("runmeta_writer").await;
    let flush = r#"SELECT runmeta.flush('[
        {"run": "one", "operations": [{"type": "set", "key": "secret", "value": 1}]},
        {"run": "other", "operations": [{"type": "set", "key": "open", "value": 1}]}]')"#;
    assert_eq!(
        refused(&writer, flush).await,
        "42501: new row violates row-level security policy for table \"run\""
    );
    let documents = "SELECT id, metadata FROM runmeta.run ORDER BY id";
    assert_eq!(rows(&client, documents).await, "one | {}\nother | {}");
}

#[tokio::test]
async fn row_level_security_hides_and_protects_through_every_function() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            r#"SELECT runmeta.start('theirs', '{"secret": 1}', NULL, 'theirs');
            SELECT runmeta.start('mine below theirs', '{}', 'theirs', 'mine');
            SELECT runmeta.start('mine', '{}', NULL, 'mine');
            SELECT runmeta.start('theirs below mine', '{"n": 1}', 'mine', 'theirs');
            SELECT runmeta.start('mine below both', '{"n": 2}', 'theirs below mine', 'mine');
            SELECT runmeta.start('mine below mine', '{"n": 4}', 'mine', 'mine');
            ALTER TABLE runmeta.run ENABLE ROW LEVEL SECURITY;
            CREATE POLICY tenant ON runmeta.run TO runmeta_writer, runmeta_reader USING (task = 'mine') WITH CHECK (task = 'mine');"#,
        )
        .await
        .unwrap();
    let before = rows(
        &client,
        "SELECT * FROM runmeta.run WHERE task = 'theirs' ORDER BY id",
    )
    .await;
    let writer = database.connect_as("runmeta_writer").await;
    for call in [
        "set('theirs', 'k', '1')",
        "del('theirs', 'secret')",
        "replace('theirs', '{}')",
        "merge('theirs', '{}')",
        "append('theirs', 'k', '1')",
        "remove('theirs', 'k', '1')",
        "increment('theirs', 'k')",
        "decrement('theirs', 'k')",
        "apply('theirs', '[]')",
        "finish('theirs')",
        "start('new', parent_run_id => 'theirs', task => 'mine')",
        "set('mine below theirs', 'k', '1', 'parent')",
        "set('mine below theirs', 'k', '1', 'root')",
    ] {
        let refusal = refused(&writer, &format!("SELECT runmeta.{call}")).await;
        assert!(refusal.starts_with("P0002: no such "), "{call}: {refusal}");
    }
    insta::assert_snapshot!(refused(&writer, "SELECT runmeta.start('theirs', task => 'mine')").await, @r#"
    23505: run id is taken: "theirs"
    DETAIL: A run of this id exists that the current role may not read.
    HINT: Choose another id, or a role that row-level security lets see the run.
    "#);
    let refusal = refused(&writer, "SELECT runmeta.start('new', task => 'theirs')").await;
    assert!(
        refusal.starts_with("42501: new row violates row-level security policy"),
        "{refusal}"
    );
    let flush = r#"SELECT run_id, target, outcome, version, unapplied FROM runmeta.flush('[
        {"run": "theirs", "operations": [{"type": "set", "key": "k", "value": 1}], "parentOperations": [], "rootOperations": []},
        {"run": "mine below theirs", "operations": [{"type": "set", "key": "k", "value": 1}],
            "parentOperations": [{"type": "set", "key": "k", "value": 1}], "rootOperations": [{"type": "set", "key": "k", "value": 1}]}]')"#;
    insta::assert_snapshot!(rows(&writer, flush).await, @"
    theirs | self | not_found | NULL | NULL
    theirs | parent | not_found | NULL | NULL
    theirs | root | not_found | NULL | NULL
    mine below theirs | self | applied | 2 | NULL
    mine below theirs | parent | not_found | NULL | NULL
    mine below theirs | root | not_found | NULL | NULL
    ");
    insta::assert_snapshot!(rows(&writer, "SELECT depth, id FROM runmeta.tree('mine')").await, @"
    0 | mine
    1 | mine below mine
    ");
    for read in [
        "runmeta.get('theirs')",
        "runmeta.get('theirs', 'secret')",
        "(SELECT count(*) FROM runmeta.ancestors('theirs'))",
        "(SELECT count(*) FROM runmeta.descendants('theirs'))",
        "(SELECT count(*) FROM runmeta.tree('theirs'))",
        "(SELECT count(*) FROM runmeta.rollup('theirs', 'secret', include_self => true))",
        "(SELECT count(*) FROM runmeta.rollup_each('{theirs}', 'secret', include_self => true))",
    ] {
        let nothing = rows(&writer, &format!("SELECT coalesce({read}::text, '0')")).await;
        assert_eq!(nothing, "0", "{read}");
    }
    assert_eq!(
        rows(&writer, "SELECT id FROM runmeta.descendants('mine')").await,
        "mine below mine"
    );
    assert_eq!(
        rows(
            &writer,
            "SELECT count, sum FROM runmeta.rollup('mine', 'n')"
        )
        .await,
        "1 | 4"
    );
    assert_eq!(
        rows(
            &writer,
            "SELECT id FROM runmeta.ancestors('mine below both')"
        )
        .await,
        ""
    );
    assert_eq!(
        rows(
            &writer,
            "SELECT runmeta.set('mine', 'k', '1'), runmeta.set('mine below mine', 'k', '2', 'root')"
        )
        .await,
        "2 | 3"
    );
    let after = rows(
        &client,
        "SELECT * FROM runmeta.run WHERE task = 'theirs' ORDER BY id",
    )
    .await;
    assert_eq!(after, before);
    // The plans of a session are made anew for another role.
    writer
        .batch_execute("RESET SESSION AUTHORIZATION")
        .await
        .unwrap();
    assert_eq!(
        rows(
            &writer,
            "SELECT runmeta.get('theirs', 'secret'), runmeta.set('theirs', 'k', '1')"
        )
        .await,
        "1 | 2"
    );
    writer
        .batch_execute("SET SESSION AUTHORIZATION runmeta_writer")
        .await
        .unwrap();
    assert!(
        refused(&writer, "SELECT runmeta.set('theirs', 'k', '2')")
            .await
            .starts_with("P0002")
    );
}

#[tokio::test]
async fn dropping_the_extension_keeps_the_runs_and_a_session_finds_it_again() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('run'), runmeta.set('run', 'k', '1'); DROP EXTENSION runmeta CASCADE",
        )
        .await
        .unwrap();
    assert_eq!(
        rows(&client, "SELECT id, metadata FROM runmeta.run").await,
        r#"run | {"k": 1}"#
    );
    assert!(
        refused(&client, "SELECT runmeta.get('run')")
            .await
            .starts_with("42883")
    );
    client
        .batch_execute("CREATE EXTENSION runmeta")
        .await
        .unwrap();
    assert_eq!(
        rows(
            &client,
            "SELECT runmeta.increment('run', 'k', 1), runmeta.start('run')"
        )
        .await,
        "3 | 3"
    );
    let tables = "DROP TABLE runmeta.unapplied, runmeta.stream_chunk, runmeta.stream, runmeta.run, runmeta.writer CASCADE";
    client.batch_execute(tables).await.unwrap();
    // The plan that the session keeps is of a table that is gone.
    assert!(
        refused(&client, "SELECT runmeta.increment('run', 'k', 1)")
            .await
            .starts_with("42P01")
    );
}
