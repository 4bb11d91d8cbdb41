//! What callers ask of the server beside the engine and the hub, over connections of its own.

use std::time::SystemTime;

use tokio_postgres::Row as PgRow;
use tokio_postgres::types::Type;

use super::connect::{Parameter, Purpose};
use super::listen::snapshot;
use super::postgres::{Inner, column, unexpected};
use crate::Error;
use crate::query::cursor::{Cursor, Key};
use crate::query::runs::{Filter, Page};
use crate::query::sort::Sort;
use crate::query::task::{Bucket, TaskStatus};
use crate::query::tree::Tree;
use crate::watch::Snapshot;

const RUNS: &str = include_str!("sql/runs.sql");
const TREE: &str = include_str!("sql/tree.sql");
const ROLLUP: &str = include_str!("sql/rollup.sql");
const CONTRACT: &str = include_str!("sql/contract.sql");
const TASKS: &str = include_str!("sql/tasks.sql");
const TASK: &str = include_str!("sql/task.sql");

/// Bytes of metadata after which a page ends, whatever its limit. A guess: what a browser takes without a pause.
const PAGE_BYTES: i64 = 8 * 1024 * 1024;

impl Inner {
    pub(super) async fn runs(&self, filter: Filter) -> Result<Page, Error> {
        let (mut time, mut text, mut number) = (None, None, None);
        if let Some(cursor) = &filter.after {
            match &cursor.key {
                Key::Time(at) => time = Some(*at),
                Key::Text(key) => text = Some(key.as_str()),
                Key::Number(key) => number = Some(*key),
            }
        }
        let after = filter.after.as_ref().map(|cursor| cursor.id.as_str());
        let most = i64::from(filter.limit);
        let parameters: [Parameter<'_>; 14] = [
            (&filter.root, Type::TEXT),
            (&filter.tag, Type::TEXT),
            (&filter.task, Type::TEXT),
            (&filter.status, Type::TEXT_ARRAY),
            (&filter.finished, Type::BOOL),
            (&filter.roots, Type::BOOL),
            (&filter.text, Type::TEXT),
            (&after, Type::TEXT),
            (&time, Type::TIMESTAMPTZ),
            (&text, Type::TEXT),
            (&number, Type::FLOAT8),
            (&most, Type::INT8),
            (&PAGE_BYTES, Type::INT8),
            (&filter.select, Type::TEXT_ARRAY),
        ];
        let statement = filter.sort.statement(RUNS);
        let rows = self.query(Purpose::Calls, &statement, &parameters).await?;
        let runs = rows.iter().map(snapshot).collect::<Result<Vec<_>, _>>()?;
        let next = match rows.last() {
            Some(row) if column::<bool>(row, 15)? => Some(cursor(row, filter.sort)?),
            _ => None,
        };
        Ok(Page { runs, next })
    }

    pub(super) async fn tree(&self, tree: Tree) -> Result<(Vec<Snapshot>, bool), Error> {
        let most = i64::from(tree.limit);
        let parameters: [Parameter<'_>; 4] = [
            (&tree.id, Type::TEXT),
            (&most, Type::INT8),
            (&PAGE_BYTES, Type::INT8),
            (&tree.select, Type::TEXT_ARRAY),
        ];
        let rows = self.query(Purpose::Calls, TREE, &parameters).await?;
        let is_truncated = match rows.last() {
            Some(row) => column::<bool>(row, 15)?,
            None => false,
        };
        let runs = rows.iter().map(snapshot).collect::<Result<_, _>>()?;
        Ok((runs, is_truncated))
    }

    pub(super) async fn rollup(
        &self,
        id: String,
        key: String,
        depth: Option<i32>,
        task: Option<String>,
    ) -> Result<String, Error> {
        let parameters: [Parameter<'_>; 4] = [
            (&id, Type::TEXT),
            (&key, Type::TEXT),
            (&depth, Type::INT4),
            (&task, Type::TEXT),
        ];
        let rows = self.query(Purpose::Calls, ROLLUP, &parameters).await?;
        let row = rows.first().ok_or_else(|| unexpected("no row"))?;
        column(row, 0)
    }

    pub(super) async fn contract(
        &self,
        task: String,
        schema: Option<String>,
        mode: &'static str,
    ) -> Result<bool, Error> {
        let parameters: [Parameter<'_>; 3] = [
            (&task, Type::TEXT),
            (&schema, Type::TEXT),
            (&mode, Type::TEXT),
        ];
        let rows = self.query(Purpose::Calls, CONTRACT, &parameters).await?;
        let row = rows.first().ok_or_else(|| unexpected("no row"))?;
        column(row, 0)
    }

    pub(super) async fn tasks(&self) -> Result<Vec<TaskStatus>, Error> {
        let rows = self.query(Purpose::Calls, TASKS, &[]).await?;
        let status = |row: &PgRow| {
            Ok(TaskStatus {
                task: column(row, 0)?,
                status: column(row, 1)?,
                is_finished: column(row, 2)?,
                runs: column(row, 3)?,
                last: column(row, 4)?,
            })
        };
        rows.iter().map(status).collect()
    }

    pub(super) async fn task(
        &self,
        task: String,
        since: SystemTime,
        seconds: f64,
        buckets: i32,
    ) -> Result<Vec<Bucket>, Error> {
        let parameters: [Parameter<'_>; 4] = [
            (&task, Type::TEXT),
            (&since, Type::TIMESTAMPTZ),
            (&seconds, Type::FLOAT8),
            (&buckets, Type::INT4),
        ];
        let rows = self.query(Purpose::Calls, TASK, &parameters).await?;
        let bucket = |row: &PgRow| {
            Ok(Bucket {
                at: column(row, 0)?,
                started: column(row, 1)?,
                completed: column(row, 2)?,
                failed: column(row, 3)?,
                median_seconds: column(row, 4)?,
                p95_seconds: column(row, 5)?,
            })
        };
        rows.iter().map(bucket).collect()
    }
}

fn cursor(row: &PgRow, sort: Sort) -> Result<Cursor, Error> {
    let key = match sort.kind() {
        crate::query::sort::Kind::Time => Key::Time(column(row, 14)?),
        crate::query::sort::Kind::Text => Key::Text(column(row, 14)?),
        crate::query::sort::Kind::Number => Key::Number(column(row, 14)?),
    };
    Ok(Cursor {
        sort,
        key,
        id: column(row, 0)?,
    })
}
