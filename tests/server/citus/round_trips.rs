//! How many statements a call has its node send to others, as docs/scale-out.md has them. `UPDATE_DOCS=1` writes them there.

use super::session::{Session, id_on};
use crate::harness::{Database, is_citus, repository};

/// The head of the table.
const HEAD: &str =
    "| call, from the coordinator | statements on rows | of the transaction |\n|---|---|---|\n";

/// Statements that begin and end a transaction on another node, or a part of one.
const TRANSACTION: [&str; 6] = [
    "BEGIN",
    "PREPARE",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
];

/// Returns a row of the table in the documentation.
fn row(call: &str, sent: &[String]) -> String {
    let is_of_transaction =
        |command: &&String| TRANSACTION.iter().any(|word| command.starts_with(word));
    let of_transaction = sent.iter().filter(is_of_transaction).count();
    format!(
        "| {call} | {} | {of_transaction} |\n",
        sent.len() - of_transaction
    )
}

/// Returns the calls, each under the name that the documentation has for it. That of `prune` prepares it.
fn calls(root: &str, child: &str) -> Vec<(&'static str, String)> {
    let increments = |runs: &str| {
        format!("
        SELECT count(*) FROM runmeta.flush((SELECT jsonb_agg(jsonb_build_object('run', id, 'operations', '[{{\"type\": \"increment\", \"key\": \"n\"}}]'::jsonb)) FROM {runs})")
    };
    let trees = "(SELECT 'tree ' || n AS id FROM generate_series(1, 1000) AS n) AS r";
    let one = format!("(VALUES ('{root}')) AS r (id)");
    let writer = "'00000000-0000-4000-8000-000000000001'";
    vec![
        (
            "`start` of a root",
            format!("SELECT runmeta.start('{root}')"),
        ),
        (
            "`start` of a child",
            format!("SELECT runmeta.start('{child}', parent_run_id => '{root}')"),
        ),
        ("`get`", format!("SELECT runmeta.get('{child}')")),
        ("`set`", format!("SELECT runmeta.set('{child}', 'a', '1')")),
        (
            "`increment`",
            format!("SELECT runmeta.increment('{child}', 'n')"),
        ),
        (
            "`increment` of the parent",
            format!("SELECT runmeta.increment('{child}', 'n', target => 'parent')"),
        ),
        (
            "`increment` of the root",
            format!("SELECT runmeta.increment('{child}', 'n', target => 'root')"),
        ),
        (
            "`set_status`",
            format!("SELECT runmeta.set_status('{child}', 'paused')"),
        ),
        ("`finish`", format!("SELECT runmeta.finish('{child}')")),
        (
            "`stream_append`",
            format!("SELECT runmeta.stream_append('{root}', 'log', '[1]')"),
        ),
        (
            "`stream_read`",
            format!("SELECT count(*) FROM runmeta.stream_read('{root}', 'log')"),
        ),
        (
            "`tree`",
            format!("SELECT count(*) FROM runmeta.tree('{root}')"),
        ),
        ("`flush` of one list", increments(&one) + ")"),
        (
            "`flush` of one list, with a writer",
            increments(&one) + &format!(", {writer}, 2)"),
        ),
        (
            "`flush` of 1,000 lists for as many trees in 8 shards, with a writer",
            increments(trees) + &format!(", {writer}, 3)"),
        ),
        (
            "`prune` of one tree",
            format!(
                "SELECT runmeta.finish('{root}'); UPDATE runmeta.run SET finished_at = now() - interval '1 day' WHERE root_id = '{root}'"
            ),
        ),
    ]
}

#[tokio::test]
async fn calls_send_as_many_statements_as_documented() {
    if !is_citus() {
        return;
    }
    let database = Database::new().await;
    let mut session = Session::new(&database).await;
    let first = "SELECT count(runmeta.start('tree ' || n)) FROM generate_series(1, 1000) AS n;
        SELECT count(*) FROM runmeta.flush('[]', '00000000-0000-4000-8000-000000000001', 1)";
    session.sends(first).await;
    let mut table = HEAD.to_owned();
    // A tree on one node, and the entry of its child in `run_root` on another one.
    let root = id_on(&session.client, 1, "root ").await;
    let child = id_on(&session.client, 2, "child ").await;
    for (name, mut call) in calls(&root, &child) {
        if name.starts_with("`prune`") {
            session.sends(&call).await;
            call = "SELECT runmeta.prune(now() - interval '1 hour')".to_owned();
        }
        let sent = session.sends(&call).await;
        table += &row(name, &sent);
    }
    let path = repository("docs/scale-out.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(HEAD).expect("the table is there");
    let end = rest.find("\n\n").map_or(rest.len(), |end| end + 1);
    let updated = format!("{before}{table}{}", &rest[end..]);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &updated).unwrap();
    } else {
        pretty_assertions::assert_str_eq!(text, updated);
    }
}
