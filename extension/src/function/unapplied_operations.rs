//! `runmeta.unapplied_operations(document, operations)`

use pgrx::prelude::*;
use runmeta_core::{BadValue, apply};

use crate::call::{Answer, answer};
use crate::document::is_object;
use crate::document::list;
use crate::document::unapplied_list;
use crate::jsonb::{Jsonb, Node};
use crate::refusal::Refusal;

/// Returns the positions and reasons of the operations that cannot be applied to the document.
#[pg_extern(sql = false)]
fn unapplied_operations(document: Jsonb<'_>, operations: Jsonb<'_>) -> Answer<Jsonb<'static>> {
    answer(|| {
        if !is_object(&document) {
            return Err(Refusal::BadDocument(BadValue::NotAnObject));
        }
        let operations = list::read(operations.view())?;
        Ok(unapplied_list(&apply(
            &mut Node::View(document.view()),
            &operations,
        )))
    })
}
