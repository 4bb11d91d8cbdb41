//! A run's metadata: reading.

use runmeta_core::{Json, Key};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::typed::{typed, value};
use crate::buffer::document::Document;
use crate::buffer::state::Pending;
use crate::client::answered;
use crate::{Error, Metadata, Run};

/// Reads return the document as it will be once everything recorded here has arrived, without asking the server. What other
/// processes change is seen after a flush that finds it, or after [`refresh`](Metadata::refresh).
impl Metadata {
    /// Returns the value at a key or path, if there is one and it is a `T`. [`try_get`](Metadata::try_get) distinguishes the
    /// two.
    ///
    /// ```no_run
    /// # fn example(run: runmeta_client::Run) {
    /// run.metadata().set("progress", 0.1).increment("progress", 0.4);
    /// let progress: Option<f64> = run.metadata().get("progress");
    /// assert_eq!(progress, Some(0.5));
    /// # }
    /// ```
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.try_get(key).ok().flatten()
    }

    /// Returns the value at a key or path, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// - The value is no `T`, with the path of what does not fit; or the key is an invalid path: SQLSTATE 22023.
    /// - The document is not known here: outside a run, and where the run is only [written](crate::NewRun::write_only).
    pub fn try_get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        let parsed = Key::parse(key).map_err(|bad| Error::invalid(bad.to_string()))?;
        let text = self.look(|document, pending| document.text_at(&parsed, pending.waiting()))?;
        let value = text.map(|text| typed(&text)).transpose();
        value.map_err(|error| Error::does_not_fit(key, error))
    }

    /// Returns the whole document, or `None` if it is not known here: outside a run, and where the run is only
    /// [written](crate::NewRun::write_only). A number beyond a float, such as 1e400, is a text in it.
    pub fn current(&self) -> Option<Value> {
        let text = self
            .look(|document, pending| document.text(pending.waiting()))
            .ok()?;
        // A number beyond a float has no place in a `Value`.
        typed(&text)
            .ok()
            .or_else(|| Json::parse(&text).ok().map(|json| value(&json)))
    }

    /// Reads the whole document into a `T`. Dates are ISO strings, as the types of `chrono`, `jiff` and `time` (its
    /// `serde::rfc3339`) read and write them.
    ///
    /// # Errors
    ///
    /// - The document is no `T`, with the path of the first value that does not fit.
    /// - The document is not known here, as in [`try_get`](Metadata::try_get).
    ///
    /// ```no_run
    /// # fn example(run: runmeta_client::Run) -> Result<(), runmeta_client::Error> {
    /// #[derive(serde::Deserialize)]
    /// struct Import {
    ///     progress: f64,
    ///     user: User,
    /// }
    ///
    /// #[derive(serde::Deserialize)]
    /// struct User {
    ///     name: String,
    /// }
    ///
    /// let import: Import = run.metadata().typed()?; // or: the metadata does not fit at "user.name"
    /// # Ok(())
    /// # }
    /// ```
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let text = self.look(|document, pending| document.text(pending.waiting()))?;
        typed(&text).map_err(|error| Error::does_not_fit("", error))
    }

    /// Reads the document from the server. What is recorded here and not sent yet stays on top.
    ///
    /// # Errors
    ///
    /// - The run was removed: SQLSTATE P0002.
    /// - The run is only [written](crate::NewRun::write_only).
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout).
    pub async fn refresh(&self) -> Result<(), Error> {
        let Some(run) = &self.run else { return Ok(()) };
        check_readable(run)?;
        let state = run.state(self.target);
        answered(run.client().buffer().read(state, true)).await
    }

    fn look<R>(&self, look: impl FnOnce(&mut Document, &Pending) -> R) -> Result<R, Error> {
        let run = self.run.as_ref().ok_or_else(Error::outside_run)?;
        check_readable(run)?;
        let state = run.state(self.target);
        let mut pending = state.lock();
        let Some(mut document) = pending.document.take() else {
            return Err(Error::unreadable(&state.id, "it was removed", None));
        };
        let seen = look(&mut document, &pending);
        pending.document = Some(document);
        run.client().buffer().read_if_outdated(state, &pending);
        Ok(seen)
    }
}

fn check_readable(run: &Run) -> Result<(), Error> {
    match run.is_write_only() {
        true => Err(Error::unreadable(run.id(), "it is only written here", None)),
        false => Ok(()),
    }
}
