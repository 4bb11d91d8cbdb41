//! Why the fillfactor of `runmeta.run` is 50: how many updates of batches of neighbours are HOT.

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;

const FILLFACTORS: [i32; 4] = [100, 90, 70, 50];
const BATCHES: i32 = 200;

/// Measures 200 flushes of 1,000 neighbours among 20,000 runs of 300 bytes, with each fillfactor.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let session = server.session();
    let mut lines = Vec::new();
    for fillfactor in FILLFACTORS {
        let runs = include_str!("sql/fillfactor/runs.sql");
        session.run(&runs.replace("{fillfactor}", &fillfactor.to_string()))?;
        let flush = session.prepare(include_str!("sql/fillfactor/flush.sql"))?;
        for batch in 0..BATCHES {
            session.execute(&flush, &[&(batch % 20 * 1000)])?;
        }
        session.run(include_str!("sql/fillfactor/force_statistics.sql"))?;
        let value = |sql| session.value::<f64>(sql, &[]).map(Figures::once);
        let name = format!("200 flushes of 1,000 neighbours, fillfactor {fillfactor}");
        let line = |what, figures, unit| {
            Line::alone(format!("{name}: {what}"), figures, unit, Budget::None)
        };
        let hot = value(include_str!("sql/fillfactor/hot.sql"))?;
        let pages = value(include_str!("sql/fillfactor/pages.sql"))?;
        lines.push(line("HOT updates", hot, Unit::Rate("%")));
        lines.push(line("size", pages, Unit::Cost("pages")));
    }
    Ok(lines)
}
