//! The document of a run that is locked, read apart from the lock: finish and set_status need none.

use pgrx::pg_sys::BuiltinOid::TEXTOID;
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError};

use crate::jsonb::Jsonb;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static DOCUMENT: Statement = const { Statement::new(
        include_str!("sql/document.sql"),
        &[TEXTOID, TEXTOID],
    ) };
}

/// The document of a run.
pub struct Document {
    /// The document.
    pub metadata: Jsonb<'static>,
    /// When the run was started.
    pub created_at: TimestampWithTimeZone,
    /// What the document has at the most as compact JSON, in bytes, if that is known.
    pub size_bound: Option<i32>,
}

/// Reads the document of a run that is locked.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn read_document(
    client: &mut SpiClient<'_>,
    root: &str,
    id: &str,
) -> Result<Document, Refusal> {
    let required = || Refusal::Query(SpiError::InvalidPosition);
    let arguments = [root.into(), id.into()];
    let rows = DOCUMENT.with(|statement| statement.run(client, &arguments))?;
    let row = rows.first();
    Ok(Document {
        metadata: row.get(1)?.ok_or_else(required)?,
        created_at: row.get(2)?.ok_or_else(required)?,
        size_bound: row.get(3)?,
    })
}
