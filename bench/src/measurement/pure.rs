//! Operations on a document of 220 kB, without storing it, against Postgres' own functions.

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::measurement::document::add_document;
use crate::server::Server;

const ROUNDS: usize = 7;

/// Measures one operation, and twenty of a job that reports what it does: values, counters, logs, by key and by path.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    add_document(server, "pure", 220_000)?;
    let one = Pair {
        ours: include_str!("sql/pure/apply_one.sql"),
        theirs: include_str!("sql/pure/jsonb_set.sql"),
        their_calls: 100,
    };
    let twenty = Pair {
        ours: include_str!("sql/pure/apply_twenty.sql"),
        theirs: include_str!("sql/pure/chain_of_twenty.sql"),
        // 45 ms each.
        their_calls: 5,
    };
    Ok(vec![
        one.compare(
            server,
            "1 operation on a document of 220 kB, in memory",
            "`jsonb_set`",
            1.0,
        )?,
        twenty.compare(
            server,
            "20 operations on a document of 220 kB, in memory",
            "20 of `jsonb_set` and `jsonb_insert`",
            5.0,
        )?,
    ])
}

/// Two expressions of a document `d` that make the same.
struct Pair {
    ours: &'static str,
    theirs: &'static str,
    their_calls: u32,
}

impl Pair {
    fn compare(
        &self,
        server: &Server,
        name: &str,
        instead: &'static str,
        least: f64,
    ) -> Result<Line> {
        let equal = include_str!("sql/pure/equal.sql")
            .replace("{ours}", self.ours)
            .replace("{theirs}", self.theirs);
        if !server.session().value::<bool>(&equal, &[])? {
            return Err(format!("{instead} does not make the same document").into());
        }
        let (mut ours, mut theirs) = (Figures::default(), Figures::default());
        for _ in 0..ROUNDS {
            ours.push(time(server, self.ours, 100)?);
            theirs.push(time(server, self.theirs, self.their_calls)?);
        }
        Ok(Line::beside(
            name,
            &ours,
            (instead, &theirs),
            Unit::Cost("µs"),
            Budget::TimesAsFast(least),
        ))
    }
}

/// Returns the microseconds that one evaluation takes in the server.
fn time(server: &Server, expression: &str, calls: u32) -> Result<f64> {
    let evaluate = include_str!("sql/pure/evaluate.sql")
        .replace("{expression}", expression)
        .replace("{calls}", &calls.to_string());
    server.session().run(&evaluate)?;
    let seconds: f64 = server
        .session()
        .value(include_str!("sql/pure/seconds.sql"), &[])?;
    Ok(seconds * 1e6 / f64::from(calls))
}
