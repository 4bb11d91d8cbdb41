//! `runmeta._value_at(document, key)`, of which `runmeta.get` and `runmeta.rollup` make use.

use pgrx::prelude::*;
use runmeta_core::Key;

use crate::call::{Answer, answer};
use crate::jsonb::{Jsonb, View, encode_value};
use crate::refusal::Refusal;

/// Returns the value at a key or path, or NULL if there is none.
#[pg_extern(sql = false)]
fn value_at(document: Jsonb<'_>, key: &str) -> Answer<Option<Jsonb<'static>>> {
    answer(|| {
        let key = Key::parse(key).map_err(|bad| Refusal::BadPath {
            key: key.to_owned(),
            bad,
        })?;
        let value = key
            .steps()
            .try_fold(document.view(), |place, step| match place {
                View::Object(object) => object.member(step.name.as_bytes()),
                View::Array(array) => array.element(step.position(array.count()).ok()?),
                _ => None,
            });
        value
            .map(|value| encode_value(value).map_err(|_| Refusal::TooManyBytes))
            .transpose()
    })
}
