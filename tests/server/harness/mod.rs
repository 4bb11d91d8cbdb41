//! What every test needs: a database, the server's programs, and an error in a form that can be compared.

mod database;
mod program;
mod refusal;

pub use database::Database;
pub use program::{merged_output, postgres_program, repository};
pub use refusal::refusal;

/// Reads a variable that `scripts/with-cluster` sets.
fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run `make test`, or `scripts/with-cluster cargo test -p runmeta-tests` for these tests alone"
        )
    })
}
