//! Why metadata is compressed with lz4.

use std::time::Instant;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;

const TURNS: usize = 5;

/// Measures writing and reading documents of 263 kB against pglz. No lines where the server was built without lz4.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let session = server.session();
    if !session.value::<bool>(include_str!("sql/compression/has_lz4.sql"), &[])? {
        return Ok(Vec::new());
    }
    session.run(include_str!("sql/compression/tables.sql"))?;
    let time = |statement: &str| -> Result<f64> {
        let start = Instant::now();
        session.run(statement)?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    let statements = [
        include_str!("sql/compression/write.sql"),
        include_str!("sql/compression/read.sql"),
    ];
    let mut lines = Vec::new();
    for (what, statement) in ["written", "read"].into_iter().zip(statements) {
        let (mut ours, mut theirs) = (Figures::default(), Figures::default());
        for _ in 0..TURNS {
            ours.push(time(&statement.replace("{table}", "lz4"))?);
            theirs.push(time(&statement.replace("{table}", "pglz"))?);
        }
        lines.push(Line::beside(
            format!("100 documents of 263 kB {what} with lz4"),
            &ours,
            ("with pglz", &theirs),
            Unit::Cost("ms"),
            Budget::None,
        ));
    }
    Ok(lines)
}
