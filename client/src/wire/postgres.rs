//! The server, by way of `tokio-postgres`.
//!
//! Every call is one statement, sent as an unnamed one with the types of its parameters, and so its own transaction:
//! nothing stays behind in the session, and PgBouncer may give each call another connection. Columns of types that
//! `tokio-postgres` does not know would make it look them up by named statements, so they are cast to text.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::answer::{Answer, Loaded, Outcome, Target};
use crate::buffer::Buffer;
use crate::connection::Source;
use crate::transport::{Reply, Transport, Wanted};
use crate::{Error, NewRun, reserved};

const FLUSH: &str = include_str!("sql/flush.sql");
const LAST_SEQUENCE: &str = include_str!("sql/last_sequence.sql");
const LOAD: &str = include_str!("sql/load.sql");
const START: &str = include_str!("sql/start.sql");
const SET_STATUS: &str = include_str!("sql/set_status.sql");
const FINISH: &str = include_str!("sql/finish.sql");

pub(crate) struct Postgres {
    source: Source,
    buffer: Arc<Buffer>,
}

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl Postgres {
    pub(crate) fn new(source: Source, buffer: Arc<Buffer>) -> Postgres {
        Postgres { source, buffer }
    }

    /// Makes sure that there is a connection.
    pub(crate) async fn connect(&self) -> Result<(), Error> {
        self.source.lease(&self.buffer).await.map(drop)
    }

    async fn query(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Error> {
        let mut lease = self.source.lease(&self.buffer).await?;
        let limit = self.buffer.settings.statement_timeout;
        let result = match timeout(limit, lease.query(statement, parameters)).await {
            Ok(result) => result,
            Err(_) => Err(Error::timed_out("a statement")),
        };
        if let Err(error) = &result {
            // A server that may only read for now answers like this for as long as the connection lives.
            let read_only = error.code().is_some_and(|code| code.code() == "25006");
            if !error.is_answer() && error.last_sequence_known().is_none() || read_only {
                lease.give_up().await;
            }
        }
        result
    }

    /// Returns the error of a flush, or that of a gap where it is one: no trigger of a user's raises its SQLSTATE while
    /// batches before this one are missing.
    async fn gap_or(&self, error: Error, writer: Uuid, sequence: i64) -> Error {
        if error.code() != Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) {
            return error;
        }
        let last = self.query(LAST_SEQUENCE, &[(&writer, Type::UUID)]).await;
        match last.and_then(|rows| rows.first().map_or(Ok(0), |row| column(row, 0))) {
            Ok(known) if known < sequence - 1 => Error::gap(known),
            Ok(_) => error,
            Err(failed) => failed,
        }
    }

    async fn version(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<i64, Error> {
        let rows = self.query(statement, parameters).await?;
        let row = rows
            .first()
            .ok_or_else(|| Error::unexpected("the server answered with no row"))?;
        Ok(column::<Option<i64>>(row, 0)?.unwrap_or_default())
    }

    async fn put_status(&self, statement: &str, run: &str, status: &str) -> Result<i64, Error> {
        let lock_timeout = milliseconds(self.buffer.settings.first_patience());
        let parameters: [Parameter<'_>; 3] = [
            (&run, Type::TEXT),
            (&status, Type::TEXT),
            (&lock_timeout, Type::TEXT),
        ];
        self.version(statement, &parameters).await
    }
}

impl Transport for Postgres {
    fn flush<'a>(
        &'a self,
        batch: &'a str,
        writer: Uuid,
        sequence: i64,
        patience: Duration,
    ) -> Reply<'a, Vec<Answer>> {
        Box::pin(async move {
            let lock_timeout = milliseconds(patience);
            let parameters: [Parameter<'_>; 4] = [
                (&Json(batch), Type::JSONB),
                (&writer, Type::UUID),
                (&sequence, Type::INT8),
                (&lock_timeout, Type::TEXT),
            ];
            match self.query(FLUSH, &parameters).await {
                Ok(rows) => rows.iter().map(answer).collect(),
                Err(error) => Err(self.gap_or(error, writer, sequence).await),
            }
        })
    }

    fn load<'a>(&'a self, wanted: &'a [Wanted]) -> Reply<'a, Vec<Loaded>> {
        Box::pin(async move {
            let ids: Vec<&str> = wanted.iter().map(|(id, _)| id.as_str()).collect();
            let roots: Option<Vec<&str>> = wanted.iter().map(|(_, root)| root.as_deref()).collect();
            let rows = self
                .query(
                    LOAD,
                    &[(&ids, Type::TEXT_ARRAY), (&roots, Type::TEXT_ARRAY)],
                )
                .await?;
            rows.iter().map(loaded).collect()
        })
    }

    fn start<'a>(&'a self, run: &'a NewRun, metadata: &'a str) -> Reply<'a, i64> {
        Box::pin(async move {
            let lock_timeout = milliseconds(self.buffer.settings.first_patience());
            let parameters: [Parameter<'_>; 8] = [
                (&run.id, Type::TEXT),
                (&Json(metadata), Type::JSONB),
                (&run.parent, Type::TEXT),
                (&run.task, Type::TEXT),
                (&run.tags, Type::TEXT_ARRAY),
                (&run.status, Type::TEXT),
                (&run.attempt, Type::INT4),
                (&lock_timeout, Type::TEXT),
            ];
            self.version(START, &parameters).await
        })
    }

    fn set_status<'a>(&'a self, run: &'a str, status: &'a str) -> Reply<'a, i64> {
        Box::pin(self.put_status(SET_STATUS, run, status))
    }

    fn finish<'a>(&'a self, run: &'a str, status: &'a str) -> Reply<'a, i64> {
        Box::pin(self.put_status(FINISH, run, status))
    }
}

