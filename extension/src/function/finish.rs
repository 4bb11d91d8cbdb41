//! `runmeta.finish(run_id, status)`

use pgrx::pg_sys::BuiltinOid::{INT8OID, TEXTOID};
use pgrx::prelude::*;

use crate::announce;
use crate::call::{Answer, answer};
use crate::refusal::Refusal;
use crate::run::{check_length, check_open};
use crate::statement::Statement;

thread_local! {
    static LOCK: Statement = const { Statement::new(
        include_str!("sql/finish_lock.sql"),
        &[TEXTOID],
    ) };
    static FINISH: Statement = const { Statement::new(
        include_str!("sql/finish_finish.sql"),
        &[TEXTOID, TEXTOID, TEXTOID, INT8OID],
    ) };
}

/// Finishes a run and returns its version. A run that finished with this status stays as it is.
#[pg_extern(sql = false)]
fn finish(run_id: Option<&str>, status: Option<&str>) -> Answer<Option<i64>> {
    answer(|| {
        let Some(run_id) = run_id else {
            return Ok(None);
        };
        let status = status.ok_or(Refusal::Null { argument: "status" })?;
        check_length("status", status)?;
        Spi::connect_mut(|client| {
            let mut rows = LOCK.with(|statement| statement.run(client, &[run_id.into()]))?;
            if rows.next().is_none() {
                return Err(Refusal::NoSuchRun {
                    run: run_id.to_owned(),
                });
            }
            let root = rows.get::<String>(1)?.unwrap_or_default();
            let version = rows.get::<i64>(2)?.unwrap_or(0);
            let finished_at = rows.get::<TimestampWithTimeZone>(4)?;
            if finished_at.is_some() && rows.get::<&str>(3)? == Some(status) {
                return Ok(Some(version));
            }
            check_open(run_id, finished_at)?;
            let version = version + 1;
            let arguments = [
                root.as_str().into(),
                run_id.into(),
                status.into(),
                version.into(),
            ];
            FINISH.with(|statement| statement.store(client, &arguments, 1))?;
            announce::changed(&root, run_id, version);
            Ok(Some(version))
        })
    })
}
