//! A role for one test, gone when the test ends.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use super::citus::on_each_node;
use super::layout::is_citus;

/// A role that only one test uses. To be made before the databases in which it owns something, so that it goes after them.
pub struct Role {
    name: String,
}

impl Role {
    /// Makes a role without any rights.
    pub fn new() -> Self {
        Self::with("")
    }

    /// Makes a role with these options of `CREATE ROLE`.
    pub fn with(options: &str) -> Self {
        Self::named("runmeta_test_role", options)
    }

    /// Makes a role whose name begins like this.
    pub fn named(beginning: &str, options: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{beginning}_{}_{count}", process::id());
        let role = Self { name };
        // Citus connects to the other nodes in its name.
        let login = match is_citus() {
            true => "LOGIN",
            false => "NOLOGIN",
        };
        run(&format!("CREATE ROLE {} {login} {options}", role.quoted()));
        role
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its name as SQL has it.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.name.replace('"', "\"\""))
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        run(&format!("DROP ROLE {}", self.quoted()));
    }
}

fn run(statement: &str) {
    let output = on_each_node(statement);
    if !output.is_empty() {
        eprintln!("{statement}: {output}");
    }
}