/// Writes a time as a setting of Postgres. None is no limit there.
fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis().max(1))
}

fn column<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    index: usize,
) -> Result<T, Error> {
    row.try_get(index).map_err(|error| {
        Error::unexpected(format!("the server answered in a form of its own: {error}"))
    })
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| {
        Error::unexpected(format!("the server answered in a form of its own: {error}"))
    })
}

/// Reads a word of the wire. A server that is newer than this client may know more of them.
fn word<T>(kind: &str, text: &str, parse: fn(&str) -> Option<T>) -> Result<T, Error> {
    parse(text).ok_or_else(|| {
        Error::unexpected(format!(
            "the server answered with an unknown {kind} \"{text}\""
        ))
    })
}

fn answer(row: &Row) -> Result<Answer, Error> {
    #[derive(Deserialize)]
    struct Unapplied {
        index: usize,
        reason: String,
    }
    let unapplied: Vec<Unapplied> = match column::<Option<&str>>(row, 4)? {
        Some(text) => json(text)?,
        None => Vec::new(),
    };
    Ok(Answer {
        run: column(row, 0)?,
        target: word("target", column(row, 1)?, Target::parse)?,
        outcome: word("outcome", column(row, 2)?, Outcome::parse)?,
        version: column(row, 3)?,
        unapplied: unapplied
            .into_iter()
            .map(|unapplied| (unapplied.index, unapplied.reason))
            .collect(),
    })
}

fn loaded(row: &Row) -> Result<Loaded, Error> {
    let id: &str = column(row, 0)?;
    Ok(Loaded {
        root: column(row, 1)?,
        parent: column(row, 2)?,
        version: column(row, 3)?,
        document: document(id, column(row, 4)?),
        id: id.to_owned(),
    })
}

fn document(run: &str, text: Option<&str>) -> Result<Value, Error> {
    let text = text.ok_or_else(|| Error::no_such_run(run))?;
    if reserved::in_text(text) {
        return Err(Error::unreadable(run, reserved::WHY, None));
    }
    // JSONB is valid JSON, so what is left is how deep it nests.
    serde_json::from_str(text).map_err(|error| {
        let why = "it nests deeper than a client reads";
        Error::unreadable(run, why, Some(error))
    })
}

/// JSON text as a parameter of type jsonb, without reading it first.
#[derive(Debug)]
struct Json<'a>(&'a str);

impl ToSql for Json<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        // The version of the binary form, followed by text.
        out.extend_from_slice(&[1]);
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSONB
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_that_is_unknown_is_an_error() {
        let read = |text| word("outcome", text, Outcome::parse).map_err(|error| error.to_string());
        assert_eq!(read("closed"), Ok(Outcome::Closed));
        for text in ["", "postponed"] {
            let error = read(text).unwrap_err();
            assert!(
                error.contains(&format!("unknown outcome \"{text}\"")),
                "{error}"
            );
        }
    }
}
