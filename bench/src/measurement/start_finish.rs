//! 1,000 runs that start in one batch and finish in another, in one session.

use std::time::Instant;

use serde_json::{Value, json};

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::measurement::ids;
use crate::server::Server;

const ROUNDS: usize = 20;
const RUNS: usize = 1000;

/// How much longer than Postgres' own writing of these rows, with their indexes, a batch may take.
const BUDGET: Budget = Budget::AtMostTimes(2.0);

/// Measures flushes against one bare `INSERT` and one bare `UPDATE` of the same table, which check nothing and announce
/// nothing.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let session = server.session();
    let flush = session.prepare(include_str!("sql/start_finish/flush.sql"))?;
    let insert = session.prepare(include_str!("sql/start_finish/insert.sql"))?;
    let update = session.prepare(include_str!("sql/start_finish/update.sql"))?;
    let metadata = json!({"done": 0, "user": {"name": "Eric"}});
    let (mut starts, mut inserts) = (Figures::default(), Figures::default());
    let (mut finishes, mut updates) = (Figures::default(), Figures::default());
    for round in 1..=ROUNDS {
        let (ours, theirs) = (
            ids(&format!("ours {round} "), RUNS),
            ids(&format!("theirs {round} "), RUNS),
        );
        let start = |id| json!({"run": id, "start": {"task": "import", "metadata": metadata}});
        let finish = |id| json!({"run": id, "finish": "completed"});
        let timed = |work: &dyn Fn() -> Result<u64>, times: &mut Figures| -> Result<()> {
            let begin = Instant::now();
            work()?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
            Ok(())
        };
        let batch: Value = ours.iter().map(start).collect();
        timed(&|| session.execute(&flush, &[&batch]), &mut starts)?;
        let documents = vec![metadata.clone(); RUNS];
        let insert = || session.execute(&insert, &[&theirs, &documents]);
        timed(&insert, &mut inserts)?;
        let batch: Value = ours.iter().map(finish).collect();
        timed(&|| session.execute(&flush, &[&batch]), &mut finishes)?;
        timed(&|| session.execute(&update, &[&theirs]), &mut updates)?;
        server.settle()?;
    }
    let line = |name, ours, theirs| Line::beside(name, ours, theirs, Unit::Cost("ms"), BUDGET);
    Ok(vec![
        line(
            "`flush` that starts 1,000 runs, 1 session, live updates on",
            &starts,
            ("`INSERT` of as many rows into `runmeta.run`", &inserts),
        ),
        line(
            "`flush` that finishes 1,000 runs, 1 session, live updates on",
            &finishes,
            ("`UPDATE` of as many rows of `runmeta.run`", &updates),
        ),
    ])
}
