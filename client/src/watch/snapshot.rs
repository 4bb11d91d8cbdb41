//! A run as a watcher sees it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::SystemTime;

use runmeta_core::{Json, Key, Members, write_string};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::time::rfc3339;
use crate::Error;
use crate::buffer::document::Document;
use crate::metadata::typed::{typed, value};

/// A run as it was at one moment: its document, and what the table `runmeta.run` knows of it. Cheap to clone.
///
/// ```no_run
/// # fn example(snapshot: runmeta_client::Snapshot) {
/// let progress: Option<f64> = snapshot.get("progress");
/// println!("{}: {} {:?}", snapshot.id(), snapshot.status(), progress);
/// # }
/// ```
#[derive(Clone)]
pub struct Snapshot(Arc<Fields>);

/// The columns of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) id: Arc<str>,
    pub(crate) root_id: Arc<str>,
    pub(crate) parent_id: Option<String>,
    pub(crate) depth: i32,
    pub(crate) task: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) status: String,
    pub(crate) attempt: i32,
    pub(crate) version: i64,
    pub(crate) created_at: SystemTime,
    pub(crate) started_at: Option<SystemTime>,
    pub(crate) updated_at: SystemTime,
    pub(crate) finished_at: Option<SystemTime>,
    /// The document as JSON text, or what was selected of it.
    pub(crate) metadata: Box<str>,
    pub(crate) is_gone: bool,
}

impl Fields {
    /// Returns those of a run that is gone.
    pub(crate) fn gone(
        id: Arc<str>,
        root_id: Arc<str>,
        created_at: SystemTime,
        version: i64,
    ) -> Fields {
        Fields {
            id,
            root_id,
            parent_id: None,
            depth: 0,
            task: None,
            tags: Vec::new(),
            status: String::new(),
            attempt: 0,
            version,
            created_at,
            started_at: None,
            updated_at: created_at,
            finished_at: None,
            metadata: "{}".into(),
            is_gone: true,
        }
    }
}

impl Snapshot {
    pub(crate) fn new(fields: Fields) -> Snapshot {
        Snapshot(Arc::new(fields))
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.0
    }

    /// Returns the id of the run.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Returns the id of the first run of its tree: its own, if it has no parent.
    pub fn root_id(&self) -> &str {
        &self.0.root_id
    }

    /// Returns the id of its parent, if it has one.
    pub fn parent_id(&self) -> Option<&str> {
        self.0.parent_id.as_deref()
    }

    /// Returns the number of steps up to the root: 0 for the root.
    pub fn depth(&self) -> i32 {
        self.0.depth
    }

    /// Returns the name of the job.
    pub fn task(&self) -> Option<&str> {
        self.0.task.as_deref()
    }

    /// Returns the words to find it by.
    pub fn tags(&self) -> &[String] {
        &self.0.tags
    }

    /// Returns the status of its newest attempt.
    pub fn status(&self) -> &str {
        &self.0.status
    }

    /// Returns the number of its newest attempt, from 1.
    pub fn attempt(&self) -> i32 {
        self.0.attempt
    }

    /// Returns the counter of its changes, 1 at the start.
    pub fn version(&self) -> i64 {
        self.0.version
    }

    /// Returns when the run was first started.
    pub fn created_at(&self) -> SystemTime {
        self.0.created_at
    }

    /// Returns when its attempt began to work; `None` while it waits.
    pub fn started_at(&self) -> Option<SystemTime> {
        self.0.started_at
    }

    /// Returns when the run last changed.
    pub fn updated_at(&self) -> SystemTime {
        self.0.updated_at
    }

    /// Returns when its attempt finished; `None` until then.
    pub fn finished_at(&self) -> Option<SystemTime> {
        self.0.finished_at
    }

    /// Returns true if its attempt has finished, whatever the word of its status.
    pub fn is_finished(&self) -> bool {
        self.0.finished_at.is_some()
    }

    /// Returns true if the run was deleted, as `runmeta.prune` does with old ones, or may no longer be read. Then the snapshot has
    /// ids, `created_at` and the last version that was seen; everything else is empty.
    pub fn is_gone(&self) -> bool {
        self.0.is_gone
    }

