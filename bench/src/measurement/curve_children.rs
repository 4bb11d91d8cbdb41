//! The curve of throughput against the number of children that count up one parent.

use std::time::Duration;

use crate::Result;
use crate::line::{Budget, Line, OPERATIONS};
use crate::load::Load;
use crate::measurement::parent::{COUNT, add_children};
use crate::measurement::{LEVEL, ids};
use crate::race::race;
use crate::server::Server;

/// A parent for each, with so many children.
const CHILDREN: [(&str, usize); 4] = [
    ("run 1", 10),
    ("run 2", 100),
    ("run 3", 1000),
    ("run 4", 10_000),
];
const SESSIONS: usize = 32;
const TURN: Duration = Duration::from_millis(500);

/// Measures `increment` of the parent.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let mut loads = Vec::new();
    for (parent, children) in CHILDREN {
        add_children(server, parent, children)?;
        let ids = ids(&format!("{parent}/"), children);
        loads.push(Load::open(server.config(), SESSIONS, "", COUNT, &ids)?);
    }
    let [a, b, c, d] = &loads[..] else {
        return Err("not as many parents as are raced".into());
    };
    let [first, more @ ..] = race(server, TURN, [a, b, c, d])?;
    let lines = CHILDREN.iter().skip(1).zip(&more);
    let lines = lines.map(|((_, children), course)| {
        Line::beside(
            format!("`increment` of one parent, {SESSIONS} sessions, children: {children}"),
            &course.rate,
            ("ours with 10", &first.rate),
            OPERATIONS,
            Budget::TimesAsFast(LEVEL),
        )
    });
    Ok(lines.collect())
}
