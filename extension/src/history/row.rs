//! A run's row as it was and as it is, as Postgres hands it to a trigger.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::CStr;
use std::slice;

use pgrx::datum::FromDatum;
use pgrx::pg_sys;
use pgrx::pg_sys::BuiltinOid::OIDOID;
use pgrx::prelude::*;

use crate::jsonb::Jsonb;
use crate::owner;
use crate::refusal::Refusal;
use crate::statement::Statement;

/// The columns that are read. Their places are looked up once, because others may have been added and dropped.
const COLUMNS: [&CStr; 7] = [
    c"root_id",
    c"id",
    c"task",
    c"metadata",
    c"created_at",
    c"updated_at",
    c"finished_at",
];
const ROOT: usize = 0;
const ID: usize = 1;
const TASK: usize = 2;
const METADATA: usize = 3;
const CREATED_AT: usize = 4;
const UPDATED_AT: usize = 5;
const FINISHED_AT: usize = 6;

thread_local! {
    static IS_PART: Statement = const { Statement::new(
        include_str!("sql/is_part.sql"),
        &[OIDOID, OIDOID],
    ) };
    /// Those of the table of runs, or of its partitions.
    static PLACES: RefCell<Vec<Places>> = const { RefCell::new(Vec::new()) };
}

/// Tables that a session remembers. A guess: more than there are partitions.
const REMEMBERED: usize = 256;

/// Where the columns are in a table of runs with so many columns in all.
#[derive(Clone, Copy)]
struct Places {
    table: pg_sys::Oid,
    columns: i32,
    place: [i32; COLUMNS.len()],
}

/// The event of a trigger on runs.
pub enum Event<'a> {
    /// A run changed: as it was and as it is.
    Changed(Row<'a>, Row<'a>),
    /// A run was deleted.
    Deleted(Row<'a>),
}

/// A run's row. Its columns are read when they are asked for.
pub struct Row<'a> {
    tuple: pg_sys::HeapTuple,
    form: pg_sys::TupleDesc,
    places: Places,
    trigger: &'a pg_sys::TriggerData,
}

/// Reads what a trigger was called with.
///
/// # Errors
///
/// [`Refusal::NotATrigger`] unless it is called as one for each row of runs, after they changed.
pub fn event<'a>(call: pg_sys::FunctionCallInfo) -> Result<Event<'a>, Refusal> {
    // SAFETY: Postgres calls with a valid structure, of which the context is the trigger's data if the function is called as
    // one. Both live as long as the call, and so does the tuple.
    unsafe {
        if !pgrx::trigger_support::called_as_trigger(call) {
            return Err(Refusal::NotATrigger);
        }
        let data: &pg_sys::TriggerData = &*(*call).context.cast();
        let table = (*data.tg_relation).rd_id;
        let event = data.tg_event;
        let is_after = event & pg_sys::TRIGGER_EVENT_TIMINGMASK == pg_sys::TRIGGER_EVENT_AFTER;
        let is_of_row = event & pg_sys::TRIGGER_EVENT_ROW != 0;
        if !is_after || !is_of_row || !is_of_runs(table)? {
            return Err(Refusal::NotATrigger);
        }
        let form = (*data.tg_relation).rd_att;
        let places = places(table, form);
        let row = |tuple| Row {
            tuple,
            form,
            places,
            trigger: data,
        };
        match event & pg_sys::TRIGGER_EVENT_OPMASK {
            pg_sys::TRIGGER_EVENT_UPDATE => Ok(Event::Changed(
                row(data.tg_trigtuple),
                row(data.tg_newtuple),
            )),
            pg_sys::TRIGGER_EVENT_DELETE => Ok(Event::Deleted(row(data.tg_trigtuple))),
            _ => Err(Refusal::NotATrigger),
        }
    }
}

