//! Following an import from outside: its run is watched like any other.

use std::convert::Infallible;

use runmeta_client::{Client, Snapshot, Snapshots, Watch};
use serde_json::Value;

use crate::demo::progress::{Display, Progress};
use crate::error::Error;

/// Watches the run of an import.
pub(crate) struct Watcher<'a> {
    client: &'a Client,
    run: &'a str,
    snapshots: Snapshots,
}

impl<'a> Watcher<'a> {
    /// Begins to watch a run.
    pub(crate) async fn new(client: &'a Client, run: &'a str) -> Result<Self, Error> {
        let keys = ["totalRows", "processedRows", "invalidRows", "problems"];
        let snapshots = client.watch(Watch::run(run).select(keys)).await?;
        Ok(Self {
            client,
            run,
            snapshots,
        })
    }

    /// Shows each state, until the caller ends it.
    pub(crate) async fn follow(&mut self, display: &mut Display) -> Infallible {
        while let Some(snapshot) = self.snapshots.next().await {
            display.show(&progress_of(&snapshot));
        }
        std::future::pending().await
    }

    /// Shows the state of now: announcements may be switched off.
    pub(crate) async fn show(&self, display: &mut Display) -> Result<(), Error> {
        match self.client.snapshot(self.run).await? {
            Some(snapshot) => display.show(&progress_of(&snapshot)),
            None => return Err(Error::new(format!("run \"{}\" was removed", self.run))),
        }
        Ok(())
    }
}

fn progress_of(snapshot: &Snapshot) -> Progress {
    progress(&snapshot.metadata())
}

/// Reads progress from the metadata of an import.
fn progress(metadata: &Value) -> Progress {
    let number = |key: &str| metadata[key].as_u64().unwrap_or(0);
    let last_problem = metadata["problems"]
        .as_array()
        .and_then(|problems| problems.last())
        .map(|entry| {
            format!(
                "line {}: {}",
                entry["line"],
                entry["problem"].as_str().unwrap_or_default()
            )
        });
    Progress {
        total: number("totalRows"),
        processed: number("processedRows"),
        invalid: number("invalidRows"),
        last_problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn progress_is_read_from_metadata() {
        let metadata = json!({
            "totalRows": 100, "processedRows": 50, "invalidRows": 2,
            "problems": [{ "line": 3, "problem": "a is NA" }, { "line": 9, "problem": "b is missing" }],
        });
        let expected = Progress {
            total: 100,
            processed: 50,
            invalid: 2,
            last_problem: Some("line 9: b is missing".to_owned()),
        };
        assert_eq!(progress(&metadata), expected);
    }

    #[test]
    fn metadata_without_numbers_counts_as_none() {
        assert_eq!(
            progress(&json!({ "totalRows": "many" })),
            Progress::default()
        );
    }
}
