//! What is measured, a file for each. A new one is a file with a function `measure`, and a row in [`ALL`].

mod client_arrival;
mod client_increment;
mod client_memory;
mod client_reads;
mod client_starts;
mod compression;
mod contract;
mod curve_children;
mod curve_runs;
mod curve_sizes;
mod document;
mod fillfactor;
mod flush;
mod indexes;
mod large;
mod memory;
mod open_transaction;
mod parent;
mod prune;
mod pure;
mod reports;
mod rollup;
mod runs;
mod sessions;
mod set;
mod start_finish;
mod stream;
mod tracking;
mod watch;
pub mod web;

use crate::Result;
use crate::line::Line;
use crate::server::Server;

/// Measures on tables that were just made.
pub type Measure = fn(&Server) -> Result<Vec<Line>>;

/// All measurements, in the order in which they run and are printed. The names are what `make bench ARGS=…` goes by.
pub const ALL: &[(&str, Measure)] = &[
    ("set", set::measure),
    ("runs", runs::measure),
    ("parent", parent::measure),
    ("large", large::measure),
    ("flush", flush::measure),
    ("start_finish", start_finish::measure),
    ("client-arrival", client_arrival::measure),
    ("client-increment", client_increment::measure),
    ("client-starts", client_starts::measure),
    ("client-memory", client_memory::measure),
    ("client-reads", client_reads::measure),
    ("watch", watch::measure),
    ("stream", stream::measure),
    ("web", web::measure),
    ("pure", pure::measure),
    ("memory", memory::measure),
    ("sessions", sessions::measure),
    ("curve-runs", curve_runs::measure),
    ("curve-children", curve_children::measure),
    ("curve-sizes", curve_sizes::measure),
    ("rollup", rollup::measure),
    ("reports", reports::measure),
    ("contract", contract::measure),
    ("tracking", tracking::measure),
    ("prune", prune::measure),
    ("open-transaction", open_transaction::measure),
    ("fillfactor", fillfactor::measure),
    ("indexes", indexes::measure),
    ("compression", compression::measure),
];

/// How much of the rate may be lost along a curve that is called level. A guess: what the spread can hide.
const LEVEL: f64 = 0.8;

/// Returns the ids that both tables have after [`Server::start_over`].
fn run_ids() -> Vec<String> {
    ids("run ", 1000)
}

/// Returns the prefix with each number from 1.
fn ids(prefix: &str, count: usize) -> Vec<String> {
    (1..=count)
        .map(|number| format!("{prefix}{number}"))
        .collect()
}
