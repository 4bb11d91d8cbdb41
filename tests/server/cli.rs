//! The command line: what it prints, and how it refuses.

use std::process::Command;

use crate::harness::{Database, merged_output};

/// Returns the program, which `make test` builds before it builds the tests.
pub fn program() -> Command {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.ancestors().nth(2).unwrap();
    let program = folder.join("runmeta");
    assert!(
        program.exists(),
        "{} is missing: cargo build -p runmeta-cli",
        program.display()
    );
    let mut command = Command::new(program);
    for variable in [
        "DATABASE_URL",
        "PGHOST",
        "PGHOSTADDR",
        "PGDATABASE",
        "PGSERVICE",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Runs the program on a database and returns all that it printed, and its exit code.
fn run(database: &Database, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = program();
    command
        .args(arguments)
        .args(["--database-url", &database.url()]);
    let (output, status) = merged_output(command, "");
    (output, status.code())
}

#[tokio::test]
async fn migrate_tells_what_it_does_and_what_is_left() {
    let database = Database::empty().await;
    let (before, _) = run(&database, &["migrate", "--status"]);
    assert!(
        before.starts_with("extension  in the database: none, on the server: 0.1.0"),
        "{before}"
    );
    assert!(
        before.contains("migration  V1__run_and_writer           pending\n"),
        "{before}"
    );
    let (plan, _) = run(&database, &["migrate", "--dry-run"]);
    assert!(
        plan.starts_with("BEGIN;\n") && plan.ends_with("\nCOMMIT;\n"),
        "{plan}"
    );

    let done = "extension runmeta 0.1.0 created\nmigration V1__run_and_writer applied\nmigration V2__adapter applied\n";
    let (output, code) = run(&database, &["migrate"]);
    // A server without lz4 has said so before.
    assert!(output.ends_with(done) && code == Some(0), "{output}");
    assert_eq!(
        run(&database, &["migrate"]),
        ("the database is up to date\n".to_owned(), Some(0))
    );
    let (after, _) = run(&database, &["migrate", "--status"]);
    assert!(
        after.starts_with("extension  in the database: 0.1.0"),
        "{after}"
    );
    assert!(
        after.contains("V1__run_and_writer           applied 2"),
        "{after}"
    );
}

#[tokio::test]
async fn get_and_tree_print_what_the_database_has() {
    let database = Database::new().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "SELECT runmeta.start('nightly', '{\"big\": 1e30, \"text\": \"\\u001b[31m\"}'),
                runmeta.start('import', parent_run_id => 'nightly'), runmeta.finish('import', 'failed'),
                runmeta.start('retry', parent_run_id => 'nightly', attempt => 3)",
        )
        .await
        .unwrap();
    let printed = |arguments: &[&str]| run(&database, arguments).0;
    assert_eq!(
        printed(&["get", "nightly", "big"]),
        "1000000000000000000000000000000\n"
    );
    assert_eq!(printed(&["get", "nightly", "text"]), "\"\\u001b[31m\"\n");
    assert_eq!(
        printed(&["tree", "nightly"]),
        "nightly  running\n  import  failed\n  retry  running (attempt 3)\n"
    );
    let refused = "error: run \"nightly\" has nothing at key \"none\"\n";
    assert_eq!(
        run(&database, &["get", "nightly", "none"]),
        (refused.to_owned(), Some(1))
    );
    let missing = "error: no such run: \"nobody\"\ndetail: No run of this id exists, or row-level security hides it.\n";
    for arguments in [
        &["get", "nobody"][..],
        &["get", "nobody", "big"],
        &["tree", "nobody"],
    ] {
        assert_eq!(
            run(&database, arguments),
            (missing.to_owned(), Some(1)),
            "{arguments:?}"
        );
    }
}

#[test]
fn command_without_a_database_says_how_to_name_one() {
    let mut command = program();
    command.arg("migrate");
    let (output, status) = merged_output(command, "");
    assert_eq!(status.code(), Some(1));
    assert!(
        output.starts_with("error: no database is named\nhint: Give --database-url URL"),
        "{output}"
    );
}

#[test]
fn password_is_never_printed() {
    for url in [
        "postgres://me:secret@127.0.0.1:1/x",
        "postgres://me:secret@[",
        "host=x password=secret port=many",
    ] {
        let mut command = program();
        command.args(["migrate", "--database-url", url]);
        let (output, status) = merged_output(command, "");
        assert_eq!(status.code(), Some(1));
        assert!(
            output.starts_with("error: ") && !output.contains("secret"),
            "{output}"
        );
    }
}
