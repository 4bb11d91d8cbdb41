//! A program of `tests/npm`, and what it prints: a line of JSON for each thing.

use std::process::Command;

use serde_json::Value;
use tokio::task::spawn_blocking;

use super::super::Web;
use crate::harness::{Printing, merged_output, repository};

/// A program at work. It is ended when this is dropped.
pub struct Npm(Printing);

impl Npm {
    /// Starts a program with the address of a gateway and its secret key.
    pub async fn start(web: &Web, program: &str, arguments: &[&str]) -> Npm {
        Npm::with(&web.url(""), web.key(), program, arguments).await
    }

    /// Starts a program with this address and key.
    pub async fn with(url: &str, key: &str, program: &str, arguments: &[&str]) -> Npm {
        let installed = spawn_blocking(|| {
            let script = Command::new(repository("scripts/node-modules"));
            merged_output(script, "")
        });
        let (output, status) = installed.await.unwrap();
        assert!(status.success(), "{output}");
        let mut command = Command::new("node");
        // Node would look for packages from where the link to the program leads.
        command.args(["--preserve-symlinks", "--preserve-symlinks-main"]);
        command.arg(format!("tests/{program}")).args(arguments);
        command.current_dir(repository("target/node"));
        command.envs([("TRIGGER_API_URL", url), ("TRIGGER_SECRET_KEY", key)]);
        Npm(Printing::of(command))
    }

    /// Waits until a text is among what it prints.
    pub async fn until(&self, text: &str) {
        self.0.until(text).await;
    }

    /// Waits until it has ended, which must be a success, and returns what it printed.
    pub async fn finish(self) -> String {
        self.0.finish().await
    }
}

/// Returns the values that were printed under a name.
pub fn values(output: &str, name: &str) -> Vec<Value> {
    let lines = output.lines();
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| line.get(name).cloned()).collect()
}

/// Returns the value that was printed under a name, of which there must be one.
pub fn value(output: &str, name: &str) -> Value {
    let mut values = values(output, name);
    assert_eq!(values.len(), 1, "{name}: {output}");
    values.remove(0)
}
