//! Every SQL block of the README and of `docs/` runs in psql, and where a block of text follows it, that is its output.
//!
//! Each file is one session in a migrated database of its own. A statement that fails is followed by a line with its
//! SQLSTATE, and must be shown: a block without output may not fail. `UPDATE_DOCS=1` writes the outputs anew.
//!
//! In `docs/drivers.md`, `docs/protocol.md` and `docs/queues.md` each chapter is a program, in a database of its own: its blocks of Python or
//! JavaScript.

use std::fs;
use std::path::Path;

use pretty_assertions::assert_str_eq;

use crate::harness::{Database, is_citus, repository};

mod listeners;
pub mod markdown;
pub mod program;
mod session;

use markdown::Document;
use program::Language;

/// Pages whose blocks are run where Citus has distributed the tables. The others are about one server, or what it alone has.
const DISTRIBUTED: [&str; 2] = ["docs/sql.md", "docs/jobs.md"];

/// What stands in blocks of those pages whose outputs are others there.
const OTHERWISE: [&str; 4] = [
    // Nothing waits in the inbox.
    "SET runmeta.inbox = on",
    // Distributed tables take no triggers.
    "runmeta.track(",
    "runmeta.contract('load'",
    // The index by the id is not unique.
    "\\d runmeta.run",
];

#[tokio::test]
async fn readme_tells_the_truth() {
    check(&repository("README.md")).await;
}

#[tokio::test]
async fn docs_tell_the_truth() {
    let mut files: Vec<_> = fs::read_dir(repository("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .filter(|path| !is_citus() || DISTRIBUTED.iter().any(|file| path.ends_with(file)))
        .collect();
    files.sort();
    for file in files {
        check(&file).await;
    }
}

#[tokio::test]
async fn drivers_tell_the_truth() {
    let programs = check_programs("docs/drivers.md", Database::new).await;
    assert_eq!(programs, 4, "psycopg, asyncpg, pg and postgres.js");
}

#[tokio::test]
async fn protocol_tells_the_truth() {
    let programs = check_programs("docs/protocol.md", Database::new).await;
    assert_eq!(programs, 2, "a listener, and a reader of streams");
}

#[tokio::test]
async fn queues_tell_the_truth() {
    let programs = check_programs("docs/queues.md", Database::with_worker).await;
    assert_eq!(programs, 3, "pg-boss, graphile-worker and procrastinate");
}

/// The page of the protocol shows the listener that is shown, and run under load, as that of psycopg.
#[test]
fn listener_of_the_protocol_is_that_of_psycopg() {
    let listener = |file| {
        let text = fs::read_to_string(repository(file)).unwrap();
        let document = Document::parse(&text, Language::Python.fence());
        let mut blocks = document.blocks().map(str::to_owned);
        blocks.find(|block| block.contains("\ndef watch(")).unwrap()
    };
    assert_str_eq!(listener("docs/protocol.md"), listener("docs/drivers.md"));
}

/// Runs the chapters of a file that have blocks of Python or JavaScript, each in a database that is made for it, and returns
/// how many these are.
async fn check_programs<F>(file: &str, make: impl Fn() -> F) -> usize
where
    F: Future<Output = Database>,
{
    let file = repository(file);
    let text = fs::read_to_string(&file).unwrap();
    let mut rewritten = text.clone();
    let mut programs = 0;
    for language in Language::ALL {
        language.set_up();
        let mut chapters: Vec<String> = Vec::new();
        for chapter in rewritten.split_inclusive("\n## ") {
            let mut document = Document::parse(chapter, language.fence());
            let blocks: Vec<&str> = document.blocks().collect();
            if !blocks.is_empty() {
                let database = make().await;
                let outputs = program::run(&database.variables(), language, &blocks);
                for (index, output) in outputs.iter().enumerate() {
                    assert!(
                        document.has_output(index) || output.is_empty(),
                        "this block prints, and does not show it:\n{}\n{output}",
                        blocks[index],
                    );
                }
                document.set_outputs(&outputs);
                programs += 1;
            }
            chapters.push(document.to_string());
        }
        rewritten = chapters.concat();
    }
    compare(&file, &text, &rewritten);
    programs
}

async fn check(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let mut document = Document::parse(&text, "sql");
    let blocks: Vec<&str> = document.blocks().collect();
    if blocks.is_empty() {
        return;
    }
    let database = Database::new().await;
    let mut outputs = session::run(&database, &blocks);
    if is_citus() {
        for (index, (block, output)) in blocks.iter().zip(&mut outputs).enumerate() {
            if OTHERWISE.iter().any(|part| block.contains(part)) {
                *output = document.output(index).unwrap_or_default().to_owned();
            }
        }
    }

    for (index, output) in outputs.iter().enumerate() {
        assert!(
            document.has_output(index) || !output.contains("ERROR: "),
            "{}: this block fails, and does not show it:\n{}\n{output}",
            file.display(),
            document.blocks().nth(index).unwrap_or_default(),
        );
    }
    document.set_outputs(&outputs);
    compare(file, &text, &document.to_string());
}

/// Compares a file with what it would be with the outputs of now, or writes that.
pub fn compare(file: &Path, text: &str, rewritten: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(file, rewritten).unwrap();
    } else {
        assert_str_eq!(
            text,
            rewritten,
            "{} differs from what its blocks print; UPDATE_DOCS=1 takes that over",
            file.display()
        );
    }
}
