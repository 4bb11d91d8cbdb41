//! What callers ask for.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::hub::{Input, NewWatch};
use super::select::Selection;
use super::slot::Slot;
use super::{Snapshot, Snapshots, Watch};
use crate::buffer::waiter::Waiter;
use crate::client::answered;
use crate::new_run::check_text;
use crate::{Client, Error};

impl Client {
    /// Watches runs: returns a stream of their state now, and then of each newer one.
    ///
    /// All watches of a client share one connection, which listens. Where none can be had, because a pooler such as PgBouncer in
    /// transaction mode or a pool is in between, they [poll](crate::Builder::poll_interval), unless there is a
    /// [direct URL](crate::Builder::listen_url).
    ///
    /// # Errors
    ///
    /// - The role may not read the runs: SQLSTATE 42501. Runs that row-level security hides are not there.
    /// - An id, a tag, a task or a key is invalid: 22023.
    /// - The server could not be reached for the [call timeout](crate::Builder::call_timeout). Once this has returned, nothing
    ///   that happens to the connection ends the stream.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: runmeta_client::Client) -> Result<(), runmeta_client::Error> {
    /// use runmeta_client::Watch;
    ///
    /// let mut import = client.watch(Watch::run("import-42").select(["progress"])).await?;
    /// while let Some(snapshot) = import.next().await {
    ///     println!("{} {:?}", snapshot.status(), snapshot.get::<f64>("progress"));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn watch(&self, watch: Watch) -> Result<Snapshots, Error> {
        let checked = watch.check()?;
        let id = self.watching().number();
        let slot = Arc::<Slot>::default();
        let (waiter, joined) = Waiter::new();
        self.watching().send(Input::Watch(NewWatch {
            id,
            topic: checked.topic,
            select: checked.select,
            slot: slot.clone(),
            waiter,
        }));
        // Made before the wait: whoever gives up waiting drops it, which ends the watch.
        let selection = checked.select_here.map(Selection::new);
        let snapshots = Snapshots::new(self.clone(), id, slot, checked.keep_open, selection);
        answered(joined).await?;
        Ok(snapshots)
    }

    /// Returns a run as it is now, or `None` if there is no such run.
    ///
    /// # Errors
    ///
    /// As [`runs`](Client::runs).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: runmeta_client::Client) -> Result<(), runmeta_client::Error> {
    /// if let Some(snapshot) = client.snapshot("import-42").await? {
    ///     println!("{}", snapshot.to_json());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn snapshot(&self, id: &str) -> Result<Option<Snapshot>, Error> {
        check_text("run id", id)?;
        Ok(self.read_all([id], None).await?.into_iter().next())
    }

    /// Returns runs as they are now, without their metadata, by one statement. Those that do not exist are missing, and each comes
    /// once.
    ///
    /// # Errors
    ///
    /// As [`runs`](Client::runs).
    pub async fn columns(
        &self,
        ids: impl IntoIterator<Item = &str>,
    ) -> Result<Vec<Snapshot>, Error> {
        let ids: BTreeSet<&str> = ids.into_iter().collect();
        for id in &ids {
            check_text("run id", id)?;
        }
        self.read_all(ids, Some([].into())).await
    }
}
