//! Programs that tests run.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use super::environment;

/// Returns a program of the server's own version: psql, `pg_dump` and the like.
pub fn postgres_program(name: &str) -> Command {
    let mut command = Command::new(Path::new(&environment("RUNMETA_PG_BIN")).join(name));
    // Messages in English, whatever the user's language.
    command.env("LC_ALL", "C.UTF-8");
    command
}

/// Returns the path of a file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the repository")
        .join(path)
}

/// Runs a command with `input` and returns all that it prints, errors in their place, and how it ended.
pub fn merged_output(mut command: Command, input: &str) -> (String, ExitStatus) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    command
        .stdin(Stdio::piped())
        .stdout(writer.try_clone().unwrap())
        .stderr(writer);
    let mut child = command.spawn().unwrap();
    // Its copies of the pipe would keep the reader waiting.
    drop(command);

    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_owned();
    // A program that ends before it has read everything is judged by its output.
    let feeder = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let mut output = String::new();
    reader.read_to_string(&mut output).unwrap();
    feeder.join().unwrap();
    (output, child.wait().unwrap())
}
