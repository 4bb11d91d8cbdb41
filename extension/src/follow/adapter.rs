//! What adapters say of the documents of their runs.

use std::collections::HashMap;

use pgrx::prelude::*;

use crate::jsonb::Jsonb;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static ADAPTERS: Statement = const { Statement::new(include_str!("sql/adapters.sql"), &[]) };
}

/// What the documents of an adapter's runs have.
pub struct Adapter {
    /// The document of a new run.
    pub metadata: Jsonb<'static>,
    /// The list that is applied when another attempt begins.
    pub start: Jsonb<'static>,
}

/// Reads all adapters, by their number. A queue that is adapted no more has none: its runs begin with an empty document.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn read() -> Result<HashMap<i32, Adapter>, Refusal> {
    Spi::connect_mut(|client| {
        let rows = ADAPTERS.with(|statement| statement.run(client, &[]))?;
        let mut adapters = HashMap::with_capacity(rows.len());
        for row in rows {
            let adapter = Adapter {
                metadata: row.get(2)?.unwrap_or_else(Jsonb::empty_object),
                start: row.get(3)?.unwrap_or_else(Jsonb::empty_array),
            };
            adapters.insert(row.get(1)?.unwrap_or(0), adapter);
        }
        Ok(adapters)
    })
}
