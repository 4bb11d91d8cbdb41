//! Batches of which some runs do not fit: those are refused, and no others.

use super::{SCHEMA, enforced};
use crate::harness::rows;

const ROWS: &str = "SELECT run_id, part, target, outcome, version, unapplied FROM runmeta.flush";

#[tokio::test]
async fn lists_that_do_not_fit_are_refused_and_the_others_take_effect() {
    let (_database, client) = enforced(SCHEMA).await;
    client
        .batch_execute("SELECT runmeta.start('b', task => 'import'), runmeta.start('c', task => 'import'), runmeta.start('d', task => 'mail')")
        .await
        .unwrap();
    let batch = r#"('[
        {"run": "a", "operations": [{"type": "set", "key": "rows", "value": "secret"}]},
        {"run": "b", "operations": [{"type": "increment", "key": "rows"}]},
        {"run": "c", "operations": [{"type": "increment", "key": "rows", "value": -1}]},
        {"run": "d", "operations": [{"type": "set", "key": "rows", "value": "one"}]},
        {"run": "none", "operations": [{"type": "increment", "key": "rows"}]}
    ]', '6f0b9f4e-2c1d-4f6a-9a57-1f1d0c6f0e11', 1)"#;
    insta::assert_snapshot!(rows(&client, &format!("{ROWS}{batch}")).await, @r#"
    a | operations | self | invalid | NULL | [{"detail": "At $.rows: value is not of type \"integer\".", "reason": "contract"}]
    b | operations | self | applied | 2 | NULL
    c | operations | self | invalid | NULL | [{"detail": "At $.rows: value is less than the minimum of 0.", "reason": "contract"}]
    d | operations | self | applied | 2 | NULL
    none | operations | self | not_found | NULL | NULL
    "#);
    let runs = "SELECT id, metadata, version FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, runs).await, @r#"
    a | {} | 1
    b | {"rows": 1} | 2
    c | {} | 1
    d | {"rows": "one"} | 2
    "#);
    // The same answer again to a client that did not get it.
    insta::assert_snapshot!(rows(&client, &format!("{ROWS}{batch}")).await, @r#"
    a | operations | self | invalid | NULL | [{"detail": "At $.rows: value is not of type \"integer\".", "reason": "contract"}]
    b | operations | self | duplicate | NULL | NULL
    c | operations | self | invalid | NULL | [{"detail": "At $.rows: value is less than the minimum of 0.", "reason": "contract"}]
    d | operations | self | duplicate | NULL | NULL
    none | operations | self | not_found | NULL | NULL
    "#);
}

#[tokio::test]
async fn starts_that_do_not_fit_are_refused_with_their_entries_and_finishes_take_effect_without_the_list()
 {
    let (_database, client) = enforced(SCHEMA).await;
    let batch = r#"('[
        {"run": "b", "start": {"metadata": {"rows": "secret"}, "task": "import"}, "operations": [{"type": "increment", "key": "n"}], "finish": "completed"},
        {"run": "c", "start": {"metadata": {"rows": 1}, "task": "import", "parent": "a"}, "operations": [{"type": "set", "key": "rows", "value": -1}],
            "parentOperations": [{"type": "increment", "key": "rows"}], "finish": "failed"},
        {"run": "a", "start": {"metadata": {"file": {"name": 1}}, "attempt": 2}, "status": "running"},
        {"run": "d", "start": {"task": "import", "parent": "a"}, "parentOperations": [{"type": "increment", "key": "rows"}]}
    ]')"#;
    insta::assert_snapshot!(rows(&client, &format!("{ROWS}{batch}")).await, @r#"
    b | start | self | invalid | NULL | [{"detail": "At $.rows: value is not of type \"integer\".", "reason": "contract"}]
    b | operations | self | invalid | NULL | NULL
    b | finish | self | invalid | NULL | NULL
    c | start | self | applied | 1 | NULL
    c | operations | self | invalid | NULL | [{"detail": "At $.rows: value is less than the minimum of 0.", "reason": "contract"}]
    c | operations | parent | invalid | NULL | [{"detail": "At $.file.name: value is not of type \"string\".", "reason": "contract"}]
    c | finish | self | applied | 2 | NULL
    a | start | self | invalid | NULL | [{"detail": "At $.file.name: value is not of type \"string\".", "reason": "contract"}]
    a | status | self | invalid | NULL | NULL
    d | start | self | applied | 1 | NULL
    d | operations | parent | invalid | NULL | [{"detail": "At $.file.name: value is not of type \"string\".", "reason": "contract"}]
    "#);
    let runs = "SELECT id, status, attempt, metadata, version FROM runmeta.run ORDER BY id";
    insta::assert_snapshot!(rows(&client, runs).await, @r#"
    a | running | 1 | {} | 1
    c | failed | 1 | {"rows": 1} | 2
    d | running | 1 | {} | 1
    "#);
}

/// The parent of a run that the batch makes is found too.
#[tokio::test]
async fn list_for_a_parent_that_does_not_fit_is_refused_alone() {
    let (_database, client) = enforced(SCHEMA).await;
    let batch = r#"('[
        {"run": "b", "start": {"parent": "a"}, "parentOperations": [{"type": "set", "key": "rows", "value": "secret"}]},
        {"run": "c", "operations": [], "start": {"parent": "b"}, "rootOperations": [{"type": "set", "key": "rows", "value": true}]}
    ]')"#;
    insta::assert_snapshot!(rows(&client, &format!("{ROWS}{batch}")).await, @r#"
    b | start | self | applied | 1 | NULL
    b | operations | parent | invalid | NULL | [{"detail": "At $.rows: value is not of type \"integer\".", "reason": "contract"}]
    c | start | self | applied | 1 | NULL
    c | operations | self | unchanged | 1 | NULL
    c | operations | root | invalid | NULL | [{"detail": "At $.rows: value is not of type \"integer\".", "reason": "contract"}]
    "#);
    assert_eq!(
        rows(&client, "SELECT id, version FROM runmeta.run ORDER BY id").await,
        "a | 1\nb | 1\nc | 1"
    );
}

/// A thousand runs of which every third does not fit take two passes, not hundreds.
#[tokio::test]
async fn many_runs_that_do_not_fit_cost_one_more_pass() {
    let (_database, client) = enforced(SCHEMA).await;
    client
        .batch_execute("SELECT runmeta.start('run ' || i, task => 'import') FROM generate_series(1, 3000) AS i")
        .await
        .unwrap();
    let flush = "SELECT outcome, count(*) FROM runmeta.flush((
            SELECT jsonb_agg(jsonb_build_object('run', 'run ' || i, 'operations',
                jsonb_build_array(jsonb_build_object('type', 'increment', 'key', 'rows', 'value', i % 3 - 1))))
            FROM generate_series(1, 3000) AS i))
        GROUP BY outcome ORDER BY outcome";
    assert_eq!(rows(&client, flush).await, "applied | 2000\ninvalid | 1000");
    let stored = "SELECT version, count(*) FROM runmeta.run WHERE id <> 'a' GROUP BY version ORDER BY version";
    assert_eq!(rows(&client, stored).await, "1 | 1000\n2 | 2000");
}
