//! A role for one test, gone when the test ends.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use super::environment;
use super::program::{merged_output, postgres_program};

/// A role that only one test uses. To be made before the databases in which it owns something, so that it goes after them.
pub struct Role {
    name: String,
}

impl Role {
    /// Makes a role without any rights.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("runmeta_test_role_{}_{count}", process::id());
        run(&format!("CREATE ROLE {name} NOLOGIN"));
        Self { name }
    }

    /// Returns its name, which needs no quotes.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        run(&format!("DROP ROLE {}", self.name));
    }
}

fn run(statement: &str) {
    let mut psql = postgres_program("psql");
    psql.args(["--no-psqlrc", "--quiet", &environment("RUNMETA_TEST_URL")]);
    let (output, _) = merged_output(psql, statement);
    if !output.is_empty() {
        eprintln!("{statement}: {output}");
    }
}
