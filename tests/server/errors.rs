//! `docs/errors.md` lists every error, and every row of it is proved.
//!
//! The blocks of that page are run by `docs`; here its rows are compared with what those blocks show, and with the
//! messages in the source. What takes two sessions, or rights that the page's session cannot lose, is done here.

use std::collections::BTreeSet;
use std::fs;

use tokio_postgres::Client;

use crate::harness::{Database, refusal, repository};

/// Shown by the tests below, and by those of `roles`.
const PROVED_HERE: &[(&str, &str)] = &[
    // By the tests of memory, on a server with limited address space.
    ("53200", "out of memory"),
    ("40001", "could not serialize access due to …"),
    // By the tests of the layout.
    ("40001", "the layout of the tables changed"),
    ("55000", "runmeta.… is in a publication"),
    ("40P01", "deadlock detected"),
    (
        "42501",
        "role \"…\" is missing and \"…\" may not create roles",
    ),
    ("55000", "role \"…\" exists with …"),
];

/// By the tests of distributed tables, which are run where there is Citus.
const PROVED_ON_A_CLUSTER: &[(&str, &str)] = &[
    ("40001", "a run of the batch was committed meanwhile"),
    ("55000", "the extension \"citus\" is not in this database"),
    ("55000", "Citus … is too old"),
    (
        "55000",
        "this server is not the coordinator of the cluster, or has no nodes",
    ),
    (
        "55000",
        "the coordinator is not among the nodes of the cluster",
    ),
    ("55000", "no node of the cluster is to have data"),
    ("55000", "the owner of the tables, \"…\", may not log in"),
    ("55000", "node … cannot be asked"),
    (
        "55000",
        "node … has another version of the extension \"runmeta\"",
    ),
    (
        "55000",
        "roles are missing on node … or may not log in there",
    ),
    ("55000", "the role \"…\" does not reach node …"),
    ("55000", "tasks have contracts"),
    ("55000", "numbers are tracked"),
    ("55000", "objects of yours are in the way"),
    ("55000", "node … could not be prepared"),
    ("55000", "the tables have … shards already"),
];

const OUT_OF_REACH: &[(&str, &str)] = &[
    // Takes broken memory or storage, which no test has.
    ("XX001", "a jsonb value is corrupt"),
    // The nodes of the tests have one installation and one configuration.
    ("55000", "node … takes no prepared transactions"),
    (
        "55000",
        "the extension \"runmeta\" is not installed on node …",
    ),
];

/// A row of a table of errors: SQLSTATE and message, in which `…` stands for what differs.
type Row = (String, String);

fn page() -> String {
    fs::read_to_string(repository("docs/errors.md")).unwrap()
}

fn code_spans(line: &str) -> Vec<&str> {
    line.split('|')
        .map(str::trim)
        .filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'))
        .collect()
}

/// Returns the rows with an SQLSTATE.
fn rows() -> BTreeSet<Row> {
    let page = page();
    let row = |line: &str| match code_spans(line).as_slice() {
        [code, message, ..] if code.len() == 5 => Some(((*code).to_owned(), (*message).to_owned())),
        _ => None,
    };
    page.lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(row)
        .collect()
}

/// Returns the first cells of the rows without one: what `runmeta migrate` says.
fn rows_of_migrate() -> BTreeSet<String> {
    let page = page();
    let row = |line: &str| match code_spans(line).first() {
        Some(message) if message.len() != 5 => Some((*message).to_owned()),
        _ => None,
    };
    page.lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(row)
        .collect()
}

/// Returns true if a row stands for an error.
fn covers((code, pattern): &Row, (shown_code, shown): &Row) -> bool {
    let mut pieces = pattern.split('…');
    let Some(mut rest) = shown.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let found = pieces.all(|piece| {
        // The last piece is at the end; those before it are where they come first.
        let at = if piece.is_empty() {
            Some(rest.len())
        } else {
            rest.find(piece)
        };
        at.is_some_and(|at| {
            rest = &rest[at + piece.len()..];
            true
        })
    });
    found && rest.is_empty() && code == shown_code
}

/// Returns the errors that the blocks of the page show.
fn shown() -> Vec<Row> {
    let page = page();
    let mut shown = Vec::new();
    let mut message = None;
    for line in page.lines() {
        if let Some(text) = line.strip_prefix("ERROR:  ") {
            message = Some(text.to_owned());
        } else if let Some(code) = line.strip_prefix("SQLSTATE: ") {
            shown.push((
                code.to_owned(),
                message.take().expect("a message before the SQLSTATE"),
            ));
        }
    }
    shown
}

#[test]
fn every_row_is_proved() {
    let (rows, shown) = (rows(), shown());
    let elsewhere: Vec<Row> = PROVED_HERE
        .iter()
        .chain(PROVED_ON_A_CLUSTER)
        .chain(OUT_OF_REACH)
        .map(|(code, message)| ((*code).to_owned(), (*message).to_owned()))
        .collect();
    for row in &rows {
        assert!(
            elsewhere.contains(row) || shown.iter().any(|error| covers(row, error)),
            "no block of docs/errors.md shows {row:?}"
        );
    }
    for row in &elsewhere {
        assert!(rows.contains(row), "docs/errors.md has no row for {row:?}");
    }
}

