//! `runmeta.apply_operations(document, operations)`

use pgrx::prelude::*;
use runmeta_core::{BadValue, apply};

use crate::call::{Answer, answer};
use crate::document::is_object;
use crate::document::list;
use crate::jsonb::{Jsonb, Node, encode};
use crate::refusal::Refusal;

/// Returns the document that the operations make. Those that cannot be applied are skipped.
#[pg_extern(sql = false)]
fn apply_operations(document: Jsonb<'_>, operations: Jsonb<'_>) -> Answer<Jsonb<'static>> {
    answer(|| {
        if !is_object(&document) {
            return Err(Refusal::BadDocument(BadValue::NotAnObject));
        }
        let operations = list::read(operations.view())?;
        let mut node = Node::View(document.view());
        apply(&mut node, &operations);
        encode(&node, document.memory()).map_err(|_| Refusal::TooManyBytes)
    })
}
