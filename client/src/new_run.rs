//! A run to be started.

use runmeta_core::BadValue;
use serde::Serialize;
use serde::ser::Error as _;
use serde_json::Value;

use crate::to_value::{Unfit, to_value};
use crate::{Error, id, reserved};

/// A run to be started with [`Client::start`](crate::Client::start).
///
/// ```
/// use runmeta_client::NewRun;
/// use serde_json::json;
///
/// let run = NewRun::new("import-42").parent("nightly").task("import").tags(["csv"]).metadata(json!({"rows": 0}));
/// ```
#[derive(Debug)]
pub struct NewRun {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) metadata: Option<Result<Value, serde_json::Error>>,
    pub(crate) status: Option<String>,
    pub(crate) attempt: Option<i32>,
}

impl NewRun {
    /// Names the run: any text of 1 to 255 bytes, commonly the id that your queue gave the job.
    pub fn new(id: impl Into<String>) -> NewRun {
        NewRun {
            id: id.into(),
            parent: None,
            task: None,
            tags: Vec::new(),
            metadata: None,
            status: None,
            attempt: None,
        }
    }

    /// Makes it a child of this run, which must have been started.
    pub fn parent(mut self, id: impl Into<String>) -> NewRun {
        self.parent = Some(id.into());
        self
    }

    /// Names the job that runs.
    pub fn task(mut self, task: impl Into<String>) -> NewRun {
        self.task = Some(task.into());
        self
    }

    /// Adds words to find the run by.
    pub fn tags(mut self, tags: impl IntoIterator<Item = impl Into<String>>) -> NewRun {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Names the attempt, from 1: that of the job in your queue. A run at an older attempt begins this one, with the metadata
    /// merged into its document; one at this attempt is found as it is, finished or not.
    pub fn attempt(mut self, attempt: i32) -> NewRun {
        self.attempt = Some(attempt);
        self
    }

    /// Begins with this status instead of `running`, for instance `queued`.
    pub fn status(mut self, status: impl Into<String>) -> NewRun {
        self.status = Some(status.into());
        self
    }

    /// Gives the document to begin with, an object: a struct, a map or `json!({…})`. What cannot be serialised makes
    /// `start` fail.
    pub fn metadata(mut self, metadata: impl Serialize) -> NewRun {
        self.metadata = Some(to_value(&metadata).map_err(|unfit| match unfit {
            Unfit::TooDeep => serde_json::Error::custom(BadValue::TooDeep),
            Unfit::NotSerializable(error) => error,
        }));
        self
    }

    /// Finds what would make the run one that this crate cannot name or read.
    ///
    /// # Errors
    ///
    /// SQLSTATE 22023.
    pub(crate) fn check(&self) -> Result<(), Error> {
        id::check("run id", &self.id)?;
        if let Some(parent) = &self.parent {
            id::check("parent run id", parent)?;
        }
        match &self.metadata {
            Some(Ok(metadata)) if reserved::in_value(metadata) => Err(Error::invalid(format!(
                "the metadata cannot be sent: {}",
                reserved::WHY
            ))),
            _ => Ok(()),
        }
    }
}
