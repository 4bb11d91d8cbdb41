//! A run to be started.

use std::fmt::Write;

use runmeta_core::status::is_final;
use runmeta_core::wire::{MAXIMUM_TAGS, fits_text};
use runmeta_core::{BadValue, Json, Members, Operation, write_string};
use serde::Serialize;

use crate::Error;
use crate::metadata::serialize::{Unfit, to_json};

/// A run to be started with [`Client::start`](crate::Client::start).
///
/// ```
/// use runmeta_client::NewRun;
/// use serde_json::json;
///
/// let run = NewRun::new("import-42").parent("nightly").task("import").tags(["csv"]).metadata(json!({"rows": 0}));
/// ```
#[derive(Debug)]
#[must_use = "a run is started by `Client::start`"]
pub struct NewRun {
    id: String,
    parent: Option<String>,
    task: Option<String>,
    tags: Vec<String>,
    metadata: Result<Json, Unfit>,
    status: Option<String>,
    attempt: Option<i32>,
    write_only: bool,
}

/// What is sent to start a run, after all checks that need no server.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) attempt: Option<i32>,
    pub(crate) write_only: bool,
    /// The member `start` of its entry, as JSON.
    pub(crate) text: String,
    /// The metadata in it, as JSON.
    pub(crate) metadata: String,
}

impl NewRun {
    /// Names the run: any text of 1 to 255 bytes, commonly the id that your queue gave the job.
    pub fn new(id: impl Into<String>) -> NewRun {
        NewRun {
            id: id.into(),
            parent: None,
            task: None,
            tags: Vec::new(),
            metadata: Ok(Json::Object(Members::new())),
            status: None,
            attempt: None,
            write_only: false,
        }
    }

    /// Makes it a child of this run, which must have been started.
    pub fn parent(mut self, id: impl Into<String>) -> NewRun {
        self.parent = Some(id.into());
        self
    }

    /// Names the job that runs, in 1 to 255 bytes.
    pub fn task(mut self, task: impl Into<String>) -> NewRun {
        self.task = Some(task.into());
        self
    }

    /// Adds words to find the run by: at most 100, of 1 to 255 bytes each.
    pub fn tags(mut self, tags: impl IntoIterator<Item = impl Into<String>>) -> NewRun {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Sets the attempt, from 1, as your queue counts the tries of the job. If the run is at an older attempt, this one
    /// begins, with the metadata merged into the document. If it is at this attempt, it stays as it is, finished or not.
    pub fn attempt(mut self, attempt: i32) -> NewRun {
        self.attempt = Some(attempt);
        self
    }

    /// Begins with this status instead of `running`, for instance `queued`.
    pub fn status(mut self, status: impl Into<String>) -> NewRun {
        self.status = Some(status.into());
        self
    }

    /// Sets the document to begin with, an object: a struct, a map or `json!({…})`. If it cannot be serialised, `start`
    /// fails.
    pub fn metadata(mut self, metadata: impl Serialize) -> NewRun {
        self.metadata = to_json(&metadata);
        self
    }

    /// Never reads the document: this process only writes to the run. [`get`](crate::Metadata::get) then returns `None`, and
    /// no memory is taken for the document.
    ///
    /// [`Builder::write_only`](crate::Builder::write_only) sets it for every run.
    pub fn write_only(mut self) -> NewRun {
        self.write_only = true;
        self
    }

    /// Checks the run and returns what is sent to start it.
    ///
    /// # Errors
    ///
    /// SQLSTATE 22023 for what the server would reject too, or metadata that cannot be serialised.
    pub(crate) fn check(self) -> Result<Start, Error> {
        check_text("run id", &self.id)?;
        let texts = [
            ("parent run id", &self.parent),
            ("task", &self.task),
            ("status", &self.status),
        ];
        for (argument, text) in texts {
            text.as_ref()
                .map_or(Ok(()), |text| check_text(argument, text))?;
        }
        if self.tags.len() > MAXIMUM_TAGS {
            let count = self.tags.len();
            return Err(Error::invalid(format!(
                "the run has {count} tags, and {MAXIMUM_TAGS} are allowed"
            )));
        }
        self.tags
            .iter()
            .try_for_each(|tag| check_text("tag", tag))?;
        if let Some(status) = self.status.as_ref().filter(|status| is_final(status)) {
            return Err(Error::invalid(format!(
                "a run cannot start with the status \"{status}\", which means that it has finished"
            )));
        }
        if self.attempt.is_some_and(|attempt| attempt < 1) {
            return Err(Error::invalid("attempts count from 1"));
        }
        self.write()
    }

    fn write(self) -> Result<Start, Error> {
        let unfit = |bad: BadValue| Error::invalid(format!("the metadata cannot be stored: {bad}"));
        let metadata = match self.metadata {
            Ok(metadata) => metadata,
            Err(Unfit::TooDeep) => return Err(unfit(BadValue::TooDeep)),
            Err(Unfit::NotSerializable(error)) => {
                return Err(Error::not_serializable("the metadata", error));
            }
        };
        let document = metadata.to_string();
        Operation::Update { value: metadata }
            .check()
            .map_err(unfit)?;

        let mut text = format!("{{\"metadata\":{document}");
        let members = [
            ("parent", &self.parent),
            ("task", &self.task),
            ("status", &self.status),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                // Writing to a String never fails, here and below.
                let _ = write!(text, ",\"{name}\":");
                write_string(value, &mut text);
            }
        }
        if !self.tags.is_empty() {
            let tags: Json = self.tags.into_iter().map(Json::from).collect();
            let _ = write!(text, ",\"tags\":{tags}");
        }
        if let Some(attempt) = self.attempt {
            let _ = write!(text, ",\"attempt\":{attempt}");
        }
        text.push('}');
        Ok(Start {
            id: self.id,
            parent: self.parent,
            attempt: self.attempt,
            write_only: self.write_only,
            text,
            metadata: document,
        })
    }
}

