//! `runmeta._record_jobs(adapter, jobs, query)`, by which `adapt` records the jobs that there are.

use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::follow;

/// Runs the query as the owner of the jobs, records what it returns, and returns how many jobs these were.
#[pg_extern(sql = false)]
fn record_jobs(adapter: i32, jobs: pg_sys::Oid, query: &str) -> Answer<i64> {
    answer(|| follow::record(adapter, jobs, query))
}
