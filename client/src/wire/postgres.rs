//! The server, reached with `tokio-postgres`.
//!
//! Every statement is sent unnamed, with the types of its parameters, and sets nothing beyond its transaction: PgBouncer may
//! give each one another connection. `tokio-postgres` would look up types that it does not know with named statements, so such
//! columns are cast to text.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::Row as PgRow;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use super::connect::{Lease, Parameter, Purpose, SENDS, Source};
use super::elsewhere::Elsewhere;
use super::streams::{FoundChunks, WantedChunks};
use super::watch::{Line, List, Listed, View};
use super::{Call, Diagnosis, Flush, Loaded, Outcome, Part, Row, Target, Transport, Wanted};
use crate::Error;
use crate::query::runs::{Filter, Page};
use crate::query::task::{Bucket, TaskStatus};
use crate::query::tree::Tree;
use crate::settings::Settings;
use crate::stream::StreamInfo;
use crate::watch::Snapshot;

const FLUSH: &str = include_str!("sql/flush.sql");
const LOAD: &str = include_str!("sql/load.sql");
const LOCK_TIMEOUT: &str = include_str!("sql/lock_timeout.sql");
const DIAGNOSE: &str = include_str!("sql/diagnose.sql");
const DIAGNOSE_DISTRIBUTED: &str = include_str!("sql/diagnose_distributed.sql");

/// How long a diagnosis waits for a lock on a table. A guess: long enough for one that another transaction takes in passing.
const DIAGNOSIS_LOCK_TIMEOUT: Duration = Duration::from_millis(100);

pub(crate) struct Postgres(Arc<Inner>);

pub(super) struct Inner {
    source: Source,
    /// Where connections for watches come from, if not from there.
    direct: Option<Source>,
    /// Where else is listened.
    pub(super) elsewhere: Elsewhere,
    statement_timeout: Duration,
    /// How long a batch of a caller may take.
    send_timeout: Duration,
    /// Taken by batches of callers that met a lock before: the others find a connection that waits for none.
    sends_after_a_lock: Semaphore,
    pub(super) connections: Arc<AtomicU64>,
    /// Connections for watches are to a server, with no pooler in between; not set until that is known.
    pub(super) keeps_session: OnceLock<bool>,
}

impl Postgres {
    /// Watches over connections of `direct`, if there is one, and listens elsewhere too. Counts the connections it makes in `connections`.
    pub(crate) fn new(
        source: Source,
        direct: Option<Source>,
        elsewhere: Elsewhere,
        settings: &Settings,
        connections: Arc<AtomicU64>,
    ) -> Postgres {
        let statement_timeout = settings.statement_timeout;
        let sends = settings.calls_at_once.min(SENDS);
        Postgres(Arc::new(Inner {
            source,
            direct,
            elsewhere,
            statement_timeout,
            send_timeout: settings.send_timeout.min(statement_timeout),
            sends_after_a_lock: Semaphore::new((sends / 2).max(1)),
            connections,
            keeps_session: OnceLock::new(),
        }))
    }

    /// Makes sure that there is a connection for batches.
    pub(crate) fn connect(&self) -> Call<()> {
        let inner = self.0.clone();
        Box::pin(async move { inner.lease(Purpose::Batches).await.map(drop) })
    }
}

impl Transport for Postgres {
    fn flush(&self, batch: Flush) -> Call<Vec<Row>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.flush(Purpose::Batches, batch).await })
    }

    fn send(&self, batch: Flush, met_a_lock: bool) -> Call<Vec<Row>> {
        let inner = self.0.clone();
        Box::pin(async move {
            let _turn = match met_a_lock {
                // It is never closed.
                true => inner.sends_after_a_lock.acquire().await.ok(),
                false => None,
            };
            inner.flush(Purpose::Sends, batch).await
        })
    }

    fn read(&self, view: View) -> Call<Vec<Snapshot>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.view(Purpose::Calls, view).await })
    }

    fn runs(&self, filter: Filter) -> Call<Page> {
        let inner = self.0.clone();
        Box::pin(async move { inner.runs(filter).await })
    }

    fn tree(&self, tree: Tree) -> Call<(Vec<Snapshot>, bool)> {
        let inner = self.0.clone();
        Box::pin(async move { inner.tree(tree).await })
    }

    fn rollup(
        &self,
        id: String,
        key: String,
        depth: Option<i32>,
        task: Option<String>,
    ) -> Call<String> {
        let inner = self.0.clone();
        Box::pin(async move { inner.rollup(id, key, depth, task).await })
    }

    fn contract(&self, task: String, schema: Option<String>, mode: &'static str) -> Call<bool> {
        let inner = self.0.clone();
        Box::pin(async move { inner.contract(task, schema, mode).await })
    }

    fn tasks(&self) -> Call<Vec<TaskStatus>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.tasks().await })
    }

    fn task(&self, task: String, since: SystemTime, seconds: f64, spans: i32) -> Call<Vec<Bucket>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.task(task, since, seconds, spans).await })
    }

    fn diagnose(&self, writer: Uuid, runs: Vec<Arc<str>>) -> Call<Diagnosis> {
        let inner = self.0.clone();
        Box::pin(async move { inner.diagnose(writer, &runs).await })
    }

    fn load(&self, wanted: Vec<Wanted>) -> Call<Vec<Loaded>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.load(wanted).await })
    }

    fn listen(&self) -> Call<Line> {
        let inner = self.0.clone();
        Box::pin(async move { inner.listen().await })
    }

    fn unlisten(&self) {
        if let Some(own) = self.0.source(Purpose::Watches).as_own() {
            own.unlisten();
        }
    }

    fn list(&self, list: List) -> Call<Vec<Listed>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.list(list).await })
    }

    fn view(&self, view: View) -> Call<Vec<Snapshot>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.view(Purpose::Watches, view).await })
    }

    fn read_streams(&self, wanted: Vec<WantedChunks>) -> Call<Vec<FoundChunks>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.read_streams(wanted).await })
    }

    fn list_streams(&self, run: Arc<str>) -> Call<Vec<StreamInfo>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.list_streams(run).await })
    }
}