/// Checks a text that is kept with a run. Runs are sent and read many at once, and one text that Postgres cannot hold would
/// fail the others.
///
/// # Errors
///
/// SQLSTATE 22023.
pub(crate) fn check_text(argument: &str, text: &str) -> Result<(), Error> {
    if !fits_text(text) {
        return Err(Error::invalid(format!(
            "{argument} has {} bytes, and 1 to 255 are allowed",
            text.len()
        )));
    }
    match text.contains('\0') {
        true => Err(Error::invalid(format!(
            "{argument} contains the character U+0000"
        ))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_start_has_the_members_that_were_given() {
        let start = NewRun::new("a").check().unwrap();
        assert_eq!(start.text, r#"{"metadata":{}}"#);
        let start = NewRun::new("a")
            .metadata(json!({"n": 1.5}))
            .parent("p\"")
            .task("import")
            .tags(["x", "y"])
            .tags(["z"])
            .status("queued")
            .attempt(2)
            .write_only()
            .check()
            .unwrap();
        assert_eq!(
            start.text,
            r#"{"metadata":{"n":1.5},"parent":"p\"","task":"import","status":"queued","tags":["x","y","z"],"attempt":2}"#
        );
        assert_eq!(
            (start.metadata.as_str(), start.write_only),
            (r#"{"n":1.5}"#, true)
        );
    }

    #[test]
    fn what_the_server_would_reject_is_not_sent() {
        let new = || NewRun::new("a");
        let long = "x".repeat(256);
        for bad in [
            NewRun::new(""),
            NewRun::new("a\0"),
            new().parent(&long),
            new().task("\0"),
            new().task(""),
            new().tags(["ok", "\0"]),
            new().tags(vec!["x"; 101]),
            new().status("\0"),
            new().status("Completed"),
            new().attempt(0),
            new().metadata([1]),
            new().metadata(json!({"a": "\0"})),
        ] {
            let error = bad.check().unwrap_err();
            assert_eq!(error.code(), Some("22023"), "{error}");
        }
    }

    #[test]
    fn an_error_names_the_argument() {
        let error = |run: NewRun| run.check().unwrap_err().to_string();
        assert_eq!(
            error(NewRun::new("a").task("b\0")),
            "task contains the character U+0000"
        );
        assert_eq!(
            error(NewRun::new("a").metadata([1])),
            "the metadata cannot be stored: the value is not an object"
        );
        let deep = (0..200).fold(json!({}), |inner, _| json!({"a": inner}));
        assert_eq!(
            error(NewRun::new("a").metadata(deep)),
            "the metadata cannot be stored: the document would nest more than 100 levels"
        );
    }
}
