//! The view `runmeta.progress`: the numbers that it finds are those that the command finds, and no document makes it fail.

use std::collections::HashMap;
use std::process::Stdio;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Map, Value, json};
use tokio_postgres::Client;

use crate::cli::program;
use crate::harness::{Database, refusal, rows, seeded};

/// Documents that are compared in one call of the command.
const DOCUMENTS: usize = 400;

/// Draws a key of one to three words, of which most mean something, in a spelling.
fn key() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => Just("total"),
        2 => Just("done"),
        2 => Just("processed"),
        1 => Just("completed"),
        1 => Just("finished"),
        1 => Just("current"),
        1 => Just("progress"),
        4 => Just("rows"),
        1 => Just("v2"),
    ];
    (prop::collection::vec(word, 1..=3), 0..6).prop_map(|(words, spelling)| match spelling {
        0 | 1 => camel(&words),
        2 => words.join("_"),
        3 => words.join("-"),
        4 => format!("_{}", words.join(" ")),
        _ => words.concat(),
    })
}

fn camel(words: &[&str]) -> String {
    let mut key = words[0].to_owned();
    for word in &words[1..] {
        key += &word[..1].to_uppercase();
        key += &word[1..];
    }
    key
}

fn value() -> impl Strategy<Value = Value> {
    let values = [
        json!(0),
        json!(0.29),
        json!(1),
        json!(3),
        json!(7.5),
        json!(58),
        json!(200),
        json!(-2),
        json!("7"),
        json!(null),
        json!([1]),
    ];
    prop::sample::select(values.to_vec())
}

fn members() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::hash_map(key(), value(), 0..8)
        .prop_map(|members: HashMap<_, _>| members.into_iter().collect())
}

fn document() -> impl Strategy<Value = Value> {
    let objects = prop::collection::hash_map(key(), members(), 0..3);
    (members(), objects).prop_map(|(mut document, objects)| {
        document.extend(
            objects
                .into_iter()
                .map(|(key, members)| (key, Value::Object(members))),
        );
        Value::Object(document)
    })
}

