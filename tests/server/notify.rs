//! What listeners are told, and when.

use serde_json::Value;
use tokio_postgres::Client;

use crate::harness::{Database, Listener, OwnServer, refusal, rows, until, until_worker_runs};

async fn database_with_listener() -> (Database, Client, Listener) {
    let database = Database::new().await;
    let client = database.connect().await;
    let listener = Listener::new(&database).await;
    (database, client, listener)
}

/// Runs statements, a transaction each unless they say otherwise, and returns what was announced.
async fn announced(client: &Client, listener: &mut Listener, statements: &[&str]) -> String {
    for statement in statements {
        client.batch_execute(statement).await.unwrap();
    }
    listener.payloads().await.join("\n")
}

#[tokio::test]
async fn each_change_is_announced_with_run_root_and_version() {
    let (_database, client, mut listener) = database_with_listener().await;
    let told = announced(
        &client,
        &mut listener,
        &[
            "SELECT runmeta.start('top')",
            "SELECT runmeta.start('child', parent_run_id => 'top')",
            "SELECT runmeta.start('child')",
            "SELECT runmeta.set('child', 'k', '1')",
            "SELECT runmeta.set('child', 'k', '1')",
            "SELECT runmeta.increment('child', 'n', 1, 'parent')",
            "SELECT runmeta.apply('child', '[{\"type\": \"set\", \"key\": \"k\", \"value\": 2}]', 'root')",
            "SELECT runmeta.finish('child')",
            "SELECT runmeta.finish('child')",
        ],
    )
    .await;
    insta::assert_snapshot!(told, @r#"
    {"runs":[{"id":"top","root":"top","version":1}]}
    {"runs":[{"id":"child","root":"top","version":1}]}
    {"runs":[{"id":"child","root":"top","version":2}]}
    {"runs":[{"id":"top","root":"top","version":2}]}
    {"runs":[{"id":"top","root":"top","version":3}]}
    {"runs":[{"id":"child","root":"top","version":3}]}
    "#);
}

#[tokio::test]
async fn a_transaction_announces_each_run_once_with_its_last_version() {
    let (_database, client, mut listener) = database_with_listener().await;
    let told = announced(
        &client,
        &mut listener,
        &[
            "BEGIN; SELECT runmeta.start('b'), runmeta.start('a')",
            "SELECT runmeta.set('b', 'k', to_jsonb(n)) FROM generate_series(1, 5) AS n",
            r#"SELECT runmeta.flush('[{"run": "a", "operations": [{"type": "set", "key": "k", "value": 1}]}, {"run": "b", "operations": [{"type": "set", "key": "k", "value": 0}]}]')"#,
            "SELECT runmeta.finish('a'); COMMIT",
        ],
    )
    .await;
    insta::assert_snapshot!(told, @r#"{"runs":[{"id":"a","root":"a","version":3},{"id":"b","root":"b","version":7}]}"#);
}

#[tokio::test]
async fn nothing_is_announced_before_the_commit_or_without_one() {
    let (_database, client, mut listener) = database_with_listener().await;
    assert_eq!(
        announced(
            &client,
            &mut listener,
            &["BEGIN; SELECT runmeta.start('a')"]
        )
        .await,
        ""
    );
    assert_eq!(announced(&client, &mut listener, &["ROLLBACK"]).await, "");
    assert_eq!(
        announced(
            &client,
            &mut listener,
            &["BEGIN; SELECT runmeta.start('b')"]
        )
        .await,
        ""
    );
    refusal(
        client
            .batch_execute("SELECT runmeta.set('nobody', 'k', '1')")
            .await,
    );
    assert_eq!(announced(&client, &mut listener, &["COMMIT"]).await, "");
    let told = announced(&client, &mut listener, &["SELECT runmeta.start('c')"]).await;
    insta::assert_snapshot!(told, @r#"{"runs":[{"id":"c","root":"c","version":1}]}"#);
}

#[tokio::test]
async fn what_a_savepoint_takes_back_is_not_announced() {
    let (_database, client, mut listener) = database_with_listener().await;
    client
        .batch_execute("SELECT runmeta.start('a'), runmeta.start('b'), runmeta.start('c')")
        .await
        .unwrap();
    listener.payloads().await;
    let set = |run: &str, value: u32| format!("SELECT runmeta.set('{run}', 'k', '{value}');");
    // What happens in a transaction, and the versions of a, b and c that are announced.
    for (transaction, versions) in [
        (format!("SAVEPOINT s; {} ROLLBACK TO s;", set("a", 1)), ""),
        (format!("SAVEPOINT s; {} RELEASE s;", set("a", 2)), "a2"),
        (
            format!(
                "{} SAVEPOINT s; {} ROLLBACK TO s;",
                set("a", 3),
                set("a", 4)
            ),
            "a3",
        ),
        (
            format!(
                "{} SAVEPOINT s; {} ROLLBACK TO s; {}",
                set("b", 1),
                set("a", 5),
                set("c", 1)
            ),
            "b2 c2",
        ),
        (
            format!(
                "SAVEPOINT s; SAVEPOINT t; {} RELEASE t; {} ROLLBACK TO s; {}",
                set("a", 6),
                set("b", 2),
                set("c", 2)
            ),
            "c3",
        ),
        (
            format!(
                "SAVEPOINT s; SAVEPOINT t; {} ROLLBACK TO t; {} RELEASE s; {}",
                set("a", 7),
                set("b", 3),
                set("c", 3)
            ),
            "b3 c4",
        ),
        (
            format!(
                "SAVEPOINT s; SAVEPOINT t; {} RELEASE t; SAVEPOINT u; {} ROLLBACK TO u; {} RELEASE s;",
                set("a", 8),
                set("b", 4),
                set("a", 9)
            ),
            "a5",
        ),
        (
            format!(
                "SAVEPOINT s; {} ROLLBACK TO s; {} ROLLBACK TO s; {} RELEASE s;",
                set("a", 10),
                set("a", 11),
                set("a", 12)
            ),
            "a6",
        ),
        (
            format!(
                "DO $$ BEGIN BEGIN PERFORM runmeta.set('a', 'k', '13'), 1/0; EXCEPTION WHEN division_by_zero THEN PERFORM runmeta.set('b', 'k', '5'); END; END $$; {}",
                set("c", 4)
            ),
            "b4 c5",
        ),
        (
            format!(
                "{} DO $$ BEGIN BEGIN PERFORM runmeta.set('a', 'k', '14'); PERFORM runmeta.set('b', 'k', '6'), runmeta.set('nobody', 'k', '5'); EXCEPTION WHEN no_data_found THEN NULL; END; END $$;",
                set("a", 15)
            ),
            "a7",
        ),
    ] {
        let told = announced(&client, &mut listener, &["BEGIN", &transaction, "COMMIT"]).await;
        let told: Value = match told.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(&told).unwrap(),
        };
        let runs = told["runs"].as_array().cloned().unwrap_or_default();
        let told: Vec<String> = runs
            .iter()
            .map(|run| format!("{}{}", run["id"].as_str().unwrap(), run["version"]))
            .collect();
        assert_eq!(told.join(" "), versions, "{transaction}");
        let stored = rows(&client, "SELECT id || version FROM runmeta.run ORDER BY id").await;
        for run in told {
            assert!(
                stored.contains(&run),
                "{stored} has no {run}: {transaction}"
            );
        }
    }
}

#[tokio::test]
async fn many_runs_are_told_in_payloads_that_postgres_takes() {
    let (_database, client, mut listener) = database_with_listener().await;
    client
        .batch_execute(
            r"SELECT runmeta.start(n || repeat(E'\x01', 250)) FROM generate_series(100, 199) AS n",
        )
        .await
        .unwrap();
    client
        .batch_execute("SELECT runmeta.start('run ' || n) FROM generate_series(1, 1000) AS n")
        .await
        .unwrap();
    let payloads = listener.payloads().await;
    assert!(payloads.iter().all(|payload| payload.len() < 8000));
    assert!(
        payloads.iter().any(|payload| payload.len() > 7900),
        "payloads are filled"
    );
    let mut ids = Vec::new();
    for payload in &payloads {
        let payload: Value = serde_json::from_str(payload).unwrap();
        let runs = payload["runs"].as_array().unwrap();
        assert!(!runs.is_empty());
        ids.extend(
            runs.iter()
                .map(|run| run["id"].as_str().unwrap().to_owned()),
        );
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1100);
}

#[tokio::test]
async fn any_id_gives_valid_json() {
    let (_database, client, mut listener) = database_with_listener().await;
    let ids = [
        "\"",
        "\\",
        "\u{1}\u{1f}\n\t\u{7f}",
        "'; DROP TABLE run; --",
        "日本語🙂\u{2028}",
        "</script>",
        " ",
    ];
    for id in ids {
        let start = client.query_one("SELECT runmeta.start($1)", &[&id]).await;
        start.unwrap();
    }
    let told: Vec<String> = listener
        .payloads()
        .await
        .iter()
        .map(|payload| {
            let payload: Value = serde_json::from_str(payload).unwrap();
            payload["runs"][0]["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(told, ids);
}

#[tokio::test]
async fn off_tells_nobody_from_then_on() {
    let (_database, client, mut listener) = database_with_listener().await;
    let told = announced(
        &client,
        &mut listener,
        &[
            "SET runmeta.notify = off",
            "SELECT runmeta.start('a')",
            "SELECT runmeta.set('a', 'k', '1')",
            "SET runmeta.notify = commit",
            "SELECT runmeta.set('a', 'k', '2')",
            "BEGIN; SET LOCAL runmeta.notify = off; SELECT runmeta.set('a', 'k', '3'); COMMIT",
        ],
    )
    .await;
    insta::assert_snapshot!(told, @r#"{"runs":[{"id":"a","root":"a","version":3}]}"#);
}

#[tokio::test]
async fn a_procedure_that_commits_announces_each_of_its_transactions() {
    let (_database, client, mut listener) = database_with_listener().await;
    let told = announced(
        &client,
        &mut listener,
        &["DO $$ BEGIN FOR n IN 1..3 LOOP PERFORM runmeta.start('run ' || n); IF n = 2 THEN ROLLBACK; ELSE COMMIT; END IF; END LOOP; END $$"],
    )
    .await;
    insta::assert_snapshot!(told, @r#"
    {"runs":[{"id":"run 1","root":"run 1","version":1}]}
    {"runs":[{"id":"run 3","root":"run 3","version":1}]}
    "#);
}

#[tokio::test]
async fn a_transaction_that_has_something_to_announce_cannot_be_prepared() {
    let (_database, client, mut listener) = database_with_listener().await;
    client
        .batch_execute("BEGIN; SELECT runmeta.start('a')")
        .await
        .unwrap();
    let name = format!("runmeta-test-{}", std::process::id());
    let prepare = format!("PREPARE TRANSACTION '{name}'");
    insta::assert_snapshot!(refusal(client.batch_execute(&prepare).await), @"
    0A000: cannot PREPARE a transaction that has changed runs
    DETAIL: Without a background worker, a transaction announces its changes when it commits, and a prepared one cannot notify.
    HINT: Set runmeta.notify to worker, or to off in this transaction.
    ");

    client
        .batch_execute(&format!(
            "BEGIN; SET LOCAL runmeta.notify = off; SELECT runmeta.start('a'); {prepare}"
        ))
        .await
        .unwrap();
    client
        .batch_execute(&format!("COMMIT PREPARED '{name}'"))
        .await
        .unwrap();
    assert_eq!(rows(&client, "SELECT runmeta.get('a')").await, "{}");
    // A transaction in which nothing changed has nothing to announce.
    client
        .batch_execute(&format!(
            "BEGIN; SELECT runmeta.get('a'), runmeta.del('a', 'missing'); {prepare}"
        ))
        .await
        .unwrap();
    client
        .batch_execute(&format!("COMMIT PREPARED '{name}'"))
        .await
        .unwrap();
    assert_eq!(listener.payloads().await, Vec::<String>::new());
}

/// A listener whose client_encoding lacks a character of the payload would be disconnected.
#[tokio::test]
async fn payloads_are_ascii_so_that_every_client_encoding_takes_them() {
    let (database, client, mut listener) = database_with_listener().await;
    let latin = "SET client_encoding = 'LATIN1'";
    let mut other = Listener::new(&database).await;
    other.client().batch_execute(latin).await.unwrap();
    let told = announced(
        &client,
        &mut listener,
        &["SELECT runmeta.start('задача-é-🙂')"],
    )
    .await;
    assert_eq!(
        told,
        r#"{"runs":[{"id":"\u0437\u0430\u0434\u0430\u0447\u0430-\u00e9-\ud83d\ude42","root":"\u0437\u0430\u0434\u0430\u0447\u0430-\u00e9-\ud83d\ude42","version":1}]}"#
    );
    assert_eq!(other.payloads().await.join("\n"), told);
    let read: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(read["runs"][0]["id"], "задача-é-🙂");
}

/// From Postgres 17 on the queue can be made small enough to be filled.
#[tokio::test]
async fn a_full_queue_of_notifications_fails_no_commit() {
    for mode in ["commit", "worker"] {
        let Some((server, client)) = server_with_small_queue(mode).await else {
            return;
        };
        let mut listener = Listener::of(&server.url_of("postgres")).await;
        let blocker = server.connect("postgres").await;
        for statement in ["LISTEN other", "BEGIN", "SELECT 1"] {
            blocker.batch_execute(statement).await.unwrap();
        }
        // Some 60 bytes a run: more than the queue's 512 kB. In worker mode the worker has to keep up first.
        for round in 0..12 {
            let fill = format!(
                "SELECT count(runmeta.start('queue {round} ' || n)) FROM generate_series(1, 1000) AS n"
            );
            for _ in 0..2 {
                client.batch_execute(&fill).await.unwrap();
            }
            until(
                &client,
                "SELECT unannounced_since IS NULL FROM runmeta._worker_state()",
            )
            .await;
        }
        until(&client, "SELECT owes_resync FROM runmeta._worker_state()").await;
        listener.drain().await;
        blocker.batch_execute("ROLLBACK; UNLISTEN *").await.unwrap();
        // Nobody calls pg_notification_queue_usage(): the next to announce finds out that there is room again.
        client
            .batch_execute("SELECT runmeta.start('last')")
            .await
            .unwrap();
        listener.until(r#"{"resync":true}"#).await;
        until(
            &client,
            "SELECT NOT owes_resync FROM runmeta._worker_state()",
        )
        .await;
    }
}

/// Starts a server with the smallest queue, where this Postgres can have one, and how changes are announced there.
pub(crate) async fn server_with_small_queue(mode: &str) -> Option<(OwnServer, Client)> {
    let database = Database::new().await;
    let version = rows(&database.connect().await, "SHOW server_version_num").await;
    if version.parse::<u32>().unwrap() < 170_000 {
        return None;
    }
    let settings = format!("max_notify_queue_pages = 64\nrunmeta.notify = {mode}");
    let server = OwnServer::start_in(OwnServer::folder(), 5432, &settings).await;
    let client = server.connect("postgres").await;
    if mode == "worker" {
        until_worker_runs(&client).await;
    }
    Some((server, client))
}

/// What a transaction remembers until it commits is bounded, however many runs it changes.
#[tokio::test]
async fn a_transaction_that_changes_very_many_runs_asks_to_read_everything_again() {
    let (_database, client, mut listener) = database_with_listener().await;
    let start = |from: u32, to: u32| {
        format!("SELECT count(runmeta.start('run ' || n)) FROM generate_series({from}, {to}) AS n")
    };
    client.batch_execute(&start(1, 10_000)).await.unwrap();
    let payloads = listener.payloads().await;
    assert!(
        payloads.len() > 50
            && payloads
                .iter()
                .all(|payload| payload.starts_with("{\"runs\""))
    );
    client.batch_execute(&start(10_001, 20_001)).await.unwrap();
    assert_eq!(listener.payloads().await, [r#"{"resync":true}"#]);
    // Of a savepoint, too, and forgotten with it.
    let begin = "BEGIN; SELECT runmeta.set('run 1', 'a', '1'); SAVEPOINT s";
    let set =
        "SELECT count(runmeta.set('run ' || n, 'a', '2')) FROM generate_series(2, 10002) AS n";
    for (end, expected) in [
        (
            "ROLLBACK TO s; COMMIT",
            r#"{"runs":[{"id":"run 1","root":"run 1","version":2}]}"#,
        ),
        ("RELEASE s; COMMIT", r#"{"resync":true}"#),
    ] {
        client.batch_execute(begin).await.unwrap();
        client.batch_execute(set).await.unwrap();
        client.batch_execute(end).await.unwrap();
        assert_eq!(listener.payloads().await, [expected], "{end}");
    }
}