impl Inner {
    /// Returns where connections for this purpose come from.
    pub(super) fn source(&self, purpose: Purpose) -> &Source {
        match purpose {
            Purpose::Watches => self.direct.as_ref().unwrap_or(&self.source),
            Purpose::Batches | Purpose::Reads | Purpose::Calls | Purpose::Sends => &self.source,
        }
    }

    pub(super) async fn lease(&self, purpose: Purpose) -> Result<Lease<'_>, Error> {
        self.source(purpose)
            .lease(purpose, self.statement_timeout, &self.connections)
            .await
    }

    pub(super) async fn query(
        &self,
        purpose: Purpose,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<PgRow>, Error> {
        let mut lease = self.lease(purpose).await?;
        let query = lease.query((statement, parameters));
        let limit = match purpose {
            Purpose::Sends => self.send_timeout,
            _ => self.statement_timeout,
        };
        let result = timeout(limit, query).await;
        finish(
            lease,
            result.unwrap_or_else(|_| Err(Error::statement_timed_out())),
        )
        .await
    }

    async fn flush(&self, purpose: Purpose, batch: Flush) -> Result<Vec<Row>, Error> {
        let lock_timeout = milliseconds(batch.lock_timeout);
        let parameters: [Parameter<'_>; 4] = [
            (&&*batch.text, Type::TEXT),
            (&batch.writer, Type::UUID),
            (&batch.sequence, Type::INT8),
            (&lock_timeout, Type::TEXT),
        ];
        let rows = self.query(purpose, FLUSH, &parameters).await?;
        rows.iter().map(row).collect()
    }

    /// A transaction of two statements: the locks on the tables of a statement are taken before it could set a timeout itself.
    async fn diagnose(&self, writer: Uuid, runs: &[Arc<str>]) -> Result<Diagnosis, Error> {
        let runs: Vec<&str> = runs.iter().map(|run| &**run).collect();
        let lock_timeout = milliseconds(DIAGNOSIS_LOCK_TIMEOUT);
        let lock_timeout: [Parameter<'_>; 1] = [(&lock_timeout, Type::TEXT)];
        let parameters: [Parameter<'_>; 2] = [(&writer, Type::UUID), (&runs, Type::TEXT_ARRAY)];
        let ask = async |statement| {
            let mut lease = self.lease(Purpose::Batches).await?;
            let query = lease
                .query_and_roll_back([(LOCK_TIMEOUT, &lock_timeout), (statement, &parameters)]);
            let result = timeout(self.statement_timeout, query).await;
            let result = result.unwrap_or_else(|_| Err(Error::statement_timed_out()));
            finish(lease, result).await
        };
        let answer = match ask(DIAGNOSE).await {
            Err(error) if error.code() == Some("0A000") => ask(DIAGNOSE_DISTRIBUTED).await,
            answer => answer,
        };
        match answer {
            Ok(rows) => diagnosis(&rows),
            // Rows are skipped if they are locked, so this was a table.
            Err(error) if error.code() == Some("55P03") => Ok(Diagnosis {
                table_is_locked: true,
                ..Diagnosis::default()
            }),
            Err(error) => Err(error),
        }
    }

    async fn load(&self, wanted: Vec<Wanted>) -> Result<Vec<Loaded>, Error> {
        let ids: Vec<&str> = wanted.iter().map(|run| &*run.id).collect();
        let with_document: Vec<&str> = wanted
            .iter()
            .filter(|run| run.document)
            .map(|run| &*run.id)
            .collect();
        let parameters: [Parameter<'_>; 2] =
            [(&ids, Type::TEXT_ARRAY), (&with_document, Type::TEXT_ARRAY)];
        let rows = self.query(Purpose::Reads, LOAD, &parameters).await?;
        rows.iter()
            // A run without the document that was asked for was deleted just now.
            .filter_map(|row| loaded(row, &with_document).transpose())
            .collect()
    }
}

/// Gives up the connection after an error that another one may not have.
async fn finish<T>(lease: Lease<'_>, result: Result<T, Error>) -> Result<T, Error> {
    if result
        .as_ref()
        .is_err_and(|error| !error.keeps_connection())
    {
        lease.give_up().await;
    }
    result
}

/// Writes a time as a setting of Postgres, where 0 would be no limit.
fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis().max(1))
}

pub(super) fn column<'a, T: FromSql<'a>>(row: &'a PgRow, index: usize) -> Result<T, Error> {
    row.try_get(index).map_err(unexpected)
}

pub(super) fn unexpected(error: impl std::fmt::Display) -> Error {
    Error::unexpected(format!("unexpected response from the server: {error}"))
}

/// Parses a word of the wire. A newer server may know more of them.
fn word<T>(kind: &str, text: &str, parse: fn(&str) -> Option<T>) -> Result<T, Error> {
    parse(text).ok_or_else(|| unexpected(format_args!("unknown {kind} \"{text}\"")))
}

fn row(row: &PgRow) -> Result<Row, Error> {
    let (unapplied, detail) = unapplied(column(row, 5)?)?;
    Ok(Row {
        run: column(row, 0)?,
        part: word("part", column(row, 1)?, Part::parse)?,
        target: word("target", column(row, 2)?, Target::parse)?,
        outcome: word("outcome", column(row, 3)?, Outcome::parse)?,
        version: column(row, 4)?,
        unapplied,
        detail,
        stream: column(row, 6)?,
    })
}

/// Positions and reasons, and the detail of the first.
type Reasons = (Vec<(usize, String)>, Option<String>);

fn unapplied(text: Option<&str>) -> Result<Reasons, Error> {
    #[derive(Deserialize)]
    struct Unapplied {
        /// Missing where the reason is that of a part as a whole.
        #[serde(default)]
        index: usize,
        reason: String,
        detail: Option<String>,
    }
    let Some(text) = text else {
        return Ok(Reasons::default());
    };
    let mut unapplied: Vec<Unapplied> = serde_json::from_str(text).map_err(unexpected)?;
    let detail = unapplied.first_mut().and_then(|first| first.detail.take());
    let reasons = unapplied
        .into_iter()
        .map(|unapplied| (unapplied.index, unapplied.reason));
    Ok((reasons.collect(), detail))
}

fn loaded(row: &PgRow, with_document: &[&str]) -> Result<Option<Loaded>, Error> {
    let id: &str = column(row, 0)?;
    let document: Option<String> = column(row, 5)?;
    if document.is_none() && with_document.contains(&id) {
        return Ok(None);
    }
    Ok(Some(Loaded {
        id: id.to_owned(),
        root: column(row, 1)?,
        parent: column(row, 2)?,
        attempt: column(row, 3)?,
        version: column(row, 4)?,
        document: document.unwrap_or_default(),
    }))
}

fn diagnosis(rows: &[PgRow]) -> Result<Diagnosis, Error> {
    let row = rows.first().ok_or_else(|| unexpected("no row"))?;
    Ok(Diagnosis {
        last_sequence: column(row, 0)?,
        locked: column(row, 1)?,
        table_is_locked: column(row, 2)?,
        notification_queue: column(row, 3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_word_is_an_error() {
        let read = |text| word("outcome", text, Outcome::parse).map_err(|error| error.to_string());
        assert_eq!(read("closed"), Ok(Outcome::Closed));
        for text in ["", "postponed"] {
            let expected =
                format!("unexpected response from the server: unknown outcome \"{text}\"");
            assert_eq!(read(text), Err(expected));
        }
    }

    #[test]
    fn unapplied_operations_have_a_position_and_a_reason() {
        let read = |text| unapplied(text).map_err(|error| error.to_string());
        assert_eq!(read(None), Ok((Vec::new(), None)));
        let two = r#"[{"index":3,"reason":"not_an_array"},{"reason":"status"}]"#;
        assert_eq!(
            read(Some(two)),
            Ok((
                vec![(3, "not_an_array".to_owned()), (0, "status".to_owned())],
                None
            ))
        );
        let told = r#"[{"reason":"contract","detail":"At $.rows: why."}]"#;
        assert_eq!(
            read(Some(told)),
            Ok((
                vec![(0, "contract".to_owned())],
                Some("At $.rows: why.".to_owned())
            ))
        );
        assert!(read(Some("{}")).is_err());
    }
}
