//! Many sessions on different runs: what live updates cost.

use std::time::Duration;

use crate::Result;
use crate::line::{Budget, Line, OPERATIONS};
use crate::load::Load;
use crate::measurement::run_ids;
use crate::race::{Course, race};
use crate::server::Server;

const SESSIONS: usize = 32;
const TURN: Duration = Duration::from_millis(700);

/// Measures `set` against the ways in which a user would write and announce the same value.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    server
        .session()
        .run(include_str!("sql/runs/function.sql"))?;
    server.session().run(include_str!("sql/runs/trigger.sql"))?;
    let open = |statement| Load::open(server.config(), SESSIONS, "", statement, &run_ids());
    let ours = open(include_str!("sql/set.sql"))?;
    let bare = open(include_str!("sql/update.sql"))?;
    let notify = open(include_str!("sql/update_and_notify.sql"))?;
    let function = open(include_str!("sql/runs/update_in_function.sql"))?;
    let trigger = open(include_str!("sql/runs/update_with_trigger.sql"))?;
    let our_table = open(include_str!("sql/runs/update_our_table.sql"))?;
    let loads = [&ours, &bare, &notify, &function, &trigger, &our_table];
    let [ours, bare, notify, function, trigger, our_table] = race(server, TURN, loads)?;
    let line = |instead, theirs: &Course, budget| {
        Line::beside(
            format!("`set`, {SESSIONS} sessions on 1,000 runs, live updates on"),
            &ours.rate,
            (instead, &theirs.rate),
            OPERATIONS,
            budget,
        )
    };
    Ok(vec![
        line(
            "`UPDATE … jsonb_set`, notifies nobody",
            &bare,
            Budget::TimesAsFast(0.6),
        ),
        line(
            "`UPDATE` and `pg_notify`",
            &notify,
            Budget::TimesAsFast(4.0),
        ),
        line(
            "`UPDATE` in PL/pgSQL, notifies nobody",
            &function,
            Budget::None,
        ),
        line("`UPDATE`, a trigger notifies", &trigger, Budget::None),
        // What our table costs by itself: its constraints are checked in each statement.
        line("`UPDATE` of `runmeta.run`", &our_table, Budget::None),
    ])
}