#[test]
fn every_error_that_is_shown_has_a_row() {
    let rows = rows();
    for error in shown() {
        assert!(
            rows.iter().any(|row| covers(row, &error)),
            "docs/errors.md has no row for {error:?}"
        );
    }
}

#[test]
fn every_message_of_the_source_has_a_row() {
    let listed: BTreeSet<String> = rows().into_iter().map(|(_, message)| message).collect();
    let mut messages = messages_of_refusals();
    messages.extend(messages_of_sql());
    for message in &messages {
        assert!(
            listed.contains(message),
            "docs/errors.md has no row for \"{message}\""
        );
    }
}

#[test]
fn every_refusal_of_migrate_has_a_row() {
    let source = fs::read_to_string(repository("migrations/src/error.rs")).unwrap();
    let (_, body) = source.split_once("pub fn message(&self)").unwrap();
    let (body, _) = body.split_once("\n    }\n").unwrap();
    let messages: BTreeSet<String> = literals(body).map(|text| pattern(&text)).collect();
    assert_eq!(messages, rows_of_migrate());
}

/// Returns the messages that the extension's Rust raises.
///
/// Each variant of `Refusal` has an arm in `parts`, which the compiler sees to; an arm gives tuples of code, message,
/// detail and hint. A message that is no literal is in another file, and has to be known here.
fn messages_of_refusals() -> BTreeSet<String> {
    let mut messages = BTreeSet::new();
    let (parts, contract) = (source_of_parts("parts"), source_of_parts("contract"));
    let arms = parts.split("\n            Refusal::").skip(1);
    let of_contracts = contract.split("\n            ContractRefusal::").skip(1);
    // What is about contracts has its arms in a file of its own.
    let arms = arms.filter(|arm| !arm.starts_with("Contract(refusal) => refusal.parts()"));
    let arms: Vec<&str> = arms.chain(of_contracts).collect();
    assert!(
        arms.len() > 20,
        "parts() is written in another way than this test can read"
    );
    for arm in arms {
        let (_, tuple) = arm.split_once("=> ").unwrap();
        let code = tuple
            .find("ERRCODE_")
            .unwrap_or_else(|| panic!("an arm without a code: {arm}"));
        let (_, tuple) = tuple.split_at(code);
        let message = tuple
            .split_once(",\n")
            .map_or("", |(_, rest)| rest.trim_start());
        if message.starts_with("problem.to_string()") {
            messages.extend(
                [
                    "operations are not an array",
                    "operation … is not an object",
                ]
                .map(str::to_owned),
            );
        } else if message.starts_with("problem.clone()") {
            messages.insert("relation \"…\" does not exist".to_owned());
        } else if arm.starts_with("Unapplied") {
            messages.insert("cannot …".to_owned());
        } else {
            let literal = message.trim_start_matches("format!(").trim_start();
            assert!(
                literal.starts_with('"'),
                "a message that this test does not know: {message}"
            );
            messages.extend(literals(literal).next().map(|text| pattern(&text)));
        }
    }
    // Raised elsewhere than in parts().
    for (file, message) in [
        ("extension/src/call.rs", "runmeta panicked: {message}"),
        ("extension/src/jsonb/view.rs", "a jsonb value is corrupt"),
    ] {
        let source = fs::read_to_string(repository(file)).unwrap();
        assert!(
            source.contains(message),
            "{file} does not raise \"{message}\" any more"
        );
        messages.insert(pattern(message));
    }
    messages
}

/// Returns the body of `parts()` in a file of refusals.
fn source_of_parts(file: &str) -> String {
    let file = repository("extension/src/refusal")
        .join(file)
        .with_extension("rs");
    let source = fs::read_to_string(file).unwrap();
    let (_, parts) = source.split_once("fn parts(&self)").unwrap();
    let (parts, _) = parts.split_once("\n    }\n").unwrap();
    parts.to_owned()
}

