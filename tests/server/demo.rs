//! `runmeta demo`: the whole program, killed, stopped and started again.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio_postgres::Client;

use crate::cli::program;
use crate::harness::{Database, Printing, merged_output, waiting_sessions};

/// The rows of the airports, and those among them that have a fault.
const ROWS: i64 = 3_376;
const INVALID: i64 = 12;

fn demo(database: &Database, arguments: &[&str]) -> Command {
    let mut command = program();
    command
        .arg("demo")
        .args(arguments)
        .args(["--database-url", &database.url()]);
    command
}

fn start(mut command: Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs a demo to its end and returns what it printed; it must succeed.
fn finish(command: Command) -> String {
    let (output, status) = merged_output(command, "");
    assert!(status.success(), "{output}");
    output
}

/// Waits until the import has done so many rows; a demo that ends before that has failed.
async fn wait_for_rows(client: &Client, demo: &mut Child, rows: i64) {
    while counted(client)
        .await
        .first()
        .is_none_or(|import| import.processed < rows)
    {
        if let Some(status) = demo.try_wait().unwrap() {
            let mut stderr = String::new();
            demo.stderr
                .take()
                .unwrap()
                .read_to_string(&mut stderr)
                .unwrap();
            panic!("the demo ended too early, {status}:\n{stderr}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[derive(Debug, PartialEq)]
struct Import {
    status: String,
    processed: i64,
    invalid: i64,
    processed_by_chunks: i64,
    open_chunks: i64,
}

/// Reads what was counted for each import, oldest first.
async fn counted(client: &Client) -> Vec<Import> {
    let imports = "
        SELECT r.status, (r.metadata->>'processedRows')::int8, (r.metadata->>'invalidRows')::int8,
            (SELECT coalesce(sum((c.metadata->>'processedRows')::int8), 0)::int8 FROM runmeta.run AS c WHERE c.root_id = r.root_id AND c.parent_id = r.id),
            (SELECT count(*) FROM runmeta.run AS c WHERE c.root_id = r.root_id AND c.parent_id = r.id AND c.finished_at IS NULL)
        FROM runmeta.run AS r WHERE r.parent_id IS NULL ORDER BY r.created_at";
    let rows = client.query(imports, &[]).await.unwrap();
    rows.iter()
        .map(|row| Import {
            status: row.get(0),
            processed: row.get(1),
            invalid: row.get(2),
            processed_by_chunks: row.get(3),
            open_chunks: row.get(4),
        })
        .collect()
}

fn complete() -> Import {
    Import {
        status: "completed".to_owned(),
        processed: ROWS,
        invalid: INVALID,
        processed_by_chunks: ROWS,
        open_chunks: 0,
    }
}

/// A folder for one test's files.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("runmeta-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path_text(&path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn path_text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn demo_migrates_imports_and_reports() {
    let database = Database::empty().await;
    let output = finish(demo(&database, &[]));
    for line in [
        "migration V1__run_and_writer applied",
        "importing airports.csv: 3,376 rows in 34 chunks, 4 workers",
        "100 %  3,376 of 3,376 rows, 12 invalid",
        "  rows           3,376 of 3,376",
        "  invalid           12",
        "  chunks            34, invalid rows in each: 0 to 4, 0.4 on average",
        "  chunk-28              4 of 100",
        "city is NA, state is NA",
    ] {
        assert!(output.contains(line), "{line:?} is missing:\n{output}");
    }
    let client = database.connect().await;
    assert_eq!(counted(&client).await, [complete()]);
    finish(demo(&database, &["--workers", "16"]));
    assert_eq!(counted(&client).await, [complete(), complete()]);
}

#[tokio::test]
async fn import_that_is_killed_again_and_again_counts_each_row_once() {
    let database = Database::new().await;
    let client = database.connect().await;
    for rows in [0, 1, 800, 1_600, 2_400] {
        let mut child = start(demo(
            &database,
            &["--rows-per-second", "4000", "--workers", "8"],
        ));
        wait_for_rows(&client, &mut child, rows).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = finish(demo(&database, &[]));
    assert!(output.contains("going on with airports.csv"), "{output}");
    assert_eq!(counted(&client).await, [complete()]);
}

#[tokio::test]
async fn statements_of_a_killed_worker_are_waited_for() {
    let database = Database::new().await;
    let mut client = database.connect().await;
    let observer = database.connect().await;
    let mut child = start(demo(&database, &["--rows-per-second", "4000"]));
    wait_for_rows(&client, &mut child, 500).await;
    // The workers' statement gets stuck in the server, and does not notice that its program dies.
    let hold = client.transaction().await.unwrap();
    let root = "SELECT id FROM runmeta.run WHERE parent_id IS NULL";
    let root: String = observer.query_one(root, &[]).await.unwrap().get(0);
    let lock = "SELECT FROM runmeta.run WHERE root_id = $1 AND id = $1 FOR UPDATE";
    hold.execute(lock, &[&root]).await.unwrap();
    let stuck = &waiting_sessions("runmeta demo");
    let count = async |at_least: i64, query: &str| {
        while observer
            .query_one(query, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            < at_least
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    count(1, stuck).await;
    child.kill().unwrap();
    child.wait().unwrap();

    let next = demo(&database, &[]);
    let next = std::thread::spawn(move || finish(next));
    // It waits for that before it reads where to go on.
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'runmeta' AND query LIKE '%application_name = $1%'";
    count(1, waiting).await;
    hold.rollback().await.unwrap();
    next.join().unwrap();
    assert_eq!(counted(&observer).await, [complete()]);
}

#[tokio::test]
async fn second_demo_of_a_file_is_refused_while_the_first_is_at_work() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mut first = start(demo(&database, &["--rows-per-second", "100"]));
    wait_for_rows(&client, &mut first, 1).await;
    let (output, status) = merged_output(demo(&database, &[]), "");
    assert_eq!(status.code(), Some(1));
    assert!(
        output.contains("error: \"airports.csv\" is being imported already"),
        "{output}"
    );

    let folder = Folder::new("other");
    let other = folder.file("other.csv", b"a,b\n1,2\n");
    let output = finish(demo(&database, &[&other]));
    assert!(output.contains("other.csv: completed"), "{output}");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[tokio::test]
async fn ctrl_c_stops_between_groups_and_the_next_demo_goes_on() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mut child = start(demo(&database, &["--rows-per-second", "1000"]));
    wait_for_rows(&client, &mut child, 200).await;
    let signal = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signal.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("the same command goes on"), "{stderr}");
    assert_eq!(counted(&client).await[0].status, "running");

    finish(demo(&database, &[]));
    assert_eq!(counted(&client).await, [complete()]);
}

#[tokio::test]
async fn server_that_goes_away_ends_the_demo_in_words() {
    let database = Database::new().await;
    let client = database.connect().await;
    let mut child = start(demo(&database, &["--rows-per-second", "1000"]));
    wait_for_rows(&client, &mut child, 200).await;
    client
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("\nerror: ") && stderr.contains("hint: The same command goes on"),
        "{stderr}"
    );

    finish(demo(&database, &[]));
    assert_eq!(counted(&client).await, [complete()]);
}

#[tokio::test]
async fn every_kind_of_fault_is_counted_and_told() {
    let database = Database::new().await;
    let folder = Folder::new("faults");
    let file = folder.file(
        "faults.csv",
        b"name;lat;lon\r\ngood;1;2\r\n;1;2\r\nNA;1;2\r\nnorth;91;2\r\neast;1;181\r\nshort;1\r\nlong;1;2;3\r\nwords;x;2\r\ncaf\xe9;1;2\r\n",
    );
    let output = finish(demo(&database, &[&file]));
    for problem in [
        "line       3  name is missing",
        "line       4  name is NA",
        "line       5  lat 91 is out of range",
        "line       6  lon 181 is out of range",
        "line       7  2 instead of 3 columns",
        "line       8  4 instead of 3 columns",
        "line       9  lat \"x\" is not a number",
        "line      10  name is not UTF-8",
        "  invalid            8",
    ] {
        assert!(
            output.contains(problem),
            "{problem:?} is missing:\n{output}"
        );
    }
}

#[tokio::test]
async fn file_that_is_no_csv_is_refused_before_the_database_is_touched() {
    let database = Database::empty().await;
    let folder = Folder::new("no-csv");
    for (file, message) in [
        (folder.file("empty.csv", b""), "is empty"),
        (folder.file("header.csv", b"a,b\n"), "has no rows"),
        (
            folder.file("binary.csv", b"\x7fELF\x02\x01\x01\0\0\0"),
            "is binary, not CSV",
        ),
        (path_text(&folder.0), "is a directory"),
        (path_text(&folder.0.join("nowhere.csv")), "cannot read"),
    ] {
        let (output, status) = merged_output(demo(&database, &[&file]), "");
        assert_eq!(status.code(), Some(1));
        assert!(
            output.starts_with("error: ") && output.contains(message),
            "{output}"
        );
    }
    let client = database.connect().await;
    let schemas = client
        .query_one(
            "SELECT count(*) FROM pg_namespace WHERE nspname = 'runmeta'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(schemas.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn import_is_seen_in_the_dashboard_while_it_runs() {
    let database = Database::new().await;
    let printing = Printing::of(demo(&database, &["--rows-per-second", "500"]));
    printing.until("\nrun airports.csv").await;
    let shown = printing.shown();
    let link = shown
        .lines()
        .find_map(|line| line.strip_prefix("dashboard "));
    let (address, key) = link.unwrap().split_once("#key=").unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = http.get(address).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("assets/app.js"));
    let runs = format!("{address}v1/runs?task=import-file");
    assert_eq!(http.get(&runs).send().await.unwrap().status(), 401);
    // What the program has recorded is sent a little later than it prints the run.
    let totals = async {
        loop {
            let page = http.get(&runs).bearer_auth(key).send().await.unwrap();
            let page: serde_json::Value = page.json().await.unwrap();
            let total = &page["runs"][0]["metadata"]["totalRows"];
            if !total.is_null() {
                return total.clone();
            }
        }
    };
    let total = tokio::time::timeout(Duration::from_secs(60), totals).await;
    assert_eq!(total.expect("no total comes"), ROWS);
    // It needs no terminal to end, and the gateway ends with it.
    printing.finish().await;
    assert!(http.get(address).send().await.is_err());
    let output = finish(demo(&database, &["--no-web"]));
    assert!(!output.contains("dashboard"), "{output}");
}
