//! Watching the runs of a real server: listening, where notifications come through, and reading over the same connection.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio_postgres::Row as PgRow;
use tokio_postgres::types::Type;

use super::connect::{Parameter, Purpose};
use super::pooler::Pooler;
use super::postgres::{Inner, column, unexpected};
use super::watch::{Line, List, ListSet, Listed, View};
use crate::Error;
use crate::watch::Snapshot;
use crate::watch::snapshot::Fields;
use crate::watch::target::Target;

pub(super) const LISTEN: &str = include_str!("sql/listen.sql");
const SERVER: &str = include_str!("sql/server.sql");
const LIST_RUNS: &str = include_str!("sql/list_runs.sql");
const LIST_SET: &str = include_str!("sql/list_set.sql");
const VIEW: &str = include_str!("sql/view.sql");

impl Inner {
    /// Makes a connection for watches that listens, if notifications come through.
    pub(super) async fn listen(&self) -> Result<Line, Error> {
        let listens = self.can_listen().await?
            && match self.query(Purpose::Watches, LISTEN, &[]).await {
                Ok(_) => true,
                // A standby lets nobody listen.
                Err(error) if error.code() == Some("25006") => false,
                Err(error) => return Err(error),
            };
        let notices = match listens {
            true => {
                let here = self.lease(Purpose::Watches).await?.take_notices()?;
                Some(self.elsewhere.join(here, &self.connections))
            }
            false => None,
        };
        let rows = self.query(Purpose::Watches, SERVER, &[]).await?;
        let server = rows.first().ok_or_else(|| unexpected("no row"))?;
        Ok(Line {
            timeline: column(server, 0)?,
            time: column(server, 1)?,
            notices,
        })
    }

    /// Returns true if a connection keeps its session. That does not change, so it is found out once.
    async fn can_listen(&self) -> Result<bool, Error> {
        if let Some(known) = self.keeps_session.get() {
            return Ok(*known);
        }
        let Some(own) = self.source(Purpose::Watches).as_own() else {
            return Ok(false);
        };
        let lease = self.lease(Purpose::Watches).await?;
        // Without a second connection nobody knows.
        let Ok(other) = own.connect().await else {
            return Ok(false);
        };
        self.connections.fetch_add(1, Relaxed);
        let pooler = lease.compare(&other).await?;
        let keeps_session = pooler == Pooler::None;
        if pooler != Pooler::Unknown {
            let _ = self.keeps_session.set(keeps_session);
        }
        if !keeps_session {
            tracing::info!(
                "a pooler keeps notifications away, so that watches poll; give a direct URL to Builder::listen_url"
            );
        }
        Ok(keeps_session)
    }

    pub(super) async fn list(&self, list: List) -> Result<Vec<Listed>, Error> {
        let rows = match list {
            List::Runs(ids) => {
                let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
                let parameters: [Parameter<'_>; 1] = [(&ids, Type::TEXT_ARRAY)];
                self.query(Purpose::Watches, LIST_RUNS, &parameters).await?
            }
            List::Set(set) => self.list_set(&set).await?,
        };
        rows.iter().map(listed).collect()
    }

    async fn list_set(&self, set: &ListSet) -> Result<Vec<PgRow>, Error> {
        let (mut root, mut tag, mut task) = (None, None, None);
        match &set.target {
            Target::Tree(id) => root = Some(&**id),
            Target::Tag(name) => tag = Some(&**name),
            Target::Task(name) => task = Some(&**name),
            Target::Run(_) | Target::All => {}
        }
        let (unfinished, since) = (set.unfinished.is_some(), set.unfinished.flatten());
        let (after, most) = (set.after.as_deref(), set.most as i64);
        let parameters: [Parameter<'_>; 7] = [
            (&root, Type::TEXT),
            (&tag, Type::TEXT),
            (&task, Type::TEXT),
            (&unfinished, Type::BOOL),
            (&since, Type::TIMESTAMPTZ),
            (&after, Type::TEXT),
            (&most, Type::INT8),
        ];
        self.query(Purpose::Watches, LIST_SET, &parameters).await
    }

    pub(super) async fn view(&self, purpose: Purpose, view: View) -> Result<Vec<Snapshot>, Error> {
        let (ids, certain): (Vec<&str>, Vec<bool>) = view
            .runs
            .iter()
            .map(|(id, is_certain)| (&**id, is_certain))
            .unzip();
        let texts = |texts: &'_ [Arc<str>]| texts.iter().map(|text| text.to_string()).collect();
        let (tasks, tags): (Vec<String>, Vec<String>) = (texts(&view.tasks), texts(&view.tags));
        let parameters: [Parameter<'_>; 5] = [
            (&ids, Type::TEXT_ARRAY),
            (&certain, Type::BOOL_ARRAY),
            (&tasks, Type::TEXT_ARRAY),
            (&tags, Type::TEXT_ARRAY),
            (&view.select.as_deref(), Type::TEXT_ARRAY),
        ];
        let rows = self.query(purpose, VIEW, &parameters).await?;
        rows.iter().map(snapshot).collect()
    }
}

fn listed(row: &PgRow) -> Result<Listed, Error> {
    Ok(Listed {
        id: column::<&str>(row, 0)?.into(),
        created_at: column(row, 1)?,
        version: column(row, 2)?,
    })
}

pub(super) fn snapshot(row: &PgRow) -> Result<Snapshot, Error> {
    Ok(Snapshot::new(Fields {
        id: column::<&str>(row, 0)?.into(),
        root_id: column::<&str>(row, 1)?.into(),
        parent_id: column(row, 2)?,
        depth: column(row, 3)?,
        task: column(row, 4)?,
        tags: column(row, 5)?,
        status: column(row, 6)?,
        attempt: column(row, 7)?,
        version: column(row, 8)?,
        created_at: column(row, 9)?,
        started_at: column(row, 10)?,
        updated_at: column(row, 11)?,
        finished_at: column(row, 12)?,
        metadata: column::<&str>(row, 13)?.into(),
        is_gone: false,
    }))
}
