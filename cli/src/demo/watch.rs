//! Following a run from outside: listen first, then read, then take what is newer.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use tokio_postgres::{Client, Notification};

use crate::demo::progress::{Display, Progress};
use crate::error::Error;

/// How long to believe that nothing has changed when nothing is announced: announcements may be switched off.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

const STATE: &str = "
    SELECT r.version, r.finished_at IS NOT NULL, r.metadata
    FROM runmeta.live_run AS r
    WHERE r.id = $1";

/// Watches a run until it has finished, and shows each state.
pub(crate) struct Watcher<'a> {
    pub(crate) client: &'a Client,
    pub(crate) notifications: UnboundedReceiver<Notification>,
    pub(crate) run: &'a str,
}

impl Watcher<'_> {
    /// Shows each state; returns when the run has finished.
    pub(crate) async fn follow(&mut self, display: &mut Display) -> Result<(), Error> {
        loop {
            let (version, progress) = self.read().await?;
            display.show(&progress);
            if progress.finished {
                return Ok(());
            }
            self.wait_for_news(version).await?;
        }
    }

    async fn read(&self) -> Result<(i64, Progress), Error> {
        let row = self
            .client
            .query_opt(STATE, &[&self.run])
            .await?
            .ok_or_else(|| Error::new(format!("run \"{}\" was removed", self.run)))?;
        let metadata: Value = row.try_get(2)?;
        Ok((row.try_get(0)?, progress_of(&metadata, row.try_get(1)?)))
    }

    /// Waits for a version newer than that, or until it is time to look again.
    async fn wait_for_news(&mut self, version: i64) -> Result<(), Error> {
        let news = async {
            while let Some(notification) = self.notifications.recv().await {
                if is_news(notification.payload(), self.run, version) {
                    return Ok(());
                }
            }
            Err(Error::new("the server has closed the connection"))
        };
        timeout(LOOK_AGAIN, news).await.unwrap_or(Ok(()))
    }
}

/// Tells whether a notification says more of a run than its version that is known already.
fn is_news(payload: &str, run: &str, version: i64) -> bool {
    let Ok(payload) = serde_json::from_str::<Value>(payload) else {
        return false;
    };
    let newer = |entry: &Value| {
        entry["id"] == run && entry["version"].as_i64().is_none_or(|news| news > version)
    };
    payload["resync"] == true
        || payload["runs"]
            .as_array()
            .is_some_and(|runs| runs.iter().any(newer))
}

/// Reads progress from the metadata of an import.
fn progress_of(metadata: &Value, finished: bool) -> Progress {
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
        finished,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn newer_version_of_the_run_is_news() {
        let payload = r#"{"runs":[{"id":"other","root":"other","version":99},{"id":"run_1","root":"run_1","version":12}]}"#;
        assert!(is_news(payload, "run_1", 11));
        assert!(!is_news(payload, "run_1", 12));
        assert!(!is_news(payload, "run_2", 1));
    }

    #[test]
    fn resync_is_news_for_everybody() {
        assert!(is_news(r#"{"resync":true}"#, "run_1", 12));
    }

    #[test]
    fn payload_of_somebody_else_is_no_news() {
        assert!(!is_news("hello", "run_1", 1));
        assert!(!is_news("{}", "run_1", 1));
        assert!(!is_news(r#"{"runs":{"id":"run_1"}}"#, "run_1", 1));
    }

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
            finished: false,
        };
        assert_eq!(progress_of(&metadata, false), expected);
    }

    #[test]
    fn metadata_without_numbers_counts_as_none() {
        assert_eq!(
            progress_of(&json!({ "totalRows": "many" }), false),
            Progress::default()
        );
    }
}
