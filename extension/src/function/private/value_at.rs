//! `runmeta._value_at(document, key)`, which `runmeta.get` and `runmeta.rollup_each` call.

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::document;
use crate::jsonb::{Jsonb, encode_value};
use crate::refusal::Refusal;

/// Returns the value at a key or path, or NULL if there is none.
#[pg_extern(sql = false)]
fn value_at(document: Option<Jsonb<'_>>, key: Option<&str>) -> Answer<Option<Jsonb<'static>>> {
    answer(|| {
        let Some(key) = key else {
            return Ok(None);
        };
        document::value_at(document.as_ref().map(Jsonb::view), key)?
            .map(|value| encode_value(value).map_err(|_| Refusal::TooManyBytes))
            .transpose()
    })
}
