//! The curve of throughput against the number of runs in the table.

use std::time::Duration;

use crate::Result;
use crate::line::{Budget, Line, OPERATIONS};
use crate::load::Load;
use crate::measurement::LEVEL;
use crate::race::{Course, race};
use crate::server::Server;

const RUNS: [i32; 4] = [1000, 10_000, 100_000, 1_000_000];
const LIVE: i32 = 1000;
const SESSIONS: usize = 32;
const TURN: Duration = Duration::from_millis(400);

/// Measures `set` on 1,000 runs, which are far apart, in a table that grows.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let mut first: Option<Course> = None;
    let mut lines = Vec::new();
    for runs in RUNS {
        server
            .session()
            .run(&include_str!("sql/curve_runs/grow.sql").replace("{runs}", &runs.to_string()))?;
        let live: Vec<String> = (0..LIVE)
            .map(|number| format!("run {}", 1 + number * (runs / LIVE)))
            .collect();
        let open = |statement| Load::open(server.config(), SESSIONS, "", statement, &live);
        let ours = open(include_str!("sql/set.sql"))?;
        let bare = open(include_str!("sql/update.sql"))?;
        let [ours, bare] = race(server, TURN, [&ours, &bare])?;
        let name = format!("`set`, {SESSIONS} sessions, runs in the table: {runs}");
        lines.push(Line::beside(
            &name,
            &ours.rate,
            ("`UPDATE … jsonb_set`, notifies nobody", &bare.rate),
            OPERATIONS,
            Budget::None,
        ));
        match &first {
            None => first = Some(ours),
            Some(first) => lines.push(Line::beside(
                &name,
                &ours.rate,
                ("ours with 1,000", &first.rate),
                OPERATIONS,
                Budget::TimesAsFast(LEVEL),
            )),
        }
    }
    Ok(lines)
}
