//! Size, nesting, closing, cancelling: what is refused, and that the server stays well.

use tokio_postgres::Client;

use crate::harness::{Database, by_hand, refusal, rows};

async fn refused(client: &Client, statement: &str) -> String {
    refusal(client.batch_execute(statement).await)
}

async fn database_with_a_run() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute("SELECT runmeta.start('run')")
        .await
        .unwrap();
    (database, client)
}

#[tokio::test]
async fn size_limit_is_exact_to_the_byte() {
    let (_database, client) = database_with_a_run().await;
    client
        .batch_execute("SET runmeta.maximum_size = '1000B'")
        .await
        .unwrap();
    // What stands in the document as `{"v":…}`, with 6 bytes around it.
    for (value, length) in [
        ("to_jsonb(repeat('x', $ - 2))", 1),
        ("to_jsonb(repeat('é', ($ - 2) / 2))", 2),
        (r"to_jsonb(repeat(E'\n', ($ - 2) / 2))", 2),
        (r"to_jsonb(repeat('\', ($ - 2) / 2))", 2),
        (r"to_jsonb(repeat(E'\x01', ($ - 4) / 6) || 'xx')", 6),
        ("to_jsonb(repeat('🙂', ($ - 6) / 4) || 'xxxx')", 4),
        ("('1e' || $ - 1)::jsonb", 1),
        ("('-1e' || $ - 2)::jsonb", 1),
        ("('1e-' || $ - 2)::jsonb", 1),
        ("('[' || repeat('1,', ($ - 4) / 2) || '22]')::jsonb", 2),
    ] {
        client
            .batch_execute("SELECT runmeta.replace('run', '{}')")
            .await
            .unwrap();
        let set = |bytes: usize| {
            format!(
                "SELECT runmeta.set('run', 'v', {})",
                value.replace('$', &bytes.to_string())
            )
        };
        client.batch_execute(&set(994)).await.unwrap();
        let sizes =
            "SELECT runmeta.size(metadata), octet_length(metadata ->> 'v') > 100 FROM runmeta.run";
        assert_eq!(rows(&client, sizes).await, "1000 | t", "{value}");

        let refusal = refused(&client, &set(994 + length)).await;
        let expected = format!(
            "54000: metadata of run \"run\" would be too large\n\
             DETAIL: It would have {} bytes as compact JSON, and the limit is 1000.\n\
             HINT: Keep logs short with append's keep, or raise runmeta.maximum_size.",
            1000 + length
        );
        assert_eq!(refusal, expected, "{value}");
        assert_eq!(rows(&client, sizes).await, "1000 | t", "{value}");
    }
}

