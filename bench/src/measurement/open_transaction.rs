//! What a transaction that stays open does to busy runs: their old versions have to stay, and each write walks past them.

use std::time::Instant;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;
use crate::session::Session;

/// It grows with each: 1,500 take a minute and a half, and come to five times of this.
const WRITES: usize = 300;
/// How many of the first writes count, and of the last.
const SAMPLE: usize = 20;

/// Measures how many times as long a write of 100 runs takes after 300 of them, by `flush` and by `UPDATE`.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let reader = Session::open(server.config())?;
    reader.run(include_str!("sql/open_transaction/begin.sql"))?;
    let ours = slowdown(server, include_str!("sql/open_transaction/flush.sql"))?;
    let theirs = slowdown(server, include_str!("sql/open_transaction/update.sql"))?;
    reader.run("COMMIT")?;
    Ok(vec![Line::beside(
        "a `flush` of 100 runs after 300 others, one transaction open all the time, against the first",
        &ours,
        ("`UPDATE … jsonb_set` of 100 rows", &theirs),
        Unit::Cost("times"),
        Budget::None,
    )])
}

fn slowdown(server: &Server, statement: &str) -> Result<Figures> {
    let session = Session::open(server.config())?;
    // The disk takes as long for the last as for the first, and is no part of this.
    session.run("SET synchronous_commit = off")?;
    let write = session.prepare(statement)?;
    let (mut first, mut last) = (Figures::default(), Figures::default());
    for number in 0..WRITES {
        let start = Instant::now();
        session.execute(&write, &[])?;
        let elapsed = start.elapsed().as_secs_f64();
        if number < SAMPLE {
            first.push(elapsed);
        }
        if number >= WRITES - SAMPLE {
            last.push(elapsed);
        }
    }
    Ok(Figures::once(last.median() / first.median()))
}
