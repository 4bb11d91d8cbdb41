//! A run's metadata: reading.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::document::value_at;
use crate::{Error, Metadata};

/// Reads give the document as it will be once everything said here has arrived, without asking the server. What other
/// processes change is seen when a flush brings it to light, or after [`refresh`](Metadata::refresh).
impl Metadata {
    /// Returns the value at a key or path, if there is one and it is a `T`.
    ///
    /// ```no_run
    /// # fn example(run: runmeta_client::Run) {
    /// run.metadata().set("progress", 0.1).increment("progress", 0.4);
    /// let progress: Option<f64> = run.metadata().get("progress");
    /// assert_eq!(progress, Some(0.5));
    /// # }
    /// ```
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        T::deserialize(value_at(&*self.look()?, key)?).ok()
    }

    /// Returns the whole document, or `None` outside a run.
    pub fn current(&self) -> Option<Value> {
        self.look().map(Arc::unwrap_or_clone)
    }

    /// Reads the whole document into a `T`. Dates are ISO strings, as the types of `chrono`, `jiff` and `time` (its
    /// `serde::rfc3339`) read and write them.
    ///
    /// # Errors
    ///
    /// The path of the first value that does not fit. Outside a run, that there is none.
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
        let document = self.look().ok_or_else(Error::outside_run)?;
        serde_path_to_error::deserialize(&*document).map_err(Error::does_not_fit)
    }

    /// Reads the document from the server, after what is under way. What was said here and is not yet sent stays on top.
    ///
    /// # Errors
    ///
    /// - The run is gone: SQLSTATE P0002.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout).
    pub async fn refresh(&self) -> Result<(), Error> {
        match &self.run {
            Some(run) => run.client().read(run.state(self.target)).await,
            None => Ok(()),
        }
    }

    fn look(&self) -> Option<Arc<Value>> {
        let run = self.run.as_ref()?;
        run.client().look(run.state(self.target))
    }
}
