//! The dashboard in a real browser. The programs, in `tests/npm/browser`, change the database and look at the pages.

use std::process::Command;

use super::Web;
use crate::harness::{Database, merged_output, repository};

/// Runs a program beside a gateway of its own; it must succeed.
async fn run(program: &str) {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    run_at(&web, &database, program, &[]).await;
}

async fn run_at(web: &Web, database: &Database, program: &str, arguments: &[&str]) {
    // A page that never shows what is awaited would stop the whole suite.
    let mut command = Command::new("timeout");
    command.args([
        "300",
        "node",
        "--preserve-symlinks",
        "--preserve-symlinks-main",
    ]);
    command
        .arg(format!("tests/browser/{program}"))
        .args(arguments);
    command.current_dir(repository("target/node"));
    command.env("GATEWAY", web.url("")).env("KEY", web.key());
    command.env("DATABASE_URL", database.url());
    let ended = tokio::task::spawn_blocking(move || {
        let (output, status) = merged_output(Command::new(repository("scripts/node-modules")), "");
        assert!(status.success(), "{output}");
        command.env("CHROMIUM", chromium());
        merged_output(command, "")
    });
    let (output, status) = ended.await.unwrap();
    assert!(status.success(), "{status}:\n{output}");
}

/// Returns the path of the browser.
pub fn chromium() -> String {
    let mut find = Command::new("sh");
    find.args(["-c", "command -v chromium"]);
    let (path, status) = merged_output(find, "");
    assert!(
        status.success(),
        "chromium is not installed: scripts/setup tests"
    );
    path.trim().to_owned()
}

#[tokio::test]
async fn words_and_numbers_are_those_of_the_command_line() {
    run("conventions.mjs").await;
}

#[tokio::test]
async fn table_of_runs_is_live_filtered_and_sorted() {
    run("table.mjs").await;
}

#[tokio::test]
async fn page_of_a_run_follows_it() {
    run("run.mjs").await;
}

#[tokio::test]
async fn failed_run_says_why_in_lines() {
    run("errors.mjs").await;
}

#[tokio::test]
async fn statuses_are_grouped_and_children_wait_to_be_looked_at() {
    run("groups.mjs").await;
}

#[tokio::test]
async fn lost_connection_is_shown_and_recovers() {
    run("stale.mjs").await;
}

#[tokio::test]
async fn pages_that_nobody_sees_hold_no_connection() {
    run("connections.mjs").await;
}

#[tokio::test]
async fn way_back_leads_to_the_same_place_in_the_table() {
    run("place.mjs").await;
}

#[tokio::test]
async fn rows_say_why_runs_failed_and_what_is_below() {
    run("details.mjs").await;
}

#[tokio::test]
async fn html_and_script_are_shown_as_text() {
    run("hostile.mjs").await;
}

#[tokio::test]
async fn pages_are_reached_by_keyboard_phone_and_screen_reader() {
    run("reach.mjs").await;
}

#[tokio::test]
async fn hundred_thousand_runs_are_few_rows() {
    run("many.mjs").await;
}

#[tokio::test]
async fn documented_page_follows_a_run_with_tickets() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let page = repository("docs/http.md");
    run_at(&web, &database, "events.mjs", &[page.to_str().unwrap()]).await;
}

/// `make picture` names the file of the README; otherwise the picture is thrown away.
#[tokio::test]
async fn picture_of_the_readme_can_be_taken() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let folder = std::env::temp_dir();
    let thrown_away = folder.join(format!("runmeta-dashboard-{}.png", std::process::id()));
    let kept = std::env::var_os("RUNMETA_PICTURE").map(|name| repository("").join(name));
    let file = kept.as_ref().unwrap_or(&thrown_away);
    run_at(&web, &database, "picture.mjs", &[file.to_str().unwrap()]).await;
    let _ = std::fs::remove_file(&thrown_away);
}
