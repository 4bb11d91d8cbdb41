//! The measurements that the README quotes: `make bench`.
//!
//! Each line holds what we do against what a user would do instead, taken in turns in one run on one
//! server, so that the ratio is worth more than either figure. Nothing here passes or fails a test.
//!
//! `make bench ARGS='parent flush'` runs the measurements whose names contain one of the words. The results are printed as
//! tables, and `target/bench.json` has them for programs.

mod delay;
mod figures;
mod json;
mod line;
mod listener;
mod load;
mod measurement;
mod picture;
mod race;
mod server;
mod session;
mod steady;
mod table;

use std::env;
use std::error::Error;
use std::fs;
use std::time::Instant;

use line::{Budget, Line};
use listener::Listener;
use measurement::ALL;
use server::Server;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    measurement::web::serve_if_asked()?;
    let wanted: Vec<String> = env::args().skip(1).collect();
    let server = Server::create()?;
    let listener = Listener::open(server.config())?;
    let mut lines = Vec::new();
    for (name, measure) in ALL {
        if wanted.is_empty() || wanted.iter().any(|word| is_meant(name, word)) {
            let start = Instant::now();
            server.start_over()?;
            lines.extend(measure(&server).map_err(|error| format!("{name}: {error}"))?);
            eprintln!("{name}: {:.0} s", start.elapsed().as_secs_f64());
        }
    }
    report(&server, &listener, &lines)?;
    server.drop()
}

/// A word that is a name means that measurement alone.
fn is_meant(name: &str, word: &str) -> bool {
    let is_name = ALL.iter().any(|(name, _)| *name == word);
    if is_name {
        name == word
    } else {
        name.contains(word)
    }
}

fn report(server: &Server, listener: &Listener, lines: &[Line]) -> Result<()> {
    println!("{}", server.description()?);
    println!(
        "{} cores, a commit takes {:.2} ms. A listener took {} notifications. Ours and theirs in turns; the figures are medians, the spread is from the \
         least to the most. Autovacuum is off, and tables are vacuumed between turns.",
        std::thread::available_parallelism()?,
        server.commit()?.median(),
        listener.count()
    );
    let is_promised = |line: &&Line| !matches!(line.budget, Budget::None);
    println!("\n{}", table::table(lines.iter().filter(is_promised)));
    let others = lines.iter().filter(|line| !is_promised(line));
    println!("\n{}", table::table(others));
    fs::write("target/bench.json", format!("{:#}\n", json::json(lines)))?;
    Ok(())
}