#[tokio::test]
async fn default_limit_is_that_of_the_design() {
    let (_database, client) = database_with_a_run().await;
    let start = |size: u32| {
        format!(
            "SELECT runmeta.start('full {size}', jsonb_build_object('v', repeat('x', {size} - 8)))"
        )
    };
    assert_eq!(rows(&client, &start(262_144)).await, "1");
    insta::assert_snapshot!(refused(&client, &start(262_145)).await, @r#"
    54000: metadata of run "full 262145" would be too large
    DETAIL: It would have 262145 bytes as compact JSON, and the limit is 262144.
    HINT: Keep logs short with append's keep, or raise runmeta.maximum_size.
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.append('full 262144', 'log', '1')").await, @r#"
    54000: metadata of run "full 262144" would be too large
    DETAIL: It would have 262154 bytes as compact JSON, and the limit is 262144.
    HINT: Keep logs short with append's keep, or raise runmeta.maximum_size.
    "#);
}

#[tokio::test]
async fn ten_thousand_number_bombs_are_counted_and_not_written_out() {
    let (_database, client) = database_with_a_run().await;
    client
        .batch_execute("SET statement_timeout = '20s'")
        .await
        .unwrap();
    let bombs = "(SELECT jsonb_agg('1e131071'::jsonb) FROM generate_series(1, 10000))";
    assert_eq!(
        rows(&client, &format!("SELECT runmeta.size({bombs})")).await,
        (131_073 * 10_000 + 1).to_string()
    );
    insta::assert_snapshot!(refused(&client, &format!("SELECT runmeta.set('run', 'v', {bombs})")).await, @r#"
    54000: metadata of run "run" would be too large
    DETAIL: It would have 1310730007 bytes as compact JSON, and the limit is 262144.
    HINT: Keep logs short with append's keep, or raise runmeta.maximum_size.
    "#);
    let many = format!("(SELECT jsonb_agg({bombs}) FROM generate_series(1, 20))");
    // More than an integer can tell.
    assert_eq!(
        rows(&client, &format!("SELECT runmeta.size({many})")).await,
        i32::MAX.to_string()
    );
}

#[tokio::test]
async fn limit_of_a_database_holds_for_its_new_sessions() {
    let (database, client) = database_with_a_run().await;
    client
        .batch_execute("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET runmeta.maximum_size = 50', current_database()); END $$")
        .await
        .unwrap();
    let writer = database.connect_as("runmeta_writer").await;
    insta::assert_snapshot!(refused(&writer, "SELECT runmeta.set('run', 'v', to_jsonb(repeat('x', 50)))").await, @r#"
    54000: metadata of run "run" would be too large
    DETAIL: It would have 58 bytes as compact JSON, and the limit is 50.
    HINT: Keep logs short with append's keep, or raise runmeta.maximum_size.
    "#);
    assert_eq!(rows(&writer, "SHOW runmeta.maximum_size").await, "50B");
}

#[tokio::test]
async fn limits_are_for_superusers_to_set_and_notify_for_everyone() {
    let (database, _client) = database_with_a_run().await;
    let writer = database.connect_as("runmeta_writer").await;
    writer
        .batch_execute("SELECT runmeta.get('run')")
        .await
        .unwrap();
    writer
        .batch_execute("SELECT runmeta.size('{}')")
        .await
        .unwrap();
    for statement in [
        "SET runmeta.maximum_size = '1MB'",
        "SET LOCAL runmeta.update_window = -1",
        "SELECT set_config('runmeta.maximum_size', '1MB', true)",
    ] {
        let refusal = refused(&writer, statement).await;
        assert!(
            refusal.starts_with("42501: permission denied to set parameter"),
            "{refusal}"
        );
    }
    writer
        .batch_execute("SET runmeta.notify = off")
        .await
        .unwrap();
    insta::assert_snapshot!(refused(&writer, "SET runmeta.notify = 'sometimes'").await, @r#"
    22023: invalid value for parameter "runmeta.notify": "sometimes"
    HINT: Available values: worker, commit, off.
    "#);
}

#[tokio::test]
async fn a_limit_set_before_the_library_was_loaded_is_not_believed() {
    let (database, _client) = database_with_a_run().await;
    let writer = database.connect_as("runmeta_writer").await;
    // The session knows no such setting yet, and takes any name with a dot in it.
    writer
        .batch_execute("SET runmeta.maximum_size = '10MB'; SET runmeta.update_window = -1")
        .await
        .unwrap();
    let refusal = refused(
        &writer,
        "SELECT runmeta.set('run', 'v', to_jsonb(repeat('x', 300000)))",
    )
    .await;
    assert!(refusal.contains("the limit is 262144"), "{refusal}");
    assert_eq!(rows(&writer, "SHOW runmeta.update_window").await, "1h");
}

#[tokio::test]
async fn a_document_over_a_lowered_limit_may_shrink_and_not_grow() {
    let (_database, client) = database_with_a_run().await;
    let shrink = r#"
        SELECT runmeta.replace('run', jsonb_build_object('a', repeat('x', 500), 'b', repeat('y', 500), 'n', 10));
        SET runmeta.maximum_size = '100B';
        SELECT runmeta.set('run', 'n', '1');
        SELECT runmeta.set('run', 'n', '2');
        SELECT runmeta.del('run', 'a');
        SELECT outcome FROM runmeta.flush('[
            {"run": "run", "operations": [{"type": "increment", "key": "n", "value": 9}]},
            {"run": "run", "operations": [{"type": "set", "key": "n", "value": 3}]},
            {"run": "run", "operations": [{"type": "set", "key": "b", "value": ""}]}]');
        SELECT metadata, version FROM runmeta.run;"#;
    insta::assert_snapshot!(rows(&client, shrink).await, @r#"
    2
    3
    4
    5
    too_large
    applied
    applied
    {"b": "", "n": 3} | 6
    "#);
}

/// A document of so many levels: `{}` has one.
fn nested(levels: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
}

/// A name, and the call that makes a document of so many levels.
type Call<'a> = (&'static str, Box<dyn Fn(usize) -> String + 'a>);

#[tokio::test]
async fn a_hundred_levels_are_taken_and_one_more_is_refused() {
    let (_database, client) = database_with_a_run().await;
    by_hand(&client).await;
    let inner = |levels: usize| format!("('{}1{}')::jsonb", "[".repeat(levels), "]".repeat(levels));
    let document = |levels: usize| format!("'{}'::jsonb", nested(levels));
    let path = |steps: usize| format!("'${}'", ".p".repeat(steps));
    let list = |levels: usize| {
        format!(
            "'[{{\"type\": \"set\", \"key\": \"k\", \"value\": {}}}]'::jsonb",
            nested(levels - 1)
        )
    };
    let calls: [Call; 9] = [
        (
            "set",
            Box::new(|levels| format!("runmeta.set('run', 'k', {})", inner(levels - 1))),
        ),
        (
            "append",
            Box::new(|levels| format!("runmeta.append('run', 'log', {})", inner(levels - 2))),
        ),
        (
            "replace",
            Box::new(|levels| format!("runmeta.replace('run', {})", document(levels))),
        ),
        (
            "merge",
            Box::new(|levels| format!("runmeta.merge('run', {})", document(levels))),
        ),
        (
            "merge at a key",
            Box::new(|levels| {
                format!(
                    "runmeta.merge('run', {}, key => '$.x.y')",
                    document(levels - 2)
                )
            }),
        ),
        (
            "start",
            Box::new(|levels| format!("runmeta.start('run ' || {levels}, {})", document(levels))),
        ),
        (
            "path",
            Box::new(|levels| format!("runmeta.set('run', {}, '1')", path(levels))),
        ),
        (
            "path and value",
            Box::new(|levels| format!("runmeta.set('run', {}, {})", path(50), inner(levels - 50))),
        ),
        (
            "increment",
            Box::new(|levels| format!("runmeta.increment('run', {})", path(levels))),
        ),
    ];
    for stack in ["100kB", "2MB", "7MB"] {
        client
            .batch_execute(&format!("SET max_stack_depth = '{stack}'"))
            .await
            .unwrap();
        for (name, call) in &calls {
            client
                .batch_execute(&format!("DELETE FROM runmeta.run WHERE id <> 'run'; SELECT runmeta.replace('run', '{{}}'); SELECT {}", call(100)))
                .await
                .unwrap();
            let before = rows(&client, "SELECT version FROM runmeta.run ORDER BY id").await;
            let refusal = refused(&client, &format!("SELECT {}", call(101))).await;
            assert!(
                refusal.starts_with("54000") && refusal.contains("100 levels")
                    || refusal.starts_with("22023") && refusal.contains("more than 100 steps"),
                "{name} {stack}: {refusal}"
            );
            assert_eq!(
                rows(&client, "SELECT version FROM runmeta.run ORDER BY id").await,
                before,
                "{name}"
            );
        }
        for (levels, reasons) in [
            (100, "[]"),
            (101, r#"[{"index": 0, "reason": "bad_value"}]"#),
        ] {
            let unapplied = format!(
                "SELECT runmeta.unapplied_operations('{{}}', {})",
                list(levels)
            );
            assert_eq!(rows(&client, &unapplied).await, reasons);
            let apply = format!(
                "SELECT unapplied FROM runmeta.apply('run', {})",
                list(levels)
            );
            assert_eq!(rows(&client, &apply).await, reasons);
        }
    }
    insta::assert_snapshot!(refused(&client, &format!("SELECT runmeta.start('deep', {})", document(101))).await, @"
    54000: document nests too deep
    DETAIL: Documents nest at most 100 levels.
    HINT: Flatten the document, or keep the inner part as a string.
    ");
    insta::assert_snapshot!(refused(&client, &format!("SELECT runmeta.set('run', 'k', {})", inner(100))).await, @r#"
    54000: cannot set at key "k"
    DETAIL: Reason bad_value: the document would nest more than 100 levels.
    HINT: Documents nest at most 100 levels.
    "#);
    insta::assert_snapshot!(refused(&client, &format!("SELECT runmeta.set('run', {}, '1')", path(101))).await, @r#"
    22023: cannot set at key "$.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p.p"
    DETAIL: Reason bad_path: a path of more than 100 steps goes on at byte 203 of the key.
    HINT: Write paths as $.name.0 or $.name[0], and names with dots or brackets as ["a.b"].
    "#);
}

#[tokio::test]
async fn levels_that_appear_by_wrapping_are_counted() {
    let (_database, client) = database_with_a_run().await;
    // The object at `k` has the levels 2 to 100. In an array it would begin at 3.
    let wrap = format!("SELECT runmeta.set('run', 'k', '{}')", nested(99));
    client.batch_execute(&wrap).await.unwrap();
    let refusal = refused(&client, "SELECT runmeta.append('run', 'k', '1')").await;
    assert!(
        refusal.starts_with("54000") && refusal.contains("100 levels"),
        "{refusal}"
    );
}

#[tokio::test]
async fn values_of_thousands_of_levels_are_refused_everywhere_and_crash_nothing() {
    let (_database, client) = database_with_a_run().await;
    client
        .batch_execute("SET max_stack_depth = '7MB'")
        .await
        .unwrap();
    let deep =
        |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    let (array, object) = (deep("[", "]"), deep("{\"a\":", "}"));
    let fine = rows(
        &client,
        "SELECT pg_postmaster_start_time(), pg_backend_pid()",
    )
    .await;
    for value in [&array, &object] {
        for call in [
            format!("runmeta.set('run', 'k', '{value}')"),
            format!("runmeta.append('run', 'k', '{value}')"),
            format!("runmeta.remove('run', 'k', '{value}')"),
            format!("runmeta.merge('run', '{value}')"),
            format!("runmeta.merge('run', '{value}', key => 'k')"),
            format!("runmeta.replace('run', '{value}')"),
            format!("runmeta.start('deep', '{value}')"),
        ] {
            let refusal = refused(&client, &format!("SELECT {call}")).await;
            assert!(
                refusal.starts_with("54000") || refusal.starts_with("22023"),
                "{refusal}"
            );
        }
        for list in [
            format!("[{value}]"),
            format!("[{{\"type\": {value}}}]"),
            format!("[{{\"type\": \"set\", \"key\": {value}}}]"),
            format!("[{{\"type\": \"append\", \"key\": \"k\", \"value\": 1, \"keep\": {value}}}]"),
            format!("[{{\"type\": \"increment\", \"key\": \"k\", \"value\": {value}}}]"),
            format!(
                "[{{\"type\": \"set\", \"key\": \"k\", \"value\": {value}}}, {{\"type\": \"set\", \"key\": \"k\", \"value\": {value}}}]"
            ),
            value.clone(),
        ] {
            for call in [
                format!("runmeta.apply_operations('{{}}', '{list}')"),
                format!("runmeta.unapplied_operations('{{}}', '{list}')"),
                format!("runmeta.apply('run', '{list}')"),
                format!("runmeta.flush('{list}')"),
                format!("runmeta.flush('[{{\"run\": \"run\", \"operations\": {list}}}]')"),
                format!("runmeta.flush('[{{\"run\": {value}}}]')"),
            ] {
                // Refused or skipped, as the list may be.
                if let Err(error) = client.batch_execute(&format!("SELECT {call}")).await {
                    assert_eq!(error.code().unwrap().code(), "22023", "{error:?}");
                }
            }
        }
    }
    // As a document, which only the pure functions can meet.
    let walks = r#"[{"type": "set", "key": "$.a.a.a", "value": 1}, {"type": "append", "key": "$.a.a", "value": 1},
        {"type": "merge", "value": {"a": {"a": {"b": 1}}}}, {"type": "remove", "key": "$.a.a", "value": 1}]"#;
    let pure = format!(
        "SELECT length(runmeta.apply_operations('{object}', '{walks}')::text) > 5, runmeta.unapplied_operations('{object}', '{walks}') IS NOT NULL,
            runmeta.size('{object}'), runmeta.size('{array}'),
            length(runmeta.apply_operations('{object}', '[{{\"type\": \"append\", \"key\": \"a\", \"value\": 1}}]')::text) > 5"
    );
    insta::assert_snapshot!(rows(&client, &pure).await, @"t | t | 60001 | 20001 | t");
    assert_eq!(
        rows(
            &client,
            "SELECT pg_postmaster_start_time(), pg_backend_pid()"
        )
        .await,
        fine
    );
    assert_eq!(
        rows(&client, "SELECT metadata, version FROM runmeta.run").await,
        "{} | 1"
    );
}

#[tokio::test]
async fn finished_runs_take_writes_within_the_window_and_none_after() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('root');
             SELECT runmeta.start('parent', parent_run_id => 'root');
             SELECT runmeta.start('child', parent_run_id => 'parent');
             SELECT runmeta.finish('root');
             SELECT runmeta.set('root', 'late', '1'), runmeta.set('child', 'late', '1', 'root');
             UPDATE runmeta.run SET finished_at = '2026-01-02 03:04:05.678+00' WHERE id = 'root'",
        )
        .await
        .unwrap();
    for write in [
        "set('root', 'k', '1')",
        "set('child', 'k', '1', 'root')",
        "increment('parent', 'k', 1, 'parent')",
        "set('root', 'k', '1', 'parent')",
        "del('root', 'missing')",
        "apply('child', '[]', 'root')",
    ] {
        let refusal = refused(&client, &format!("SELECT runmeta.{write}")).await;
        assert!(
            refusal.starts_with("55000: run \"root\" is closed"),
            "{write}: {refusal}"
        );
    }
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.set('root', 'k', '1')").await, @r#"
    55000: run "root" is closed
    DETAIL: It finished at 2026-01-02T03:04:05.678+00:00, and took writes for 3600 seconds after that.
    HINT: Begin another attempt with runmeta.start, or raise runmeta.update_window.
    "#);
    // Counted for the run that is written to.
    let open = "
        SELECT runmeta.set('child', 'k', '1'), runmeta.set('child', 'k', '1', 'parent');
        SELECT runmeta.finish('root'), runmeta.start('root', attempt => 1);
        SELECT runmeta.start('another child', parent_run_id => 'root');";
    insta::assert_snapshot!(rows(&client, open).await, @"
    2 | 2
    3 | 3
    1
    ");
    let flush = r#"SELECT run_id, target, outcome, version FROM runmeta.flush('[
        {"run": "child", "operations": [{"type": "set", "key": "k", "value": 2}], "parentOperations": [{"type": "set", "key": "k", "value": 2}], "rootOperations": [{"type": "set", "key": "k", "value": 2}]},
        {"run": "parent", "parentOperations": [], "rootOperations": [{"type": "delete", "key": "missing"}]},
        {"run": "root", "operations": [{"type": "set", "key": "k", "value": 2}]}]')"#;
    insta::assert_snapshot!(rows(&client, flush).await, @"
    child | self | applied | 3
    child | parent | applied | 3
    child | root | closed | 3
    parent | parent | closed | 3
    parent | root | closed | 3
    root | self | closed | 3
    ");
    let forever = "SET runmeta.update_window = -1; SELECT runmeta.set('root', 'k', '3')";
    assert_eq!(rows(&client, forever).await, "4");
}

#[tokio::test]
async fn window_is_measured_by_the_clock_and_set_per_database() {
    let (_database, client) = database_with_a_run().await;
    let window = "
        SET runmeta.update_window = '1min';
        SELECT runmeta.finish('run');
        UPDATE runmeta.run SET finished_at = clock_timestamp() - interval '59.0s';
        SELECT runmeta.set('run', 'k', '1');
        UPDATE runmeta.run SET finished_at = clock_timestamp() - interval '60.001s';";
    assert_eq!(rows(&client, window).await, "2\n3");
    assert!(
        refused(&client, "SELECT runmeta.set('run', 'k', '2')")
            .await
            .starts_with("55000")
    );
    client
        .batch_execute("SET runmeta.update_window = '61s'; SELECT runmeta.set('run', 'k', '2')")
        .await
        .unwrap();
    client
        .batch_execute("SET runmeta.update_window = 0")
        .await
        .unwrap();
    assert!(
        refused(&client, "SELECT runmeta.set('run', 'k', '3')")
            .await
            .starts_with("55000")
    );
}

#[tokio::test]
async fn long_work_is_cancelled_and_the_session_goes_on() {
    let (_database, client) = database_with_a_run().await;
    client
        .batch_execute(
            r#"CREATE TABLE work AS SELECT
                (SELECT jsonb_agg(jsonb_build_object('type', 'increment', 'key', '$.a.n', 'value', n)) FROM generate_series(1, 100000) AS n) AS many,
                (SELECT jsonb_agg(jsonb_build_object('type', 'remove', 'key', 'list', 'value', -n)) FROM generate_series(1, 5000) AS n) AS removes,
                (SELECT jsonb_build_object('list', jsonb_agg(n)) FROM generate_series(1, 20000) AS n) AS document,
                (SELECT jsonb_agg('{"run": "run", "operations": [{"type": "append", "key": "log", "value": 1}]}'::jsonb) FROM generate_series(1, 20000)) AS batch,
                (SELECT jsonb_agg(jsonb_build_array(jsonb_build_array(n, n))) FROM generate_series(1, 2000000) AS n) AS wide;
            SET statement_timeout = '25ms'"#,
        )
        .await
        .unwrap();
    for call in [
        "runmeta.apply_operations(document, many)",
        "runmeta.apply_operations(document, removes)",
        "runmeta.unapplied_operations(document, removes)",
        "runmeta.apply('run', many)",
        "runmeta.flush(batch)",
        "runmeta.size(wide)",
        "runmeta.set('run', 'k', wide)",
    ] {
        let refusal = refused(&client, &format!("SELECT {call} FROM work")).await;
        assert!(
            refusal.starts_with("57014: canceling statement due to statement timeout"),
            "{call}: {refusal}"
        );
    }
    let after = "RESET statement_timeout; SELECT runmeta.set('run', 'k', '1'), (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory')";
    assert_eq!(rows(&client, after).await, "2 | 0");
}

#[tokio::test]
async fn a_panic_is_an_error_that_asks_to_be_reported() {
    let (_database, client) = database_with_a_run().await;
    client
        .batch_execute("CREATE FUNCTION panics() RETURNS void LANGUAGE c AS '$libdir/runmeta', 'panic_for_tests_wrapper'")
        .await
        .unwrap();
    let fine = rows(
        &client,
        "SELECT pg_postmaster_start_time(), pg_backend_pid()",
    )
    .await;
    insta::assert_snapshot!(refused(&client, "SELECT panics()").await, @"
    XX000: runmeta panicked: as the test asked
    HINT: This is a bug in runmeta. Please report it, with the statement that led here.
    ");
    assert_eq!(
        rows(
            &client,
            "SELECT pg_postmaster_start_time(), pg_backend_pid()"
        )
        .await,
        fine
    );
    // Nothing is left behind in the session, in whatever state the panic caught it.
    let after = "SELECT runmeta.set('run', 'k', '1'); BEGIN; SAVEPOINT s";
    assert_eq!(rows(&client, after).await, "2");
    assert!(
        refused(&client, "SELECT runmeta.set('run', 'k', '2'), panics()")
            .await
            .starts_with("XX000")
    );
    client
        .batch_execute("ROLLBACK TO s; SELECT runmeta.set('run', 'k', '3'); COMMIT")
        .await
        .unwrap();
    assert_eq!(
        rows(&client, "SELECT metadata, version FROM runmeta.run").await,
        r#"{"k": 3} | 3"#
    );
}

#[tokio::test]
async fn tags_and_keys_have_limits_before_they_are_copied() {
    let (_database, client) = database_with_a_run().await;
    let tags = |count: u32| {
        format!("SELECT runmeta.start('tagged', tags => array_fill('x'::text, ARRAY[{count}]))")
    };
    insta::assert_snapshot!(refused(&client, &tags(1_000_000)).await, @r"
    54000: too many tags
    DETAIL: A run has at most 100, and 1000000 are given.
    HINT: Keep long lists in the metadata.
    ");
    assert_eq!(rows(&client, &tags(100)).await, "1");
    for call in [
        "runmeta.number_at('{}', $)",
        "runmeta.get('run', $)",
        "runmeta.set('run', $, '1')",
    ] {
        for key in [
            "repeat('a', 60000000)",
            "'$.' || repeat('a', 60000000) || ']'",
        ] {
            let refused = refused(&client, &format!("SELECT {}", call.replace('$', key))).await;
            assert!(refused.starts_with("22023: "), "{call}: {refused}");
            assert!(
                refused.contains("Reason bad_path: a key of more than 65536 bytes goes on"),
                "{call}: {refused}"
            );
            assert!(refused.len() < 1000, "{call}: {} bytes", refused.len());
        }
    }
    let list = r#"SELECT runmeta.unapplied_operations('{}', jsonb_build_array(jsonb_build_object(
        'type', 'set', 'key', repeat('a', 65537), 'value', 1)))"#;
    assert_eq!(
        rows(&client, list).await,
        r#"[{"index": 0, "reason": "bad_path"}]"#
    );
}