/// Anyone may make a trigger that calls the function on a table of his own, with rows of his own.
fn is_of_runs(table: pg_sys::Oid) -> Result<bool, Refusal> {
    let is_known = PLACES.with_borrow(|known| known.iter().any(|known| known.table == table));
    let runs = owner::run_table();
    if is_known || table == runs || !owner::is_partition(table) {
        return Ok(is_known || table == runs);
    }
    Spi::connect_mut(|client| {
        let rows = IS_PART.with(|statement| statement.run(client, &[table.into(), runs.into()]))?;
        Ok(!rows.is_empty())
    })
}

/// Returns the places of the columns.
///
/// # Safety
///
/// The form is that of the table.
unsafe fn places(table: pg_sys::Oid, form: pg_sys::TupleDesc) -> Places {
    // SAFETY: the caller's contract. A column that is not there has a place that no tuple has.
    unsafe {
        let columns = (*form).natts;
        let is_it = |known: &&Places| known.table == table && known.columns == columns;
        if let Some(known) = PLACES.with_borrow(|known| known.iter().find(is_it).copied()) {
            return known;
        }
        let place = COLUMNS.map(|name| pg_sys::SPI_fnumber(form, name.as_ptr()));
        let found = Places {
            table,
            columns,
            place,
        };
        PLACES.with_borrow_mut(|known| {
            known.retain(|known| known.table != table);
            if known.len() == REMEMBERED {
                known.clear();
            }
            known.push(found);
        });
        found
    }
}

impl<'a> Row<'a> {
    /// Returns the first run of its tree.
    pub fn root(&self) -> &'a str {
        self.text(ROOT).unwrap_or_default()
    }

    /// Returns its id.
    pub fn id(&self) -> &'a str {
        self.text(ID).unwrap_or_default()
    }

    /// Returns its task.
    pub fn task(&self) -> Option<&'a str> {
        self.text(TASK)
    }

    /// Returns when it was started.
    pub fn created_at(&self) -> Option<TimestampWithTimeZone> {
        self.read(CREATED_AT)
    }

    /// Returns when it last changed, in microseconds as Postgres counts them.
    pub fn updated_at(&self) -> Option<i64> {
        self.datum(UPDATED_AT).map(|datum| datum.value() as i64)
    }

    /// Returns when it finished, in microseconds.
    pub fn finished_at(&self) -> Option<i64> {
        self.datum(FINISHED_AT).map(|datum| datum.value() as i64)
    }

    /// Returns its document, which is decompressed for it.
    pub fn metadata(&self) -> Option<Jsonb<'static>> {
        self.read(METADATA)
    }

    /// Returns the bytes of its document as they are stored: where it is stored elsewhere, those of the pointer to it.
    pub fn stored_metadata(&self) -> &'a [u8] {
        self.datum(METADATA).map_or(&[], |datum| {
            let stored: *const pg_sys::varlena = datum.cast_mut_ptr();
            // SAFETY: a varlena in the tuple, which lives as long as the call.
            unsafe { slice::from_raw_parts(stored.cast(), pgrx::varsize_any(stored)) }
        })
    }

    fn read<T: FromDatum>(&self, column: usize) -> Option<T> {
        let datum = self.datum(column)?;
        // SAFETY: the columns have the types that are read. What is of variable length is copied.
        unsafe { T::from_datum(datum, false) }
    }

    fn text(&self, column: usize) -> Option<&'a str> {
        let datum = self.datum(column)?;
        // SAFETY: a text, in the tuple or, where it was compressed, in the memory of the call.
        unsafe { <&str>::from_datum(datum, false) }
    }

    fn datum(&self, column: usize) -> Option<pg_sys::Datum> {
        let place = usize::try_from(self.places.place[column]).ok()?;
        // SAFETY: the tuple has the form, and lives as long as the trigger's data.
        unsafe {
            let _alive = self.trigger;
            pgrx::htup::heap_getattr_raw(self.tuple, place.try_into().ok()?, self.form)
        }
    }
}
