//! pgspot finds nothing in our SQL that a hostile `search_path` could turn.

use std::process::Command;

use crate::harness::{merged_output, repository};

#[test]
fn pgspot_finds_nothing() {
    let command = Command::new(repository("scripts/pgspot"));
    let (output, status) = merged_output(command, "");
    assert!(status.success(), "{output}");
}
