//! A key summed up over many trees.

use std::time::Instant;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;

const TURNS: usize = 5;

/// Measures one call of `rollup_each` for 500 trees of 10 runs against 500 calls of `rollup`.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let session = server.session();
    session.run(include_str!("sql/rollup/trees.sql"))?;
    let each = session.prepare(include_str!("sql/rollup/each.sql"))?;
    let one = session.prepare(include_str!("sql/rollup/one.sql"))?;
    let roots: Vec<String> = (1..=500).map(|number| format!("tree {number}")).collect();
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..TURNS {
        let start = Instant::now();
        session.execute(&each, &[&roots])?;
        ours.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        for root in &roots {
            session.execute(&one, &[root])?;
        }
        theirs.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(vec![Line::beside(
        "`rollup_each` of 500 trees of 10 runs",
        &ours,
        ("500 calls of `rollup`", &theirs),
        Unit::Cost("ms"),
        Budget::None,
    )])
}
