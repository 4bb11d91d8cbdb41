//! What the command line shows of runs that change: in a terminal, where output is none, and for programs.

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::cli::program;
use crate::harness::{Database, Printing};

/// Runs the program on a database.
fn runmeta(database: &Database, arguments: &[&str]) -> Printing {
    let mut command = program();
    command
        .args(arguments)
        .args(["--database-url", &database.url()]);
    Printing::of(command)
}

async fn run(client: &Client, statements: &[&str]) {
    for statement in statements {
        client.batch_execute(statement).await.unwrap();
    }
}

fn lines(output: &str) -> Vec<Value> {
    output
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_prints_each_state_until_the_run_finishes() {
    let database = Database::new().await;
    let client = database.connect().await;
    run(
        &client,
        &["SELECT runmeta.start('import', '{\"totalRows\": 4, \"log\": [\"begun\"]}')"],
    )
    .await;
    let text = runmeta(&database, &["watch", "import"]);
    let json = runmeta(&database, &["watch", "import", "--json"]);
    text.until("begun").await;
    json.until("begun").await;
    let half = "SELECT runmeta.apply('import', '[{\"type\": \"set\", \"key\": \"processedRows\", \"value\": 2},
        {\"type\": \"append\", \"key\": \"log\", \"value\": \"half\\u001b[2J\"}]')";
    run(&client, &[half]).await;
    text.until("half").await;
    run(&client, &["SELECT runmeta.finish('import', 'half done')"]).await;
    let text = text.finish().await;
    assert!(text.starts_with("import  running\n  begun\n"), "{text}");
    assert!(text.contains("\n  half\\u001b[2J\n"), "{text}");
    assert!(
        text.ends_with("import  half done  rows 50 %  2 of 4\n"),
        "{text}"
    );
    let states = lines(&json.finish().await);
    assert_eq!(
        states[0]["metadata"],
        json!({"totalRows": 4, "log": ["begun"]})
    );
    let last = states.last().unwrap();
    assert_eq!(
        (&last["id"], &last["status"]),
        (&json!("import"), &json!("half done"))
    );
    assert!(last["finished_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_waits_for_a_run_that_does_not_exist_yet() {
    let database = Database::new().await;
    let client = database.connect().await;
    let watch = runmeta(&database, &["watch", "later"]);
    watch.until("waiting").await;
    run(
        &client,
        &["SELECT runmeta.start('later'), runmeta.finish('later')"],
    )
    .await;
    assert_eq!(
        watch.finish().await,
        "waiting for run \"later\", which does not exist yet\nlater  completed\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_of_a_run_that_finished_before_its_children_points_to_them() {
    let database = Database::new().await;
    let client = database.connect().await;
    run(
        &client,
        &["SELECT runmeta.start('import'), runmeta.start('a', parent_run_id => 'import'), runmeta.start('b', parent_run_id => 'import'),
            runmeta.finish('import')"],
    )
    .await;
    let watch = async || runmeta(&database, &["watch", "import"]).finish().await;
    assert_eq!(
        watch().await,
        "import  completed\n2 children have not finished: runmeta tree import --watch\n"
    );
    run(&client, &["SELECT runmeta.finish('b')"]).await;
    assert!(
        watch()
            .await
            .ends_with("\n1 child has not finished: runmeta tree import --watch\n")
    );
    run(&client, &["SELECT runmeta.finish('a')"]).await;
    assert_eq!(watch().await, "import  completed\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn tree_is_watched_until_all_of_it_is_over() {
    let database = Database::new().await;
    let client = database.connect().await;
    run(
        &client,
        &["SELECT runmeta.start('root'), runmeta.start('nightly', parent_run_id => 'root'),
            runmeta.start('other', parent_run_id => 'root'), runmeta.start('a', '{\"progress\": 0.5}', parent_run_id => 'nightly')"],
    )
    .await;
    let text = runmeta(&database, &["tree", "nightly", "--watch"]);
    let json = runmeta(&database, &["tree", "nightly", "--watch", "--json"]);
    text.until("a  running").await;
    json.until("0.5").await;
    run(
        &client,
        &[
            "SELECT runmeta.start('b', parent_run_id => 'a')",
            "SELECT runmeta.finish('nightly')",
            "SELECT runmeta.finish('b', 'failed')",
            "SELECT runmeta.finish('a')",
        ],
    )
    .await;
    let text = text.finish().await;
    for line in [
        "nightly  running",
        "a  running  progress 50 %",
        "b  failed",
        "nightly  completed",
    ] {
        assert!(
            text.lines().any(|printed| printed == line),
            "{line:?} is missing:\n{text}"
        );
    }
    assert!(!text.contains("other") && !text.contains("root"), "{text}");
    let states = lines(&json.finish().await);
    let last = |id: &str| states.iter().rfind(|state| state["id"] == id).unwrap()["status"].clone();
    assert_eq!(
        [last("nightly"), last("a"), last("b")],
        ["completed", "completed", "failed"]
    );
    // All of it is over already: it is shown once.
    let again = runmeta(&database, &["tree", "nightly", "--watch", "--json"])
        .finish()
        .await;
    assert_eq!(lines(&again).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_one_line_a_run() {
    let database = Database::new().await;
    let client = database.connect().await;
    run(
        &client,
        &["SELECT runmeta.start('nightly', '{\"a\": null, \"b\": [1, \"\\u2028\"]}', tags => '{x}'),
            runmeta.start('import', parent_run_id => 'nightly', task => 'import', status => 'queued')"],
    )
    .await;
    let get = runmeta(&database, &["get", "nightly", "--json"])
        .finish()
        .await;
    assert_eq!(get, "{\"a\": null, \"b\": [1, \"\\u2028\"]}\n");
    let tree = runmeta(&database, &["tree", "nightly", "--json"])
        .finish()
        .await;
    let runs = lines(&tree);
    // A snapshot of the client has the same members.
    let watched = runmeta(&database, &["watch", "nightly", "--json"]);
    watched.until("\n").await;
    run(&client, &["SELECT runmeta.finish('nightly')"]).await;
    let watched = lines(&watched.finish().await);
    let without_times = |state: &Value| {
        let mut state = state.clone();
        let times: Vec<Value> = ["created_at", "started_at", "updated_at"]
            .map(|time| {
                state
                    .as_object_mut()
                    .unwrap()
                    .remove(time)
                    .unwrap_or_default()
            })
            .into();
        assert!(
            times
                .iter()
                .all(|time| time.as_str().is_some_and(|time| time.starts_with("20"))),
            "{times:?}"
        );
        state
    };
    assert_eq!(without_times(&runs[0]), without_times(&watched[0]));
    assert_eq!(
        runs[0]["metadata"],
        json!({"a": null, "b": [1, "\u{2028}"]})
    );
    let members: Vec<&String> = runs[1].as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "attempt",
            "created_at",
            "depth",
            "id",
            "metadata",
            "parent_id",
            "root_id",
            "status",
            "tags",
            "task",
            "updated_at",
            "version"
        ]
    );
}

/// Runs the program in a terminal of 30 columns and 8 rows.
fn in_terminal(database: &Database, arguments: &str) -> Printing {
    let line = format!(
        "stty cols 30 rows 8; exec '{}' {arguments} --database-url '{}'",
        program().get_program().display(),
        database.url()
    );
    let mut script = Command::new("script");
    script
        .args([
            "--quiet",
            "--flush",
            "--return",
            "--command",
            &line,
            "/dev/null",
        ])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    Printing::of(script)
}

/// Follows what a program writes to a terminal, and returns its rows.
fn rows(written: &str) -> Vec<String> {
    let mut rows: Vec<String> = vec![String::new()];
    let mut row = 0;
    let mut letters = written.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => {}
            '\n' => {
                row += 1;
                rows.resize(rows.len().max(row + 1), String::new());
            }
            '\u{1b}' => {
                assert_eq!(letters.next(), Some('['));
                let mut number = String::new();
                while let Some(digit) = letters.next_if(|letter| !letter.is_ascii_alphabetic()) {
                    number.push(digit);
                }
                match letters.next() {
                    // Up: the lines there are written anew from their beginning.
                    Some('A') => {
                        row -= number.parse::<usize>().unwrap();
                        rows[row..].iter_mut().for_each(String::clear);
                    }
                    Some('J') => rows.truncate(row + 1),
                    Some('K' | 'm') => {}
                    other => panic!("{other:?} in {written:?}"),
                }
            }
            letter => {
                rows[row].push(letter);
                assert!(rows[row].chars().count() <= 30, "{rows:?}");
            }
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn terminal_of_30_columns_shows_the_last_state_in_place() {
    let database = Database::new().await;
    let client = database.connect().await;
    run(
        &client,
        &["SELECT runmeta.start('nightly', '{\"totalChunks\": 2, \"step\": \"waiting for all of the chunks\"}'),
            runmeta.start('nightly/chunk-1', '{\"progress\": 10}', parent_run_id => 'nightly'),
            runmeta.start('nightly/chunk-2', status => 'queued', parent_run_id => 'nightly')"],
    )
    .await;
    let watch = in_terminal(&database, "watch nightly");
    let tree = in_terminal(&database, "tree nightly --watch");
    watch.until("waiting").await;
    tree.until("chunk-2").await;
    run(
        &client,
        &[
            "SELECT runmeta.set('nightly/chunk-1', 'progress', '50'), runmeta.set('nightly', 'chunksDone', '1')",
            "SELECT runmeta.finish('nightly/chunk-1'), runmeta.finish('nightly/chunk-2', 'failed')",
            "SELECT runmeta.finish('nightly', 'partly done')",
        ],
    )
    .await;
    let watched = rows(&watch.finish().await);
    assert!(
        watched[0].starts_with("nightly  partly done"),
        "{watched:?}"
    );
    assert_eq!(watched[1], "chunks  ━━━━━╸─────  50 %  1/2");
    assert_eq!(watched[2], "step    waiting for all of th…");
    let tree = rows(&tree.finish().await);
    assert_eq!(
        tree,
        [
            "nightly      partly done",
            "  …/chunk-1  completed",
            "  …/chunk-2  failed",
            ""
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn database_is_found_by_the_variables_of_libpq() {
    let database = Database::new().await;
    let client = database.connect().await;
    run(&client, &["SELECT runmeta.start('import', '{\"a\": 1}')"]).await;
    let mut get = program();
    get.args(["get", "import", "--json"])
        .envs(database.variables());
    assert_eq!(Printing::of(get).finish().await, "{\"a\": 1}\n");
    // What the URL leaves open is taken from them, and what it has counts.
    let mut watch = program();
    watch
        .args(["watch", "import", "--database-url", "postgres://"])
        .envs(database.variables());
    let watch = Printing::of(watch);
    watch.until("running").await;
    run(&client, &["SELECT runmeta.finish('import')"]).await;
    assert!(watch.finish().await.ends_with("import  completed\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_is_printed_until_it_is_closed() {
    let database = Database::new().await;
    let client = database.connect().await;
    run(&client, &["SELECT runmeta.start('answer')"]).await;
    let text = runmeta(&database, &["stream", "answer", "tokens"]);
    text.until("waiting for stream \"tokens\" of run \"answer\", which does not exist yet\n")
        .await;
    run(
        &client,
        &["SELECT runmeta.stream_append('answer', 'tokens', '[\"Hel\", \"lo\\u001b\"]')"],
    )
    .await;
    text.until("Hello\\u001b").await;
    let json = runmeta(
        &database,
        &["stream", "answer", "tokens", "--json", "--from", "1"],
    );
    json.until("\n").await;
    run(
        &client,
        &[
            "SELECT runmeta.stream_append('answer', 'tokens', '[{\"a\": 1e30}]')",
            "SELECT runmeta.stream_close('answer', 'tokens', 'the model went away')",
        ],
    )
    .await;
    let (text, code) = text.end().await;
    assert!(
        text.contains("\nHello\\u001b\n{\"a\": 1000000000000000000000000000000}\nerror: "),
        "{text}"
    );
    assert!(
        text.contains("the model went away") && code == Some(1),
        "{text}"
    );
    let (json, _) = json.end().await;
    assert!(
        json.starts_with("{\"number\":1,\"chunk\":\"lo\\u001b\"}\n{\"number\":2,"),
        "{json}"
    );
}