/// Returns the messages that the extension's SQL and the migrations raise.
fn messages_of_sql() -> BTreeSet<String> {
    let mut messages = BTreeSet::new();
    let folders = [
        "extension/sql",
        "extension/sql/adapter",
        "extension/sql/private",
        "migrations/sql",
    ];
    for folder in folders {
        for entry in fs::read_dir(repository(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let source = fs::read_to_string(path).unwrap();
            for (_, raised) in source
                .match_indices("RAISE ")
                .map(|(at, _)| source.split_at(at))
            {
                let raised = raised.split(';').next().unwrap_or_default();
                let Some((_, message)) = raised.split_once("MESSAGE = ") else {
                    assert!(
                        ["RAISE NOTICE", "RAISE WARNING"]
                            .iter()
                            .any(|no_error| raised.starts_with(no_error)),
                        "an error without a MESSAGE: {raised}"
                    );
                    continue;
                };
                let text = message.split('\'').nth(1).unwrap_or_default();
                messages.insert(text.replace("%s", "…"));
            }
        }
    }
    assert!(!messages.is_empty());
    messages
}

/// Returns the string literals of a piece of Rust.
fn literals(source: &str) -> impl Iterator<Item = String> {
    let source = source.replace("\\\"", "\u{1}");
    let literals: Vec<String> = source
        .split('"')
        .skip(1)
        .step_by(2)
        .map(|text| text.replace('\u{1}', "\""))
        .collect();
    literals.into_iter()
}

/// Returns a format string as a row has it: `…` for each thing that is filled in.
fn pattern(format: &str) -> String {
    let mut pattern = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        pattern.push_str(before);
        pattern.push('…');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    pattern + rest
}

fn assert_has_a_row(refusal: &str) {
    let (code, message) = refusal.split_once(": ").unwrap();
    let message = message.lines().next().unwrap_or_default();
    let error = (code.to_owned(), message.to_owned());
    assert!(
        rows().iter().any(|row| covers(row, &error)),
        "docs/errors.md has no row for {refusal}"
    );
    assert!(PROVED_HERE.iter().any(|(listed, _)| *listed == code));
}

async fn two_sessions_and_runs(database: &Database) -> (Client, Client) {
    let sessions = (database.connect().await, database.connect().await);
    sessions
        .0
        .batch_execute("SELECT runmeta.start('a'), runmeta.start('b')")
        .await
        .unwrap();
    sessions
}

#[tokio::test]
async fn run_that_changed_meanwhile_cannot_be_written_under_repeatable_read() {
    let database = Database::new().await;
    let (one, other) = two_sessions_and_runs(&database).await;
    one.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT runmeta.get('a')")
        .await
        .unwrap();
    other
        .batch_execute("SELECT runmeta.increment('a', 'rows')")
        .await
        .unwrap();
    let refused = refusal(
        one.batch_execute("SELECT runmeta.increment('a', 'rows')")
            .await,
    );
    assert_eq!(
        refused,
        "40001: could not serialize access due to concurrent update"
    );
    assert_has_a_row(&refused);
}

#[tokio::test]
async fn transactions_that_write_in_different_orders_deadlock() {
    let database = Database::new().await;
    let (one, other) = two_sessions_and_runs(&database).await;
    for session in [&one, &other] {
        session
            .batch_execute("SET deadlock_timeout = '10ms'; BEGIN")
            .await
            .unwrap();
    }
    one.batch_execute("SELECT runmeta.increment('a', 'rows')")
        .await
        .unwrap();
    other
        .batch_execute("SELECT runmeta.increment('b', 'rows')")
        .await
        .unwrap();
    // Whichever is refused lets the other go on, once it is rolled back.
    let wait_for = async |session: &Client, run: &str| {
        let result = session
            .batch_execute(&format!("SELECT runmeta.increment('{run}', 'rows')"))
            .await;
        session.batch_execute("ROLLBACK").await.unwrap();
        result
    };
    let results = tokio::join!(wait_for(&one, "b"), wait_for(&other, "a"));
    let refused = match results {
        (Err(error), Ok(())) | (Ok(()), Err(error)) => refusal(Err::<(), _>(error)),
        other => panic!("one of both must be refused: {other:?}"),
    };
    assert!(
        refused.starts_with("40P01: deadlock detected\n"),
        "{refused}"
    );
    assert_has_a_row(&refused);
}

#[tokio::test]
async fn missing_roles_are_asked_for_where_they_cannot_be_made() {
    let database = Database::new().await;
    let session = database.connect().await;
    let grants = fs::read_to_string(repository("migrations/sql/roles_and_grants.sql")).unwrap();
    // Other tests go on with the roles as they are: none of it is committed.
    session
        .batch_execute("BEGIN; ALTER ROLE runmeta_reader RENAME TO reader_by_another_name; SET LOCAL ROLE pg_monitor")
        .await
        .unwrap();
    let refused = refusal(session.batch_execute(&grants).await);
    insta::assert_snapshot!(refused, @r#"
    42501: role "runmeta_reader" is missing and "pg_monitor" may not create roles
    DETAIL: The roles "runmeta_reader" and "runmeta_writer" hold the rights on runs; they belong to the whole cluster.
    HINT: Have an administrator run: CREATE ROLE runmeta_reader NOLOGIN; CREATE ROLE runmeta_writer NOLOGIN; GRANT runmeta_reader, runmeta_writer TO pg_monitor WITH ADMIN OPTION;
    "#);
    assert_has_a_row(&refused);
}

/// A client whose encoding lacks a character of an error gets another error (22P05) in its place.
#[test]
fn messages_details_and_hints_are_ascii() {
    for file in ["mod.rs", "parts.rs", "hint.rs"] {
        let path = format!("extension/src/refusal/{file}");
        let source = fs::read_to_string(repository(&path)).unwrap();
        let line = source.lines().find(|line| !line.is_ascii());
        assert_eq!(line, None, "{path}");
    }
}
