//! `runmeta.number_at(document, key)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::document::value_at;
use crate::jsonb::{Decimal, Jsonb, View};

/// Returns the number at a key or path, or NULL if no number stands there.
#[pg_extern(sql = false)]
fn number_at(document: Jsonb<'_>, key: &str) -> Answer<Option<Decimal>> {
    answer(|| {
        let value = value_at(Some(document.view()), key)?;
        Ok(value.and_then(|value| match value {
            View::Number(number) => Some(Decimal::of(number)),
            _ => None,
        }))
    })
}
