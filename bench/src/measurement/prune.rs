//! The end of a large tree.

use std::time::Instant;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;

/// Measures `prune` of a finished tree of 100,001 runs.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let session = server.session();
    session.run(include_str!("sql/prune/tree.sql"))?;
    let start = Instant::now();
    let pruned: i64 = session.value(include_str!("sql/prune/prune.sql"), &[])?;
    let elapsed = start.elapsed().as_secs_f64();
    if pruned != 100_001 {
        return Err(format!("{pruned} runs were pruned").into());
    }
    Ok(vec![Line::alone(
        "`prune` of a tree of 100,001 runs",
        Figures::once(elapsed),
        Unit::Cost("s"),
        Budget::None,
    )])
}