    /// Returns the value at a key or path of the metadata, if there is one and it is a `T`. [`try_get`](Snapshot::try_get)
    /// distinguishes the two.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.try_get(key).ok().flatten()
    }

    /// Returns the value at a key or path of the metadata, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// The value is no `T`, with the path of what does not fit; or the key is an invalid path: SQLSTATE 22023.
    pub fn try_get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        let parsed = Key::parse(key).map_err(|bad| Error::invalid(bad.to_string()))?;
        let unreadable =
            |error| Error::unreadable(self.id(), "it is not an object", Some(Box::new(error)));
        let mut document = Document::new(&*self.0.metadata, self.version()).map_err(unreadable)?;
        let text = document.text_at(&parsed, []);
        let value = text.map(|text| typed(&text)).transpose();
        value.map_err(|error| Error::does_not_fit(key, error))
    }

    /// Returns the metadata. A number beyond a float, such as 1e400, is a text in it.
    pub fn metadata(&self) -> Value {
        let text = self.metadata_json();
        // A number beyond a float has no place in a `Value`.
        let read = serde_json::from_str(text).ok();
        read.or_else(|| Json::parse(text).ok().map(|json| value(&json)))
            .unwrap_or_default()
    }

    /// Returns the metadata as JSON text, in which all numbers are exact.
    pub fn metadata_json(&self) -> &str {
        &self.0.metadata
    }

    /// Returns all of it as one object with the names of the columns of `runmeta.run`, and times as in RFC 3339. What there is not,
    /// such as `finished_at` of a run that has not finished, is left out. A run that [is gone](Snapshot::is_gone) has
    /// `"is_gone": true`. All numbers are exact.
    pub fn to_json(&self) -> Json {
        let mut members: Members = self.columns().collect();
        members.insert(
            "metadata",
            Json::parse(&self.0.metadata).unwrap_or_default(),
        );
        Json::Object(members)
    }

    /// Returns the text of the same object. The metadata in it is the server's own text, which is not read for that.
    pub fn to_json_text(&self) -> String {
        let metadata = self.metadata_json();
        let mut text = String::with_capacity(metadata.len() + 512);
        text.push('{');
        for (name, value) in self.columns() {
            write_string(name, &mut text);
            text.push(':');
            value.write_to(&mut text);
            text.push(',');
        }
        text.push_str("\"metadata\":");
        text.push_str(metadata);
        text.push('}');
        text
    }

    /// Returns the columns that have a value, without the metadata.
    fn columns(&self) -> impl Iterator<Item = (&'static str, Json)> {
        let fields = &*self.0;
        let text = |text: &str| Some(Json::from(text));
        let time = |time: SystemTime| Json::from(rfc3339(time));
        let columns = [
            ("id", text(&fields.id)),
            ("root_id", text(&fields.root_id)),
            ("parent_id", fields.parent_id.as_deref().map(Json::from)),
            ("depth", Some(Json::from(fields.depth))),
            ("task", fields.task.as_deref().map(Json::from)),
            (
                "tags",
                Some(
                    fields
                        .tags
                        .iter()
                        .map(|tag| Json::from(tag.as_str()))
                        .collect(),
                ),
            ),
            ("status", text(&fields.status)),
            ("attempt", Some(Json::from(fields.attempt))),
            ("version", Some(Json::from(fields.version))),
            ("created_at", Some(time(fields.created_at))),
            ("started_at", fields.started_at.map(time)),
            ("updated_at", Some(time(fields.updated_at))),
            ("finished_at", fields.finished_at.map(time)),
            ("is_gone", fields.is_gone.then_some(Json::Bool(true))),
        ];
        columns
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }

    /// Returns true if the other shows the same state of the same run. It is cheap for clones, which watchers of one client get.
    pub fn is_same(&self, other: &Snapshot) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || *self.0 == *other.0
    }

    /// Returns a hash of what a watcher may see change, beside the version and the time of the change.
    pub(crate) fn content(&self) -> u64 {
        let fields = &*self.0;
        let mut hasher = DefaultHasher::new();
        (&fields.status, fields.attempt, &fields.metadata).hash(&mut hasher);
        (fields.created_at, fields.started_at, fields.finished_at).hash(&mut hasher);
        hasher.finish()
    }
}

impl fmt::Debug for Snapshot {
    /// Without the metadata, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("id", &self.id())
            .field("version", &self.version())
            .field("status", &self.status())
            .field("attempt", &self.attempt())
            .field("is_gone", &self.is_gone())
            .finish_non_exhaustive()
    }
}
