//! Every SQL block of the README and of `docs/` runs in psql, and where a block of text follows it, that is its output.
//!
//! Each file is one session in a migrated database of its own. A statement that fails is followed by a line with its
//! SQLSTATE, and must be shown: a block without output may not fail. `UPDATE_DOCS=1` writes the outputs anew.

use std::fs;
use std::path::Path;

use pretty_assertions::assert_str_eq;

use crate::harness::{Database, repository};

mod markdown;
mod session;

use markdown::Document;

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
        .collect();
    files.sort();
    for file in files {
        check(&file).await;
    }
}

async fn check(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let mut document = Document::parse(&text);
    let blocks: Vec<&str> = document.sql().collect();
    if blocks.is_empty() {
        return;
    }
    let database = Database::new().await;
    let outputs = session::run(&database, &blocks);

    for (index, output) in outputs.iter().enumerate() {
        assert!(
            document.has_output(index) || !output.contains("ERROR: "),
            "{}: this block fails, and does not show it:\n{}\n{output}",
            file.display(),
            document.sql().nth(index).unwrap_or_default(),
        );
    }
    document.set_outputs(&outputs);
    let rewritten = document.to_string();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(file, &rewritten).unwrap();
    } else {
        assert_str_eq!(
            text,
            rewritten,
            "{} differs from what psql prints; UPDATE_DOCS=1 takes that over",
            file.display()
        );
    }
}
