//! The curve of throughput against the number of sessions, and its picture.

use std::time::Duration;
use std::{env, fs};

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, OPERATIONS};
use crate::load::Load;
use crate::measurement::run_ids;
use crate::picture::{Curve, picture};
use crate::race::race;
use crate::server::Server;

const SESSIONS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
const TURN: Duration = Duration::from_millis(350);

/// Measures `set` on different runs against the `UPDATE` that notifies nobody and the one that does.
///
/// The picture goes to `target/throughput.svg`, and with `UPDATE_PICTURE` set to `docs/throughput.svg` too.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let statements = [
        include_str!("sql/set.sql"),
        include_str!("sql/update.sql"),
        include_str!("sql/update_and_notify.sql"),
    ];
    let mut points: [Vec<Figures>; 3] = Default::default();
    for sessions in SESSIONS {
        let open = |statement| Load::open(server.config(), sessions, "", statement, &run_ids());
        let [ours, bare, notify] = statements;
        let loads = [open(ours)?, open(bare)?, open(notify)?];
        let courses = race(server, TURN, loads.each_ref())?;
        for (curve, course) in points.iter_mut().zip(courses) {
            curve.push(course.rate);
        }
    }
    let [ours, bare, notify] = points;
    draw(&ours, &bare, &notify)?;
    Ok(
        lines(&ours, ("`UPDATE … jsonb_set`, notifies nobody", &bare))
            .chain(lines(&ours, ("`UPDATE` and `pg_notify`", &notify)))
            .collect(),
    )
}

fn lines<'a>(
    ours: &'a [Figures],
    (instead, theirs): (&'static str, &'a [Figures]),
) -> impl Iterator<Item = Line> + 'a {
    let both = SESSIONS.iter().zip(ours.iter().zip(theirs));
    both.map(move |(sessions, (ours, theirs))| {
        Line::beside(
            format!("`set` on different runs, live updates on, sessions: {sessions}"),
            ours,
            (instead, theirs),
            OPERATIONS,
            Budget::None,
        )
    })
}

fn draw(ours: &[Figures], bare: &[Figures], notify: &[Figures]) -> Result<()> {
    let svg = picture(
        "Committed changes a second, by the number of sessions",
        &SESSIONS,
        &[
            Curve::new("UPDATE, notifies nobody", "bare", bare),
            Curve::new("runmeta.set, live updates on", "ours", ours),
            Curve::new("UPDATE and pg_notify", "notify", notify),
        ],
    );
    fs::write("target/throughput.svg", &svg)?;
    if env::var_os("UPDATE_PICTURE").is_some() {
        fs::write("docs/throughput.svg", &svg)?;
    }
    Ok(())
}
