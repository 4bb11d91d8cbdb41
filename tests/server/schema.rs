//! The schema that the migrations make is the one in `migrations/schema.sql`, so that a reviewer sees what a migration
//! does, not only what it says. `UPDATE_SCHEMA=1` writes the file anew.

use std::fs;

use pretty_assertions::assert_str_eq;

use crate::harness::{Database, postgres_program, repository};

/// pg_dump writes each version's own way, so the file is compared with what this one writes.
const DUMPED_BY: &str = "15";

#[tokio::test]
async fn schema_is_the_committed_one() {
    let database = Database::new().await;
    let client = database.connect().await;
    let row = client.query_one("SHOW server_version", &[]).await.unwrap();
    let version: &str = row.get(0);
    if !version.starts_with(DUMPED_BY) {
        eprintln!("not compared: the server is {version}, the committed dump is of {DUMPED_BY}");
        return;
    }

    let schema = dumped(&database);
    let file = repository("migrations/schema.sql");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&file, &schema).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert_str_eq!(
        committed,
        schema,
        "migrations/schema.sql differs from what the migrations make"
    );
}

/// Returns the schema of a database as pg_dump writes it.
pub fn dumped(database: &Database) -> String {
    dumped_at(&database.url())
}

/// Returns the schema of the database that a URL names.
pub fn dumped_at(url: &str) -> String {
    let dump = postgres_program("pg_dump")
        .args(["--schema-only", url])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&dump.stderr);
    assert!(dump.status.success(), "{errors}");
    normalised(&String::from_utf8(dump.stdout).unwrap())
}

/// Drops what says nothing about the schema: settings of the session, versions, comments, runs of blank lines.
fn normalised(dump: &str) -> String {
    let noise = [
        "--",
        "SET ",
        "SELECT pg_catalog.set_config",
        "\\restrict",
        "\\unrestrict",
    ];
    let mut schema = String::new();
    let mut blank = true;
    for line in dump.lines() {
        if noise.iter().any(|start| line.starts_with(start)) || (blank && line.is_empty()) {
            continue;
        }
        blank = line.is_empty();
        schema.push_str(line);
        schema.push('\n');
    }
    format!("{}\n", schema.trim_end())
}
