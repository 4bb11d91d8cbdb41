//! What contracts cost a write: one of another task, and one that the document fits.

use std::time::Duration;

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, OPERATIONS};
use crate::load::Load;
use crate::server::Server;

const TURN: Duration = Duration::from_millis(500);
const TURNS: usize = 5;

/// Contracts, and the script that leaves these and no others.
const STATES: [(&str, &str); 3] = [
    ("no contract", include_str!("sql/contract/none.sql")),
    (
        "a contract for another task",
        include_str!("sql/contract/other.sql"),
    ),
    (
        "a contract of 20 properties",
        include_str!("sql/contract/twenty.sql"),
    ),
];

/// Measures `set` in a document of 2 kB, with contracts and without.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    server.session().run(include_str!("sql/contract/run.sql"))?;
    let ids = ["checked".to_owned()];
    let load = Load::open(server.config(), 1, "", include_str!("sql/set.sql"), &ids)?;
    let mut rates = STATES.map(|_| Figures::default());
    for _ in 0..TURNS {
        for ((_, script), rates) in STATES.iter().zip(&mut rates) {
            server.session().run(script)?;
            server.settle()?;
            // Plans are made anew for a table that has got a trigger, or lost it.
            load.turn(TURN / 10)?;
            let turn = load.turn(TURN)?;
            rates.push(turn.calls as f64 / turn.elapsed.as_secs_f64());
        }
    }
    let [without, with @ ..] = &rates;
    let lines = STATES[1..].iter().zip(with).map(|((name, _), rates)| {
        let name = format!("`set` in a document of 2 kB, {name}");
        let without = ("the same without contracts", without);
        Line::beside(name, rates, without, OPERATIONS, Budget::None)
    });
    Ok(lines.collect())
}
