//! A session in psql that tells which output belongs to which block of SQL.

use crate::harness::Database;

/// No output of a statement looks like this.
const END_OF_BLOCK: &str = "=== end of block ===";

/// Runs the blocks in one session and returns the output of each.
pub fn run(database: &Database, blocks: &[&str]) -> Vec<String> {
    // psql sets it with the first query, and a session may begin with something else.
    let mut script = "\\set ERROR false\n".to_owned();
    for block in blocks {
        for statement in statements(block) {
            script.push_str(statement);
            script.push_str(
                "\n\\if :ERROR\n\\echo SQLSTATE: :SQLSTATE\n\\set ERROR false\n\\endif\n",
            );
        }
        script.push_str(&format!("\\echo '{END_OF_BLOCK}'\n"));
    }
    let output = database.psql(&script);
    let outputs: Vec<String> = output
        .split(&format!("{END_OF_BLOCK}\n"))
        .map(tidy)
        .collect();
    assert_eq!(
        outputs.len(),
        blocks.len() + 1,
        "psql ended early:\n{output}"
    );
    outputs[..blocks.len()].to_vec()
}

/// Drops blanks that cannot be seen, and what is different each time: the process a notification is from, and when a run
/// finished.
fn tidy(output: &str) -> String {
    let mut tidy = String::new();
    for line in output.trim_end().lines() {
        let line = match line.split_once("received from server process with PID ") {
            Some((start, _)) => format!("{start}received from server process with PID 4711."),
            None => tidy_time(line.trim_end()),
        };
        tidy.push_str(&line);
        tidy.push('\n');
    }
    tidy
}

/// Replaces the time at which a run finished, if it has a fraction, as the clock's times have.
fn tidy_time(line: &str) -> String {
    const BEFORE: &str = " finished at ";
    let time = line.split_once(BEFORE).and_then(|(before, rest)| {
        let (time, after) = rest.split_once(' ')?;
        time.contains('.').then_some((before, after))
    });
    match time {
        Some((before, after)) => {
            format!("{before}{BEFORE}2026-01-02T03:04:05.678901+00:00 {after}")
        }
        None => line.to_owned(),
    }
}

/// Cuts SQL after each semicolon that ends a statement and, but for a comment, a line.
fn statements(sql: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let (mut start, mut rest) = (0, sql);
    while !rest.is_empty() {
        let length = token(rest);
        let is_semicolon = rest.starts_with(';');
        rest = &rest[length..];
        let remainder = rest.trim_start_matches(' ');
        if is_semicolon && (remainder.starts_with('\n') || remainder.starts_with("--")) {
            let end = sql.len() - rest.len();
            statements.push(&sql[start..end]);
            start = end;
        }
    }
    if !sql[start..].trim().is_empty() {
        statements.push(&sql[start..]);
    }
    statements
}

/// Returns the length of what is at the beginning: a quoted text, a comment, or one character.
fn token(sql: &str) -> usize {
    let to = |end: &str, skip: usize| {
        sql[skip..]
            .find(end)
            .map_or(sql.len(), |at| skip + at + end.len())
    };
    match sql.as_bytes()[0] {
        quote @ (b'\'' | b'"') => to(if quote == b'\'' { "'" } else { "\"" }, 1),
        b'-' if sql.starts_with("--") => sql.find('\n').unwrap_or(sql.len()),
        b'$' => match sql[1..].find('$').map(|at| &sql[..at + 2]) {
            Some(tag)
                if tag[1..tag.len() - 1]
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '_') =>
            {
                to(tag, tag.len())
            }
            _ => 1,
        },
        _ => sql.chars().next().map_or(0, char::len_utf8),
    }
}

#[test]
fn semicolons_in_quotes_and_comments_end_no_statement() {
    let sql = concat!(
        "SELECT ';\n', $1, $x$;\n$x$; -- ;\n",
        "DO $$ BEGIN;\nEND $$;\n",
        "\\x\nSELECT \"a;\n\"\n",
    );
    assert_eq!(
        statements(sql),
        [
            "SELECT ';\n', $1, $x$;\n$x$;",
            " -- ;\nDO $$ BEGIN;\nEND $$;",
            "\n\\x\nSELECT \"a;\n\"\n",
        ]
    );
}
