//! The trigger on `runmeta.run`: checks the document of a row that is to be stored.

#![allow(unsafe_code)]

use std::ffi::CStr;

use pgrx::datum::FromDatum;
use pgrx::pg_sys;
use pgrx::trigger_support::PgTrigger;
use pgrx::varsize_any;

use super::refused::{self, Refused};
use super::{Mode, known, violation, warning};
use crate::jsonb::Stored;
use crate::refusal::Refusal;

/// Checks the row that a trigger is called for.
///
/// # Errors
///
/// [`ContractRefusal::DoesNotFit`](crate::refusal::ContractRefusal) where the contract is enforced.
pub fn check(trigger: &PgTrigger<'_>) -> Result<(), Refusal> {
    let Some(row) = Row::of(trigger) else {
        return Ok(());
    };
    let (Some(task), Some(document)) = (row.text(c"task"), row.value(c"metadata")) else {
        return Ok(());
    };
    if row.is_unchanged(document, &task) {
        return Ok(());
    }
    let Some(contract) = known::contract(&task)? else {
        return Ok(());
    };
    // SAFETY: the column's type is jsonb, and the value is no NULL.
    let Some(document) =
        (unsafe { Stored::from_polymorphic_datum(document, false, pg_sys::JSONBOID) })
    else {
        return Ok(());
    };
    let Some(violations) = violation::find(&contract.validator, &document.read()) else {
        return Ok(());
    };
    let run = row.text(c"id").unwrap_or_default();
    match contract.mode {
        Mode::Warn => warning::warn(&run, &task, &violations),
        Mode::Enforce => refused::refuse(Refused {
            root: row.text(c"root_id").unwrap_or_default(),
            is_new: row.old.is_none(),
            detail: violations.detail(),
            run,
            task,
        })?,
    }
    Ok(())
}

/// The row that is to be stored, and the one that is.
struct Row {
    new: pg_sys::HeapTuple,
    old: Option<pg_sys::HeapTuple>,
    columns: pg_sys::TupleDesc,
}

impl Row {
    fn of(trigger: &PgTrigger<'_>) -> Option<Row> {
        let data = trigger.trigger_data();
        let event = trigger.event();
        // SAFETY: Postgres gives a trigger the relation that it is on.
        let columns = unsafe { (*data.tg_relation).rd_att };
        let (new, old) = match (event.fired_by_insert(), event.fired_by_update()) {
            (true, _) => (data.tg_trigtuple, None),
            (_, true) => (data.tg_newtuple, Some(data.tg_trigtuple)),
            _ => return None,
        };
        (event.fired_for_row() && !new.is_null()).then_some(Row { new, old, columns })
    }

    /// Returns a column of the new row. `None` if it is NULL, or there is none of this name.
    fn value(&self, column: &CStr) -> Option<pg_sys::Datum> {
        self.of_row(self.new, column)
    }

    fn text(&self, column: &CStr) -> Option<String> {
        let value = self.value(column)?;
        // SAFETY: the columns that are asked for are texts.
        unsafe { String::from_polymorphic_datum(value, false, pg_sys::TEXTOID) }
    }

    fn of_row(&self, row: pg_sys::HeapTuple, column: &CStr) -> Option<pg_sys::Datum> {
        let mut is_null = false;
        // SAFETY: the row has these columns, and both live as long as the call.
        unsafe {
            let number = pg_sys::SPI_fnumber(self.columns, column.as_ptr());
            if number <= 0 {
                return None;
            }
            let value = pg_sys::SPI_getbinval(row, self.columns, number, &mut is_null);
            (!is_null).then_some(value)
        }
    }

    /// Returns true if an `UPDATE` leaves the task as it was, and the very bytes of the document: those of a large one are
    /// elsewhere, and the row has a pointer to them.
    fn is_unchanged(&self, document: pg_sys::Datum, task: &str) -> bool {
        let Some(old) = self.old else {
            return false;
        };
        let old_task = self.of_row(old, c"task");
        // SAFETY: as in `text`.
        let old_task = old_task.and_then(|task| unsafe {
            String::from_polymorphic_datum(task, false, pg_sys::TEXTOID)
        });
        let old = self.of_row(old, c"metadata");
        old_task.as_deref() == Some(task)
            // SAFETY: both are values of type jsonb, and no NULLs.
            && old.is_some_and(|old| unsafe { bytes(old) == bytes(document) })
    }
}

/// Returns the bytes of a value as the row has them.
///
/// # Safety
///
/// The datum is a varlena that is no NULL, and lives as long as what is returned is used.
unsafe fn bytes<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    let value: *const pg_sys::varlena = datum.cast_mut_ptr();
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts(value.cast::<u8>(), varsize_any(value)) }
}
