//! Looking for runs whose document does not fit.

use pgrx::pg_sys::BuiltinOid::TEXTOID;
use pgrx::prelude::*;

use super::{compile, violation};
use crate::jsonb::{Jsonb, check_for_interrupts};
use crate::refusal::{ContractRefusal, Refusal};
use crate::statement::Statement;

thread_local! {
    static SCHEMA_OF: Statement = const { Statement::new(include_str!("sql/schema_of.sql"), &[TEXTOID]) };
    static FIND_RUNS: Statement = const { Statement::new(include_str!("sql/find_runs.sql"), &[TEXTOID]) };
    static READ_RUN: Statement = const { Statement::new(
        include_str!("sql/read_run.sql"),
        &[TEXTOID, TEXTOID],
    ) };
}

/// Runs whose ids are read at a time. Their documents are read one by one: 100 of 262 kB that wait for something took 252 MB.
const SLICE: i64 = 1000;

/// A place of a run that does not fit.
pub struct Found {
    /// The run.
    pub run: String,
    /// The place.
    pub path: String,
    /// What the schema asks for there.
    pub message: String,
}

/// Looks through the runs of a task, the newest first, for those that do not fit the schema, or else the task's contract.
/// Stops behind so many runs that do not.
///
/// # Errors
///
/// [`ContractRefusal::NoContract`]; [`ContractRefusal`] for a schema that cannot be. Errors of Postgres are raised.
pub fn find(
    task: &str,
    max_runs: usize,
    schema: Option<&Jsonb<'_>>,
) -> Result<Vec<Found>, Refusal> {
    let stored: Option<Jsonb<'static>> = match schema {
        Some(_) => None,
        None => Spi::connect_mut(|client| {
            let rows = SCHEMA_OF.with(|statement| statement.run(client, &[task.into()]))?;
            match rows.is_empty() {
                true => Ok::<_, Refusal>(None),
                false => Ok(rows.first().get_one()?),
            }
        })?,
    };
    let schema = schema.or(stored.as_ref());
    let no_contract = || ContractRefusal::NoContract {
        task: task.to_owned(),
    };
    let validator = compile(schema.ok_or_else(no_contract)?)?;
    let cursor = Spi::connect_mut(|client| {
        let cursor = FIND_RUNS.with(|statement| statement.open(client, &[task.into()]))?;
        Ok::<_, Refusal>(cursor.detach_into_name())
    })?;
    let (mut found, mut runs) = (Vec::new(), 0);
    loop {
        // A connection a slice, and one a document: what was read is freed with it.
        let slice: Vec<(String, String)> = Spi::connect_mut(|client| {
            let mut cursor = client.find_cursor(&cursor)?;
            let mut slice = Vec::new();
            // Behind so many runs that do not fit, the cursor is closed.
            if runs < max_runs {
                for row in cursor.fetch(SLICE)? {
                    slice.push((
                        row.get(1)?.unwrap_or_default(),
                        row.get(2)?.unwrap_or_default(),
                    ));
                }
            }
            if !slice.is_empty() {
                cursor.detach_into_name();
            }
            Ok::<_, Refusal>(slice)
        })?;
        if slice.is_empty() {
            return Ok(found);
        }
        for (root, run) in slice {
            check_for_interrupts();
            if runs == max_runs {
                break;
            }
            let Some(document) = read(&root, &run)? else {
                continue;
            };
            let Some(violations) = violation::find(&validator, &document) else {
                continue;
            };
            found.extend(violations.first.into_iter().map(|violation| Found {
                run: run.clone(),
                path: violation.path,
                message: violation.message,
            }));
            runs += 1;
        }
    }
}

/// Returns the document of a run, with what waits for it. `None` if it is gone meanwhile.
fn read(root: &str, run: &str) -> Result<Option<Jsonb<'static>>, Refusal> {
    Spi::connect_mut(|client| {
        let arguments = [root.into(), run.into()];
        let rows = READ_RUN.with(|statement| statement.run(client, &arguments))?;
        match rows.is_empty() {
            true => Ok(None),
            false => Ok(rows.first().get_one()?),
        }
    })
}
