//! A counter in a large document: what is written should not depend on what it is written into.

use std::time::Duration;

use crate::Result;
use crate::line::{Budget, Line, OPERATIONS};
use crate::load::Load;
use crate::measurement::document::add_document;
use crate::race::race;
use crate::server::Server;

const BYTES: usize = 220_000;
const TURN: Duration = Duration::from_millis(600);

/// Measures `increment` in a document of 220 kB against the same in one of 100 bytes, and against an `UPDATE` of the large one.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    add_document(server, "large", BYTES)?;
    let mut lines = Vec::new();
    for sessions in [1, 10] {
        lines.extend(with_sessions(server, sessions)?);
    }
    Ok(lines)
}

fn with_sessions(server: &Server, sessions: usize) -> Result<Vec<Line>> {
    let open = |statement, run: &str| {
        Load::open(server.config(), sessions, "", statement, &[run.to_owned()])
    };
    let increment = include_str!("sql/increment.sql");
    let large = open(increment, "large")?;
    let small = open(increment, "run 1")?;
    let update = open(include_str!("sql/update_counter.sql"), "large")?;
    let [large, small, update] = race(server, TURN, [&large, &small, &update])?;

    let name = format!("a counter in a document of 220 kB, sessions: {sessions}, live updates on");
    let (instead, theirs) = ("the same in a document of 100 bytes", &small);
    let beside_update = "`UPDATE … jsonb_set` of the 220 kB";
    let mut lines = vec![
        Line::beside(
            &name,
            &large.rate,
            (instead, &theirs.rate),
            OPERATIONS,
            Budget::TimesAsFast(0.7),
        ),
        Line::beside(
            &name,
            &large.rate,
            (beside_update, &update.rate),
            OPERATIONS,
            Budget::None,
        ),
        large.wal_beside(&name, (instead, theirs)),
        large.wal_beside(&name, (beside_update, &update)),
    ];
    lines.extend(large.backlog(server, &name));
    Ok(lines)
}
