//! Each function that writes to one run, and `get`: what it does, what it returns, and what it refuses.

use tokio_postgres::Client;

use crate::harness::{Database, Listener, refusal, rows};

/// A database with a family of three and a session in it.
async fn family() -> (Database, Client) {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('root');
             SELECT runmeta.start('parent', parent_run_id => 'root');
             SELECT runmeta.start('child', parent_run_id => 'parent');",
        )
        .await
        .unwrap();
    (database, client)
}

async fn refused(client: &Client, statement: &str) -> String {
    refusal(client.batch_execute(statement).await)
}

#[tokio::test]
async fn set_takes_keys_and_paths_and_any_value() {
    let (_database, client) = family().await;
    let sets = r#"
        SELECT runmeta.set('child', 'progress', '0.5');
        SELECT runmeta.set('child', 'a.b', '"a plain key has dots and all"');
        SELECT runmeta.set('child', '', 'true');
        SELECT runmeta.set('child', '$.user.name', '"Eric"');
        SELECT runmeta.set('child', '$.user.tags[0]', '1');
        SELECT runmeta.set('child', '$.list', '[1, 2]');
        SELECT runmeta.set('child', '$.list[2].x', '{"y": []}');
        SELECT runmeta.set('child', '$.list.-3', 'null');
        SELECT runmeta.set('child', 'nothing', NULL);
        SELECT runmeta.set('child', 'made of SQL', to_jsonb('2026-01-01T00:00:00Z'::timestamptz));"#;
    insta::assert_snapshot!(rows(&client, sets).await, @"
    2
    3
    4
    5
    6
    7
    8
    9
    10
    11
    ");
    insta::assert_snapshot!(rows(&client, "SELECT jsonb_pretty(runmeta.get('child'))").await, @r#"
    {
        "": true,
        "a.b": "a plain key has dots and all",
        "list": [
            null,
            2,
            {
                "x": {
                    "y": [
                    ]
                }
            }
        ],
        "user": {
            "name": "Eric",
            "tags": {
                "0": 1
            }
        },
        "nothing": null,
        "progress": 0.5,
        "made of SQL": "2026-01-01T00:00:00+00:00"
    }
    "#);
}

#[tokio::test]
async fn del_takes_keys_and_paths_and_creates_nothing() {
    let (_database, client) = family().await;
    let dels = r#"
        SELECT runmeta.replace('child', '{"a": {"b": 1, "c": [1, 2, 3]}, "a.b": 2, "d": 4}');
        SELECT runmeta.del('child', 'd'), runmeta.get('child');
        SELECT runmeta.del('child', '$.a.b'), runmeta.del('child', '$.a.c[-2]');
        SELECT runmeta.del('child', 'missing'), runmeta.del('child', '$.x.y.z'), runmeta.del('child', '$.a.c.9');
        SELECT runmeta.get('child');"#;
    insta::assert_snapshot!(rows(&client, dels).await, @r#"
    2
    3 | {"a": {"b": 1, "c": [1, 2, 3]}, "d": 4, "a.b": 2}
    4 | 5
    5 | 5 | 5
    {"a": {"c": [1, 3]}, "a.b": 2}
    "#);
}

#[tokio::test]
async fn replace_and_merge_change_the_whole_or_what_a_key_names() {
    let (_database, client) = family().await;
    let merges = r#"
        SELECT runmeta.replace('child', '{"a": 1, "b": {"c": 1, "d": 2}}');
        SELECT runmeta.merge('child', '{"a": null, "b": {"c": 3}, "e": {"gone": null}}');
        SELECT runmeta.get('child');
        SELECT runmeta.merge('child', '{"d": null, "new": 1}', key => '$.b');
        SELECT runmeta.merge('child', '{"x": 1}', 'parent', '$.deep.er');
        SELECT runmeta.merge('child', 'null', key => 'e');
        SELECT runmeta.get('child'), runmeta.get('parent');"#;
    insta::assert_snapshot!(rows(&client, merges).await, @r#"
    2
    3
    {"b": {"c": 3, "d": 2}, "e": {}}
    4
    2
    5
    {"b": {"c": 3, "new": 1}} | {"deep": {"er": {"x": 1}}}
    "#);
}

#[tokio::test]
async fn append_wraps_what_is_no_array_and_keep_bounds_a_log() {
    let (_database, client) = family().await;
    let appends = r#"
        SELECT runmeta.append('child', 'log', '"first"');
        SELECT runmeta.append('child', 'log', '["nested"]');
        SELECT runmeta.append('child', 'log', NULL);
        SELECT runmeta.append('child', 'log', '"last"', keep => 2);
        SELECT runmeta.set('child', 'scalar', '7'), runmeta.append('child', 'scalar', '8');
        SELECT runmeta.set('child', 'none', 'null'), runmeta.append('child', 'none', '8');
        SELECT runmeta.append('child', '$.deep.log', '1', 'self', 5);
        SELECT runmeta.get('child');"#;
    insta::assert_snapshot!(rows(&client, appends).await, @r#"
    2
    3
    4
    5
    6 | 7
    8 | 9
    10
    {"log": [null, "last"], "deep": {"log": [1]}, "none": [null, 8], "scalar": [7, 8]}
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.append('child', 'log', '1', keep => 0)").await, @r#"
    22023: cannot append at key "log"
    DETAIL: Reason bad_value: keep is not a whole number from 1.
    HINT: Give keep a whole number from 1, or leave it out.
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.append('child', 'log', '1', keep => -1)").await, @r#"
    22023: cannot append at key "log"
    DETAIL: Reason bad_value: keep is not a whole number from 1.
    HINT: Give keep a whole number from 1, or leave it out.
    "#);
}

#[tokio::test]
async fn remove_takes_every_equal_element_and_needs_an_array() {
    let (_database, client) = family().await;
    let removes = r#"
        SELECT runmeta.replace('child', '{"list": [1, 1.0, "1", [1], {"a": 1, "b": 2}, null], "n": null}');
        SELECT runmeta.remove('child', 'list', '1.00');
        SELECT runmeta.remove('child', '$.list', '{"b": 2.0, "a": 1}');
        SELECT runmeta.remove('child', 'list', NULL);
        SELECT runmeta.remove('child', 'list', '"not there"');
        SELECT runmeta.get('child');"#;
    insta::assert_snapshot!(rows(&client, removes).await, @r#"
    2
    3
    4
    5
    5
    {"n": null, "list": ["1", [1]]}
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.remove('child', 'missing', '1')").await, @r#"
    22023: cannot remove at key "missing"
    DETAIL: Reason not_an_array: there is no array at the key.
    HINT: Remove works on arrays. Make one with append.
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.remove('child', 'n', '1')").await, @r#"
    22023: cannot remove at key "n"
    DETAIL: Reason not_an_array: there is no array at the key.
    HINT: Remove works on arrays. Make one with append.
    "#);
}

#[tokio::test]
async fn increments_are_exact_decimals() {
    let (_database, client) = family().await;
    let increments = r#"
        SELECT runmeta.increment('child', 'n', 0.1), runmeta.increment('child', 'n', 0.2), runmeta.decrement('child', 'n', 0.05);
        SELECT runmeta.increment('child', 'count'), runmeta.increment('child', 'count'), runmeta.decrement('child', 'count');
        SELECT runmeta.set('child', 'text', '"7"'), runmeta.increment('child', 'text', 2);
        SELECT runmeta.increment('child', '$.big.digits', 1234567890123456789012345678901234567890);
        SELECT runmeta.increment('child', '$.big.digits', 0.0000000001);
        SELECT runmeta.increment('child', 'count', 0);
        SELECT runmeta.get('child');
        SELECT runmeta.increment('child', 'huge', 1e400), length(runmeta.get('child', 'huge')::text);
        SELECT length(runmeta.get('child', 'huge')::text);"#;
    insta::assert_snapshot!(rows(&client, increments).await, @r#"
    2 | 3 | 4
    5 | 6 | 7
    8 | 9
    10
    11
    11
    {"n": 0.25, "big": {"digits": 1234567890123456789012345678901234567890.0000000001}, "text": 2, "count": 1}
    12 | NULL
    401
    "#);
    for (by, sqlstate) in [
        ("'NaN'", "22023"),
        ("'Infinity'", "22023"),
        ("NULL", "22004"),
    ] {
        let statement = format!("SELECT runmeta.increment('child', 'n', {by})");
        let refusal = refused(&client, &statement).await;
        assert!(refusal.starts_with(sqlstate), "{statement}: {refusal}");
    }
    client
        .batch_execute(
            "SET runmeta.maximum_size = '1MB'; SELECT runmeta.increment('child', 'max', 9e131071)",
        )
        .await
        .unwrap();
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.increment('child', 'max', 9e131071)").await, @r#"
    22003: cannot increment at key "max"
    DETAIL: Reason bad_value: a number has more digits than can be stored.
    HINT: A number has at most 131072 digits before the point and 16383 behind it.
    "#);
}

#[tokio::test]
async fn a_member_that_an_operation_does_not_have_is_reported_and_nothing_is_written() {
    let (_database, client) = family().await;
    let apply = r#"
        SELECT * FROM runmeta.apply('child', '[
            {"type": "set", "key": "a", "value": 1, "target": "parent"},
            {"type": "set", "key": "a", "valeu": 1},
            {"type": "append", "key": "log", "value": 1, "keep": 1, "limit": 2}]');
        SELECT unapplied FROM runmeta.flush('[{"run": "child", "operations": [{"type": "delete", "key": "a", "value": 1}]}]');
        SELECT runmeta.get('child'), runmeta.get('parent');"#;
    insta::assert_snapshot!(rows(&client, apply).await, @r#"
    1 | [{"index": 0, "detail": "set takes only the members type, key and value", "reason": "unknown_member"}, {"index": 1, "detail": "set takes only the members type, key and value", "reason": "unknown_member"}, {"index": 2, "detail": "append takes only the members type, key, value and keep", "reason": "unknown_member"}]
    [{"index": 0, "detail": "delete takes only the members type and key", "reason": "unknown_member"}]
    {} | {}
    "#);
}

#[tokio::test]
async fn increment_in_a_list_is_by_one_if_it_has_no_value() {
    let (_database, client) = family().await;
    let apply = r#"
        SELECT * FROM runmeta.apply('child', '[
            {"type": "increment", "key": "n"},
            {"type": "increment", "key": "n"},
            {"type": "increment", "key": "$.list[0].n"},
            {"type": "increment", "key": "n", "value": null}]');
        SELECT runmeta.get('child');
        -- The sum keeps no traces of how it came about.
        SELECT runmeta.get('child', 'n') = '2', runmeta.size(runmeta.get('child'));"#;
    insta::assert_snapshot!(rows(&client, apply).await, @r#"
    2 | [{"index": 3, "reason": "bad_value"}]
    {"n": 2, "list": {"0": {"n": 1}}}
    t | 28
    "#);
}

#[tokio::test]
async fn apply_does_what_it_can_and_tells_what_it_skipped() {
    let (_database, client) = family().await;
    let apply = r#"
        SELECT * FROM runmeta.apply('child', '[
            {"type": "set", "key": "a", "value": 1},
            {"type": "remove", "key": "a", "value": 1},
            {"type": "set", "key": "$.a.b", "value": 1},
            {"type": "set", "key": "$.a[*]", "value": 1},
            {"type": "append", "key": "$.list.5", "value": 1},
            {"type": "increment", "key": "a", "value": "1"},
            {"type": "explode"},
            {"type": "increment", "key": "a", "value": 41}]');
        SELECT runmeta.get('child');
        SELECT * FROM runmeta.apply('child', '[]');
        SELECT * FROM runmeta.apply('child', '[{"type": "append", "key": "log", "value": 1}]', 'root');
        SELECT count(*) FROM runmeta.apply(NULL, '[]');"#;
    insta::assert_snapshot!(rows(&client, apply).await, @r#"
    2 | [{"index": 1, "reason": "not_an_array"}, {"index": 2, "reason": "not_a_container"}, {"index": 3, "reason": "bad_path"}, {"index": 5, "reason": "bad_value"}, {"index": 6, "detail": "the type of the operation is missing or unknown; types are set, delete, update, merge, append, remove and increment", "reason": "unknown_type"}]
    {"a": 42, "list": {"5": [1]}}
    2 | []
    2 | []
    0
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.apply('child', '{}')").await, @r#"
    22023: operations are not an array
    HINT: Give an array of objects, as in [{"type": "set", "key": "progress", "value": 0.5}].
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.apply('child', '[{}, 7]')").await, @r#"
    22023: operation 1 is not an object
    HINT: Give an array of objects, as in [{"type": "set", "key": "progress", "value": 0.5}].
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.apply('child', NULL)").await, @"
    22004: operations is null
    HINT: Give it a value that is not NULL.
    ");
}

#[tokio::test]
async fn get_reads_the_document_a_key_or_a_path() {
    let (_database, client) = family().await;
    let gets = r#"
        SELECT runmeta.replace('child', '{"a": {"b": [1, {"c": "x"}], "d.e": 2}, "$": 3, "a.b": null}');
        SELECT runmeta.get('child', 'a'), runmeta.get('child', '$.a.b[1].c'), runmeta.get('child', '$.a.b.-2');
        SELECT runmeta.get('child', '$.a["d.e"]'), runmeta.get('child', '$.a.d\.e'), runmeta.get('child', '$');
        SELECT runmeta.get('child', 'a.b'), runmeta.get('child', '$.a.b.2'), runmeta.get('child', '$.a.b.c.d');
        SELECT runmeta.get(NULL), runmeta.get(NULL, 'a'), runmeta.get('child', NULL);"#;
    insta::assert_snapshot!(rows(&client, gets).await, @r#"
    2
    {"b": [1, {"c": "x"}], "d.e": 2} | "x" | 1
    2 | 2 | 3
    null | NULL | NULL
    NULL | NULL | NULL
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.get('child', '$.a..b')").await, @r#"
    22023: bad path: "$.a..b"
    DETAIL: Reason bad_path: an empty step stands at byte 4 of the key.
    HINT: Write paths as $.name.0 or $.name[0], and names with dots or brackets as ["a.b"].
    "#);
}

/// Each function that takes a run id, with the run in place of `$run` and the target in place of `$target`.
const WRITES: &[&str] = &[
    "runmeta.set($run, 'key', '1', $target)",
    "runmeta.del($run, 'key', $target)",
    "runmeta.replace($run, '{\"key\": 2}', $target)",
    "runmeta.merge($run, '{\"key\": 3}', $target)",
    "runmeta.append($run, 'key', '4', $target)",
    "runmeta.remove($run, 'key', '4', $target)",
    "runmeta.increment($run, 'key', 1, $target)",
    "runmeta.decrement($run, 'key', 2, $target)",
    "(runmeta.apply($run, '[{\"type\": \"set\", \"key\": \"key\", \"value\": 9}]', $target)).version",
];

fn call(function: &str, run: &str, target: &str) -> String {
    format!(
        "SELECT {}",
        function.replace("$run", run).replace("$target", target)
    )
}

#[tokio::test]
async fn writing_to_an_unknown_run_is_an_error_and_null_no_run_at_all() {
    let (_database, client) = family().await;
    let others = [
        "runmeta.finish($run)",
        "runmeta.finish($run, 'failed')",
        "runmeta.set_status($run, 'checking')",
    ];
    for function in WRITES.iter().chain(&others) {
        for target in ["'self'", "'parent'", "'root'"] {
            let statement = call(function, "'nobody'", target);
            let refusal = refused(&client, &statement).await;
            assert_eq!(
                refusal,
                "P0002: no such run: \"nobody\"\n\
                 DETAIL: No run of this id exists, or row-level security hides it.\n\
                 HINT: Start the run first, with runmeta.start.",
                "{statement}"
            );
        }
    }
    for function in WRITES.iter().chain(&others) {
        let nothing = rows(&client, &call(function, "NULL", "'parent'")).await;
        let expected = if function.contains("apply") {
            ""
        } else {
            "NULL"
        };
        assert_eq!(nothing, expected, "{function}");
    }
    assert_eq!(
        rows(&client, "SELECT runmeta.start(NULL, '7', 'nobody')").await,
        "NULL"
    );
    let versions = "SELECT DISTINCT version FROM runmeta.run";
    assert_eq!(rows(&client, versions).await, "1");
}

#[tokio::test]
async fn each_operation_reaches_self_parent_and_root() {
    let (_database, client) = family().await;
    for (target, id) in [
        ("'self'", "child"),
        ("'parent'", "parent"),
        ("'root'", "root"),
    ] {
        for (before, function) in WRITES.iter().enumerate() {
            let version = rows(&client, &call(function, "'child'", target)).await;
            assert_eq!(version, (before + 2).to_string(), "{function} {target}");
        }
        let versions =
            format!("SELECT id, metadata FROM runmeta.run WHERE version = 10 AND id = '{id}'");
        assert_eq!(
            rows(&client, &versions).await,
            format!("{id} | {{\"key\": 9}}")
        );
    }
}

#[tokio::test]
async fn root_is_its_own_parent_and_root() {
    let (_database, client) = family().await;
    let increments = "
        SELECT runmeta.increment('root', 'n', 1), runmeta.increment('root', 'n', 10, 'parent'),
            runmeta.increment('root', 'n', 100, target => 'root');
        SELECT runmeta.get('root');";
    insta::assert_snapshot!(rows(&client, increments).await, @r#"
    2 | 3 | 4
    {"n": 111}
    "#);
}

#[tokio::test]
async fn what_changes_nothing_keeps_the_version_and_tells_nobody() {
    let (database, client) = family().await;
    client
        .batch_execute(r#"SELECT runmeta.replace('child', '{"n": 1, "list": [1], "o": {"a": 1}}')"#)
        .await
        .unwrap();
    let before = "SELECT version, updated_at, metadata, xmin FROM runmeta.run WHERE id = 'child'";
    let row = rows(&client, before).await;
    let mut listener = Listener::new(&database).await;
    let unchanged = r#"
        SELECT runmeta.set('child', 'n', '1.0');
        SELECT runmeta.del('child', 'missing');
        SELECT runmeta.del('child', '$.n.x');
        SELECT runmeta.replace('child', '{"o": {"a": 1.00}, "list": [1], "n": 1}');
        SELECT runmeta.merge('child', '{"o": {"a": 1, "b": null}}');
        SELECT runmeta.remove('child', 'list', '2');
        SELECT runmeta.increment('child', 'n', 0);
        SELECT version FROM runmeta.apply('child', '[{"type": "increment", "key": "n", "value": 5}, {"type": "increment", "key": "n", "value": -5}]');
        SELECT version FROM runmeta.flush('[{"run": "child", "operations": [{"type": "append", "key": "list", "value": 2}, {"type": "remove", "key": "list", "value": 2}]}]');"#;
    assert_eq!(rows(&client, unchanged).await, ["2"; 9].join("\n"));
    assert_eq!(rows(&client, before).await, row);
    assert_eq!(listener.payloads().await, Vec::<String>::new());
}

#[tokio::test]
async fn null_key_and_null_target_are_refused() {
    let (_database, client) = family().await;
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.set('child', NULL, '1')").await, @"
    22004: key is null
    HINT: Give it a value that is not NULL.
    ");
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.set('child', 'key', '1', NULL)").await, @"
    22004: target is null
    HINT: Give it a value that is not NULL.
    ");
    for function in [
        "del('child', NULL)",
        "append('child', NULL, '1')",
        "remove('child', NULL, '1')",
        "increment('child', NULL)",
        "decrement('child', NULL)",
    ] {
        let refusal = refused(&client, &format!("SELECT runmeta.{function}")).await;
        assert!(
            refusal.starts_with("22004: key is null"),
            "{function}: {refusal}"
        );
    }
    // A merge without a key is one into the whole document.
    assert_eq!(
        rows(&client, "SELECT runmeta.merge('child', '{}', key => NULL)").await,
        "1"
    );
}

#[tokio::test]
async fn refused_operation_names_key_reason_and_way_out() {
    let (_database, client) = family().await;
    client
        .batch_execute("SELECT runmeta.set('child', 'n', '1'), runmeta.set('child', 'list', '[]')")
        .await
        .unwrap();
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.set('child', '$.n.x', '1')").await, @r#"
    22023: cannot set at key "$.n.x"
    DETAIL: Reason not_a_container: a scalar stands on the way, where an object or an array is needed.
    HINT: Delete the scalar first, or choose another key.
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.set('child', '$.list.1', '1')").await, @r#"
    22023: cannot set at key "$.list.1"
    DETAIL: Reason index_out_of_range: the array on the way has no such position.
    HINT: A position from 0 to the length of the array, or a negative one from its end, is taken.
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.set('child', '$.list[*]', '1')").await, @r#"
    22023: cannot set at key "$.list[*]"
    DETAIL: Reason bad_path: a bracket with neither a position nor a quoted text stands at byte 6 of the key.
    HINT: Write paths as $.name.0 or $.name[0], and names with dots or brackets as ["a.b"].
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.replace('child', '[1]')").await, @"
    22023: cannot replace
    DETAIL: Reason bad_value: the value is not an object.
    HINT: Give a value that the operation takes.
    ");
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.replace('child', NULL)").await, @"
    22023: cannot replace
    DETAIL: Reason bad_value: the value is not an object.
    HINT: Give a value that the operation takes.
    ");
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.merge('child', '7')").await, @"
    22023: cannot merge
    DETAIL: Reason bad_value: the value is not an object.
    HINT: Give a value that the operation takes.
    ");
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.set('child', 'key', '1', 'uncle')").await, @r#"22P02: invalid input value for enum runmeta.target: "uncle""#);
}

#[tokio::test]
async fn untyped_parameters_of_a_driver_find_the_functions() {
    let (_database, client) = family().await;
    for statement in [
        "SELECT runmeta.start($1, $2, $3, $4, $5, $6, $7)",
        "SELECT runmeta.set_status($1, $2)",
        "SELECT runmeta.finish($1, $2)",
        "SELECT runmeta.get($1, $2), runmeta.get($1)",
        "SELECT runmeta.set($1, $2, $3, $4)",
        "SELECT runmeta.set($1, $2, $3)",
        "SELECT runmeta.del($1, $2, $3)",
        "SELECT runmeta.replace($1, $2, $3)",
        "SELECT runmeta.merge($1, $2, $3, $4)",
        "SELECT runmeta.append($1, $2, $3, $4, $5)",
        "SELECT runmeta.remove($1, $2, $3, $4)",
        "SELECT runmeta.increment($1, $2, $3, $4)",
        "SELECT runmeta.decrement($1, $2)",
        "SELECT * FROM runmeta.apply($1, $2, $3)",
        "SELECT * FROM runmeta.flush($1, $2, $3)",
        "SELECT runmeta.apply_operations($1, $2), runmeta.unapplied_operations($1, $2), runmeta.size($1), runmeta.number_at($1, $3)",
        "SELECT * FROM runmeta.ancestors($1), runmeta.descendants($1), runmeta.tree($1), runmeta.rollup($1, $2, $3, $4)",
        "SELECT * FROM runmeta.rollup_each($1, $2)",
        "SELECT runmeta.prune($1)",
    ] {
        if let Err(error) = client.prepare(statement).await {
            panic!("{statement}: {error:?}");
        }
    }
    let set = client
        .prepare("SELECT runmeta.set($1, $2, $3)")
        .await
        .unwrap();
    let types: Vec<&str> = set
        .params()
        .iter()
        .map(|parameter| parameter.name())
        .collect();
    assert_eq!(types, ["text", "text", "jsonb"]);
    let value = serde_json::json!({"from": "a driver"});
    let version: i64 = client
        .query_one(&set, &[&"child", &"key", &value])
        .await
        .unwrap()
        .get(0);
    assert_eq!(version, 2);
    assert_eq!(
        rows(&client, "SELECT runmeta.get('child', 'key')").await,
        r#"{"from": "a driver"}"#
    );
}

#[tokio::test]
async fn pure_functions_take_any_document_and_list() {
    let database = Database::empty().await;
    let client = database.connect().await;
    client
        .batch_execute("CREATE EXTENSION runmeta")
        .await
        .unwrap();
    let pure = r#"
        SELECT runmeta.apply_operations('{"a": [1]}', '[{"type": "append", "key": "a", "value": 2}, {"type": "remove", "key": "b", "value": 2}]');
        SELECT runmeta.unapplied_operations('{"a": [1]}', '[{"type": "append", "key": "a", "value": 2}, {"type": "remove", "key": "b", "value": 2}]');
        SELECT runmeta.unapplied_operations('{}', '[]');
        SELECT runmeta.apply_operations(NULL, '[]'), runmeta.size(NULL);
        SELECT runmeta.size('{}'), runmeta.size('[1, 2]'), runmeta.size('"é"'), runmeta.size('1e10'), runmeta.size('null');"#;
    insta::assert_snapshot!(rows(&client, pure).await, @r#"
    {"a": [1, 2]}
    [{"index": 1, "reason": "not_an_array"}]
    []
    NULL | NULL
    2 | 5 | 4 | 11 | 4
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.apply_operations('[]', '[]')").await, @r#"
    22023: document is not an object
    DETAIL: Metadata is one JSON object.
    HINT: Put the value under a key, as in {"value": ...}.
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.unapplied_operations('{}', '7')").await, @r#"
    22023: operations are not an array
    HINT: Give an array of objects, as in [{"type": "set", "key": "progress", "value": 0.5}].
    "#);
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.start('run')").await, @r#"
    42P01: relation "runmeta.run" does not exist
    DETAIL: The extension is installed, but its tables are not.
    HINT: Run "runmeta migrate" on this database.
    "#);
    // The next call finds the same, and not what the first left behind.
    insta::assert_snapshot!(refused(&client, "SELECT runmeta.start('run')").await, @r#"
    42P01: relation "runmeta.run" does not exist
    DETAIL: The extension is installed, but its tables are not.
    HINT: Run "runmeta migrate" on this database.
    "#);
}

#[tokio::test]
async fn volatility_strictness_and_parallel_safety_are_those_of_what_a_function_does() {
    let database = Database::empty().await;
    let client = database.connect().await;
    client
        .batch_execute("CREATE EXTENSION runmeta")
        .await
        .unwrap();
    let functions = "
        SELECT proname || '/' || pronargs, provolatile, CASE WHEN proisstrict THEN 'strict' END, proparallel, prosecdef
        FROM pg_proc WHERE pronamespace = 'runmeta'::regnamespace ORDER BY 1";
    insta::assert_snapshot!(rows(&client, functions).await, @"
    _adapter_dbos/1 | i | NULL | s | f
    _adapter_functions/8 | i | NULL | s | f
    _adapter_graphile_worker/1 | i | NULL | s | f
    _adapter_lost/4 | s | NULL | s | f
    _adapter_oban/1 | i | NULL | s | f
    _adapter_own_table/2 | s | NULL | s | f
    _adapter_pg_boss/1 | i | NULL | s | f
    _adapter_pgmq/1 | i | NULL | s | f
    _adapter_procrastinate/1 | i | NULL | s | f
    _adapter_queue/6 | s | NULL | s | f
    _adapter_river/1 | i | NULL | s | f
    _adapter_rows/2 | i | NULL | s | f
    _adapter_sync/5 | s | NULL | s | f
    _adapter_triggers/4 | s | NULL | s | f
    _apply_in_shard/7 | i | NULL | s | f
    _apply_lists/9 | v | NULL | u | f
    _await_commits/2 | v | strict | u | f
    _changed_bound/0 | v | NULL | u | f
    _changed_document/0 | v | NULL | u | f
    _check_contract/0 | v | NULL | u | f
    _depth_first/2 | i | strict | s | f
    _diagnose/2 | v | strict | u | f
    _family/1 | s | strict | s | f
    _is_distributed/0 | s | NULL | s | f
    _is_schema/1 | i | strict | s | f
    _is_split/0 | i | NULL | s | f
    _keep_histories/0 | v | NULL | u | f
    _last_change/3 | i | NULL | s | f
    _live_metadata/4 | s | strict | s | f
    _live_updated_at/4 | s | strict | s | f
    _live_version/4 | s | strict | s | f
    _noted/1 | v | strict | u | f
    _progress/6 | s | NULL | s | f
    _recent_rate/6 | i | strict | s | f
    _record_change/11 | v | NULL | u | f
    _record_jobs/3 | v | strict | u | f
    _rollup_of/5 | s | NULL | s | f
    _root_of/1 | s | strict | s | f
    _value_at/2 | i | NULL | s | f
    _worker_state/0 | v | NULL | r | f
    adapt/10 | v | NULL | u | f
    ancestors/1 | s | strict | s | f
    append/5 | v | NULL | u | f
    apply/3 | v | NULL | u | f
    apply_operations/2 | i | strict | s | f
    contract/3 | v | NULL | u | f
    contract_violations/3 | s | NULL | u | f
    decrement/4 | v | NULL | u | f
    del/3 | v | NULL | u | f
    deliver/1 | v | NULL | u | f
    descendants/1 | s | strict | s | f
    finish/3 | v | NULL | u | f
    flush/3 | v | NULL | u | f
    fold/1 | v | strict | u | f
    follow/1 | v | strict | u | f
    get/1 | s | strict | s | f
    get/2 | s | NULL | s | f
    increment/4 | v | NULL | u | f
    merge/4 | v | NULL | u | f
    number_at/2 | i | strict | s | f
    prune/2 | v | strict | u | f
    prune_streams/2 | v | strict | u | f
    remove/4 | v | NULL | u | f
    replace/3 | v | NULL | u | f
    rollup/5 | s | NULL | s | f
    rollup_each/5 | s | NULL | s | f
    samples/2 | s | strict | s | f
    set/4 | v | NULL | u | f
    set_status/3 | v | NULL | u | f
    size/1 | i | strict | s | f
    start/7 | v | NULL | u | f
    stream_append/4 | v | NULL | u | f
    stream_close/4 | v | NULL | u | f
    stream_read/4 | s | NULL | s | f
    streams/1 | s | strict | s | f
    track/4 | v | NULL | u | f
    tree/1 | s | strict | s | f
    unadapt/4 | v | NULL | u | f
    unapplied_operations/2 | i | strict | s | f
    untrack/2 | v | NULL | u | f
    ");
}