/// Returns the line of the command for each run of a tree that has finished.
fn lines(database: &Database, root: &str) -> HashMap<String, String> {
    let output = program()
        .args(["tree", root, "--watch", "--database-url", &database.url()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = String::from_utf8(output.stdout).unwrap();
    let lines = output.lines().filter(|line| !line.starts_with(' '));
    lines
        .map(|line| (line.split("  ").next().unwrap().to_owned(), line.to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_that_which_the_command_shows() {
    let database = Database::new().await;
    let client = database.connect().await;
    let (_, mut runner) = seeded();
    client
        .batch_execute("SELECT runmeta.start('all'), runmeta.finish('all')")
        .await
        .unwrap();
    let mut documents = HashMap::new();
    for number in 0..DOCUMENTS {
        let document = document().new_tree(&mut runner).unwrap().current();
        let id = format!("run-{number}");
        client
            .execute(
                "INSERT INTO runmeta.run (root_id, id, parent_id, depth, status, metadata, finished_at)
                VALUES ('all', $1, 'all', 1, 'completed', $2, now())",
                &[&id, &document],
            )
            .await
            .unwrap();
        documents.insert(id, document);
    }
    let lines = lines(&database, "all");
    let progress = "SELECT id, label, percent FROM runmeta.progress WHERE parent_id = 'all'";
    let mut found = 0;
    for row in client.query(progress, &[]).await.unwrap() {
        let (id, label): (String, Option<String>) = (row.get(0), row.get(1));
        let shown = match label {
            Some(label) => format!("{id}  completed  {label} {} %  ", row.get::<_, i32>(2)),
            None => format!("{id}  completed  "),
        };
        found += usize::from(row.get::<_, Option<i32>>(2).is_some());
        let line = format!("{}  ", lines[&id]);
        let is_same = match row.get::<_, Option<i32>>(2) {
            Some(_) => line.starts_with(&shown),
            None => line == shown,
        };
        assert!(is_same, "{}\n{shown}\n{line}", documents[&id]);
    }
    assert!(
        found > DOCUMENTS / 10,
        "only {found} documents have progress"
    );
}

async fn start(client: &Client, metadata: &str) {
    client
        .batch_execute(&format!(
            "SELECT runmeta.start('a', '{metadata}', task => 'import')"
        ))
        .await
        .unwrap();
}

const SHOWN: &str = "SELECT label, done, total, percent FROM runmeta.progress";

#[tokio::test]
async fn rate_is_that_of_the_attempt_and_time_left_is_the_rest_at_that_rate() {
    let database = Database::new().await;
    let client = database.connect().await;
    start(&client, r#"{"totalRows": 400, "processedRows": 100}"#).await;
    let begun = "BEGIN; UPDATE runmeta.run SET started_at = now() - interval '10 minutes'";
    client.batch_execute(begun).await.unwrap();
    let shown = "SELECT round(rate * 60), elapsed, time_left FROM runmeta.progress";
    assert_eq!(rows(&client, shown).await, "10 | 00:10:00 | 00:30:00");
}

#[tokio::test]
async fn nothing_is_left_of_what_waits_or_is_done_or_has_finished() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            r#"INSERT INTO runmeta.run (root_id, id, metadata, started_at, finished_at) VALUES
            ('waits', 'waits', '{"done": 1, "total": 2}', NULL, NULL),
            ('done', 'done', '{"done": 2, "total": 2}', now() - interval '1 hour', NULL),
            ('over', 'over', '{"done": 1, "total": 2}', now() - interval '1 hour', now()),
            ('none', 'none', '{"done": 0, "total": 2}', now() - interval '1 hour', NULL),
            ('new', 'new', '{"done": 1, "total": 2}', now() + interval '1 hour', NULL)"#,
        )
        .await
        .unwrap();
    let shown = "SELECT id, percent, rate, time_left FROM runmeta.progress ORDER BY id";
    insta::assert_snapshot!(rows(&client, shown).await, @"
    done | 100 | NULL | NULL
    new | 50 | NULL | NULL
    none | 0 | NULL | NULL
    over | 50 | NULL | NULL
    waits | 50 | NULL | NULL
    ");
}

#[tokio::test]
async fn setting_of_the_task_comes_before_the_names() {
    let database = Database::new().await;
    let client = database.connect().await;
    start(
        &client,
        r#"{"totalRows": 4, "rows": 3, "$": 1, "steps": {"at": 1, "of": 8}, "percentage": 1}"#,
    )
    .await;
    let mut shown = Vec::new();
    for setting in [
        "'$.steps.at', '$.steps.of', NULL",
        "'percentage', NULL, 100",
        "'percentage', NULL, NULL",
        "'$.steps.at', 'nothing', NULL",
        "'nothing', NULL, 8",
        "NULL, NULL, NULL",
    ] {
        client
            .batch_execute(&format!(
                "DELETE FROM runmeta.task_setting;
                INSERT INTO runmeta.task_setting (task, done_key, total_key, total) VALUES ('import', {setting})"
            ))
            .await
            .unwrap();
        shown.push(rows(&client, SHOWN).await);
    }
    insta::assert_snapshot!(shown.join("\n"), @"
    $.steps.at | 1 | 8 | 12
    percentage | 1 | 100 | 1
    percentage | 1 | 1 | 100
    NULL | NULL | NULL | NULL
    NULL | NULL | NULL | NULL
    rows | 3 | 4 | 75
    ");
}

#[tokio::test]
async fn setting_that_would_fail_a_report_is_refused() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mut refusals = String::new();
    for values in [
        "'a', '$.', NULL, NULL",
        "'a', 'done', '$.x[', NULL",
        "'a', 'done', NULL, 0",
        "'a', 'done', 'total', 7",
        "'a', NULL, 'total', NULL",
    ] {
        let insert = format!(
            "INSERT INTO runmeta.task_setting (task, done_key, total_key, total) VALUES ({values})"
        );
        refusals += &refusal(client.batch_execute(&insert).await);
        refusals += "\n";
    }
    insta::assert_snapshot!(refusals, @r#"
    22023: bad path: "$."
    DETAIL: Reason bad_path: an empty step stands at byte 2 of the key.
    HINT: Write paths as $.name.0 or $.name[0], and names with dots or brackets as ["a.b"].
    22023: bad path: "$.x["
    DETAIL: Reason bad_path: a bracket is not closed at byte 3 of the key.
    HINT: Write paths as $.name.0 or $.name[0], and names with dots or brackets as ["a.b"].
    23514: new row for relation "task_setting" violates check constraint "task_setting_total_positive"
    DETAIL: Failing row contains (a, done, null, 0, null, null, null, null).
    23514: new row for relation "task_setting" violates check constraint "task_setting_one_total"
    DETAIL: Failing row contains (a, done, total, 7, null, null, null, null).
    23514: new row for relation "task_setting" violates check constraint "task_setting_total_of_done"
    DETAIL: Failing row contains (a, null, total, null, null, null, null, null).
    "#);
}

#[tokio::test]
async fn no_number_fails_the_report() {
    let database = Database::new().await;
    let client = database.connect().await;
    let numbers = [
        "1e131071",
        "-1e131071",
        "1e-16383",
        "1e300",
        "1e299",
        "-1e299",
        "0",
    ];
    for done in numbers {
        for total in numbers {
            client
                .batch_execute(&format!(
                    "INSERT INTO runmeta.run (root_id, id, started_at, metadata)
                    VALUES ('{done} {total}', '{done} {total}', now() - interval '1000 years', '{{\"done\": {done}, \"total\": {total}}}');
                    INSERT INTO runmeta.run (root_id, id, started_at, metadata) VALUES
                    ('{done} {total} 2', '{done} {total} 2', now() - interval '1 second', '{{\"progress\": {done}, \"x\": {{\"progress\": {total}}}}}')"
                ))
                .await
                .unwrap();
        }
    }
    let all = "SELECT count(*), min(percent), max(percent) FROM runmeta.progress";
    assert_eq!(rows(&client, all).await, "98 | 0 | 100");
    client
        .batch_execute("SELECT * FROM runmeta.progress")
        .await
        .unwrap();
}

#[tokio::test]
async fn document_of_many_totals_takes_time_in_proportion_to_its_size() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('a', (SELECT jsonb_object_agg('total_' || i, i) FROM generate_series(1, 5000) AS i)
                || '{\"progress\": 0.5}')",
        )
        .await
        .unwrap();
    let shown = rows(&client, SHOWN).await;
    assert_eq!(shown, "progress | 0.5 | 1 | 50");
    let plan =
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT label FROM runmeta.progress";
    let plan = rows(&client, plan).await;
    // How often the members of the document are gone through.
    let scans = plan.lines().filter(|line| line.contains("on jsonb_each"));
    let loops = scans.map(|line| {
        let (_, loops) = line.split_once("loops=").unwrap();
        loops.trim_end_matches(')').parse::<u32>().unwrap()
    });
    assert!(loops.max().unwrap() <= 32, "{plan}");
}

#[tokio::test]
async fn progress_includes_what_waits_in_the_inbox() {
    let database = Database::new().await;
    let client = database.connect().await;
    start(&client, r#"{"total": 4, "done": 1}"#).await;
    client
        .batch_execute(
            "SET runmeta.inbox = on; SELECT runmeta.start('b', parent_run_id => 'a');
            SELECT runmeta.increment('b', 'done', target => 'parent')",
        )
        .await
        .unwrap();
    let shown = "SELECT r.metadata->'done', p.done FROM runmeta.run AS r JOIN runmeta.progress AS p USING (id) WHERE id = 'a'";
    assert_eq!(rows(&client, shown).await, "1 | 2");
}
