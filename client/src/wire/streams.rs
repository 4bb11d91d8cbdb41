//! Reading streams: what the hub asks of a server, and what it answers.

use std::sync::Arc;
use std::time::SystemTime;

use tokio_postgres::Row as PgRow;
use tokio_postgres::types::Type;

use super::connect::{Parameter, Purpose};
use super::postgres::{Inner, column};
use crate::Error;
use crate::stream::StreamInfo;

const READ: &str = include_str!("sql/read_streams.sql");
const LIST: &str = include_str!("sql/list_streams.sql");

/// Chunks that are wanted of a stream.
#[derive(Clone, Debug)]
pub(crate) struct WantedChunks {
    pub(crate) run: Arc<str>,
    pub(crate) stream: Arc<str>,
    /// The number of the first.
    pub(crate) from: i64,
    /// At most so many.
    pub(crate) chunks: usize,
    /// No more once they have so many bytes.
    pub(crate) bytes: usize,
}

/// What there is of a stream, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct FoundChunks {
    /// When its run was started. `None` if there is no such run.
    pub(crate) run_created_at: Option<SystemTime>,
    pub(crate) run_has_finished: bool,
    /// When it was begun: later, if it was deleted and began anew. `None` if there is no such stream.
    pub(crate) created_at: Option<SystemTime>,
    /// How many chunks it has in all.
    pub(crate) count: i64,
    pub(crate) is_closed: bool,
    /// The error with which it was closed.
    pub(crate) error: Option<String>,
    /// The chunks that were wanted, in their order.
    pub(crate) chunks: Vec<Arc<str>>,
}

impl Inner {
    /// Reads streams. The answer has an element for each, in their order.
    pub(super) async fn read_streams(
        &self,
        wanted: Vec<WantedChunks>,
    ) -> Result<Vec<FoundChunks>, Error> {
        let runs: Vec<&str> = wanted.iter().map(|one| &*one.run).collect();
        let streams: Vec<&str> = wanted.iter().map(|one| &*one.stream).collect();
        let after: Vec<i64> = wanted.iter().map(|one| one.from - 1).collect();
        let chunks: Vec<i32> = wanted.iter().map(|one| one.chunks as i32).collect();
        let bytes: Vec<i64> = wanted.iter().map(|one| one.bytes as i64).collect();
        let parameters: [Parameter<'_>; 5] = [
            (&runs, Type::TEXT_ARRAY),
            (&streams, Type::TEXT_ARRAY),
            (&after, Type::INT8_ARRAY),
            (&chunks, Type::INT4_ARRAY),
            (&bytes, Type::INT8_ARRAY),
        ];
        let rows = self.query(Purpose::Watches, READ, &parameters).await?;
        rows.iter().map(found).collect()
    }

    pub(super) async fn list_streams(&self, run: Arc<str>) -> Result<Vec<StreamInfo>, Error> {
        let parameters: [Parameter<'_>; 1] = [(&&*run, Type::TEXT)];
        let rows = self.query(Purpose::Watches, LIST, &parameters).await?;
        rows.iter().map(info).collect()
    }
}

fn found(row: &PgRow) -> Result<FoundChunks, Error> {
    let chunks: Option<Vec<&str>> = column(row, 6)?;
    Ok(FoundChunks {
        run_created_at: column(row, 0)?,
        run_has_finished: column(row, 1)?,
        created_at: column(row, 2)?,
        count: column(row, 3)?,
        is_closed: column(row, 4)?,
        error: column(row, 5)?,
        chunks: chunks.into_iter().flatten().map(Into::into).collect(),
    })
}

fn info(row: &PgRow) -> Result<StreamInfo, Error> {
    Ok(StreamInfo {
        name: column(row, 0)?,
        chunks: column::<i64>(row, 1)?.unsigned_abs(),
        closed_at: column(row, 2)?,
        error: column(row, 3)?,
    })
}
