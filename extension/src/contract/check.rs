//! Looking for runs whose document does not fit.

use pgrx::pg_sys::BuiltinOid::TEXTOID;
use pgrx::prelude::*;
use pgrx::spi::SpiError;

use super::{compile, violation};
use crate::jsonb::{Jsonb, check_for_interrupts};
use crate::refusal::{ContractRefusal, Refusal};
use crate::statement::Statement;

thread_local! {
    static SCHEMA_OF: Statement = const { Statement::new(include_str!("sql/schema_of.sql"), &[TEXTOID]) };
    static FIND_RUNS: Statement = const { Statement::new(include_str!("sql/find_runs.sql"), &[TEXTOID]) };
}

/// Runs that are read at a time. Their rows may have 8 kB each, and a document that lies elsewhere is read alone.
const SLICE: i64 = 100;

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
    let required = || Refusal::Query(SpiError::InvalidPosition);
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
    let (mut found, mut runs) = (Vec::new(), 0);
    Spi::connect_mut(|client| {
        let mut cursor = FIND_RUNS.with(|statement| statement.open(client, &[task.into()]))?;
        while runs < max_runs {
            let rows = cursor.fetch(SLICE)?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                check_for_interrupts();
                let document: Jsonb<'static> = row.get(2)?.ok_or_else(required)?;
                let Some(violations) = violation::find(&validator, &document) else {
                    continue;
                };
                let run: String = row.get(1)?.ok_or_else(required)?;
                found.extend(violations.first.into_iter().map(|violation| Found {
                    run: run.clone(),
                    path: violation.path,
                    message: violation.message,
                }));
                runs += 1;
                if runs == max_runs {
                    break;
                }
            }
        }
        Ok(found)
    })
}
