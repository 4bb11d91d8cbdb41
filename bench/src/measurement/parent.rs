//! Many children that count up one parent.

use std::time::Duration;

use crate::Result;
use crate::line::{Budget, Line, OPERATIONS};
use crate::load::Load;
use crate::measurement::ids;
use crate::race::race;
use crate::server::Server;

const SESSIONS: usize = 32;
const CHILDREN: usize = 1000;
const TURN: Duration = Duration::from_millis(1000);
const PARENT: &str = "run 1";

/// Measures `increment` of a child's parent against rows that somebody else would have to sum up, and against an `UPDATE` of
/// the parent's row.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    add_children(server, PARENT, CHILDREN)?;
    server.session().run(include_str!("sql/parent/queue.sql"))?;
    let children = ids(&format!("{PARENT}/"), CHILDREN);
    let open = |statement| Load::open(server.config(), SESSIONS, "", statement, &children);
    let ours = open(COUNT)?;
    let bare = open(include_str!("sql/parent/insert.sql"))?;
    let notify = open(include_str!("sql/parent/update_and_notify.sql"))?;
    let [course, bare, notify] = race(server, TURN, [&ours, &bare, &notify])?;
    check_sum(server, &ours)?;

    let name = format!(
        "`increment` of one parent, {SESSIONS} sessions on {CHILDREN} children, live updates on"
    );
    let line = |instead, theirs, budget| {
        Line::beside(&name, &course.rate, (instead, theirs), OPERATIONS, budget)
    };
    let mut lines = vec![
        line(
            "bare inserts into a queue table",
            &bare.rate,
            Budget::TimesAsFast(0.6),
        ),
        line(
            "`UPDATE` of its row and `pg_notify`",
            &notify.rate,
            Budget::TimesAsFast(8.0),
        ),
    ];
    lines.extend(course.backlog(server, &name));
    Ok(lines)
}

/// What a child calls.
pub const COUNT: &str = include_str!("sql/parent/increment.sql");

/// Starts children with the ids `PARENT/1`, `PARENT/2` …
pub fn add_children(server: &Server, parent: &str, count: usize) -> Result<()> {
    let children = server
        .session()
        .prepare(include_str!("sql/parent/children.sql"))?;
    server
        .session()
        .execute(&children, &[&parent, &i32::try_from(count)?])?;
    Ok(())
}

/// A rate at which increments get lost is none.
fn check_sum(server: &Server, load: &Load) -> Result<()> {
    let sum: i64 = server
        .session()
        .value(include_str!("sql/parent/sum.sql"), &[&PARENT])?;
    let calls = load.calls();
    if sum == calls {
        Ok(())
    } else {
        Err(format!("{calls} calls of increment made {sum}").into())
    }
}
