//! Loads that take turns: ours, theirs, ours, theirs …

use std::time::Duration;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::load::Load;
use crate::server::Server;

const TURNS: usize = 5;

/// What the turns of one load brought.
#[derive(Default)]
pub struct Course {
    /// Calls in a second.
    pub rate: Figures,
    /// Bytes of WAL for each call, those of folding included.
    pub wal: Figures,
    /// Lists that waited to be folded at the end.
    pub waiting: Figures,
    /// Milliseconds until none waited any more.
    pub folding: Figures,
}

impl Course {
    /// Returns what was left to the worker when the load ended, as lines; none where there is no inbox. A rate is worth
    /// nothing if this grows with the time that the load takes.
    pub fn backlog(&self, server: &Server, name: &str) -> Vec<Line> {
        if !server.has_inbox() {
            return Vec::new();
        }
        let line = |what, figures: &Figures, unit| {
            Line::alone(
                format!("{name}: {what}"),
                figures.clone(),
                Unit::Cost(unit),
                Budget::None,
            )
        };
        vec![
            line("lists that wait at the end", &self.waiting, ""),
            line("time until they are folded", &self.folding, "ms"),
        ]
    }

    /// Returns a call's bytes of WAL beside those of a call of theirs.
    pub fn wal_beside(&self, name: &str, (instead, theirs): (&'static str, &Course)) -> Line {
        Line::beside(
            format!("{name}: WAL of an operation"),
            &self.wal,
            (instead, &theirs.wal),
            Unit::Cost("bytes"),
            Budget::None,
        )
    }
}

/// Runs the loads, so long each turn.
pub fn race<const N: usize>(
    server: &Server,
    turn: Duration,
    loads: [&Load; N],
) -> Result<[Course; N]> {
    let mut courses = [(); N].map(|()| Course::default());
    for _ in 0..TURNS {
        for (load, course) in loads.iter().zip(&mut courses) {
            server.settle()?;
            let wal = server.wal_bytes()?;
            let turn = load.turn(turn)?;
            let waiting = server.waiting()?;
            let folding = server.until_folded()?;
            let wal = server.wal_bytes()? - wal;
            course
                .rate
                .push(turn.calls as f64 / turn.elapsed.as_secs_f64());
            course.wal.push(wal / turn.calls as f64);
            course.waiting.push(waiting as f64);
            course.folding.push(folding.as_secs_f64() * 1e3);
        }
    }
    Ok(courses)
}
