//! Recording one change of a job, in the statement that makes it.
//!
//! An `INSERT` of a single row costs more by its executor than by what it writes: 8.5 µs of processor time in a loop, five times
//! that with the cold caches of a queue whose workers take turns. So the row is written as Postgres writes those of its own
//! catalogs, with the same checks of rights. Where anything about the table is not as the migrations made it (a trigger, a policy,
//! an index on an expression, a column), and where the row would be refused, an `INSERT` does it instead.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_int;

use pgrx::datum::{DatumWithOid, FromDatum};
use pgrx::pg_sys;
use pgrx::pg_sys::BuiltinOid::{self, *};
use pgrx::prelude::*;

use super::noted;
use crate::owner;
use crate::refusal::Refusal;
use crate::statement::Statement;

/// The types of the function's arguments.
const ARGUMENTS: [BuiltinOid; 11] = [
    INT4OID,
    TEXTOID,
    BOOLOID,
    TEXTOID,
    INT4OID,
    TEXTOID,
    TEXTOID,
    TEXTOID,
    TIMESTAMPTZOID,
    TIMESTAMPTZOID,
    TIMESTAMPTZOID,
];
/// Arguments that must not be null.
const REQUIRED: [usize; 4] = [0, RUN_ID, 2, 3];
const RUN_ID: usize = 1;

/// Where a column of the table gets its value from.
enum Source {
    Argument(usize),
    Sequence,
    Role,
    Clock,
}

/// The columns of the table, in their order.
const COLUMNS: [(BuiltinOid, Source); 14] = [
    (TEXTOID, Source::Argument(RUN_ID)),
    (INT8OID, Source::Sequence),
    (INT4OID, Source::Argument(0)),
    (NAMEOID, Source::Role),
    (TEXTOID, Source::Argument(3)),
    (BOOLOID, Source::Argument(2)),
    (INT4OID, Source::Argument(4)),
    (TEXTOID, Source::Argument(5)),
    (TEXTOID, Source::Argument(6)),
    (TEXTOID, Source::Argument(7)),
    (TIMESTAMPTZOID, Source::Argument(8)),
    (TIMESTAMPTZOID, Source::Argument(9)),
    (TIMESTAMPTZOID, Source::Argument(10)),
    (TIMESTAMPTZOID, Source::Clock),
];
/// Place of the column that the sequence fills, from 1.
const ID: pg_sys::AttrNumber = 2;

thread_local! {
    static INSERT: Statement = const { Statement::new(include_str!("sql/insert_change.sql"), &ARGUMENTS) };
    /// The table and its sequence, as last used.
    static SEQUENCE: Cell<(pg_sys::Oid, pg_sys::Oid)> = const { Cell::new((pg_sys::Oid::INVALID, pg_sys::Oid::INVALID)) };
}

/// Records a change of a job, of which the arguments of a call tell, and notes it.
///
/// # Errors
///
/// [`Refusal::NotMigrated`]; errors of Postgres are raised.
pub fn record_change(call: pg_sys::FunctionCallInfo) -> Result<(), Refusal> {
    // SAFETY: Postgres calls with as many arguments as the function has, of those types.
    let arguments: [Option<pg_sys::Datum>; ARGUMENTS.len()] =
        std::array::from_fn(|place| unsafe { pgrx::fcinfo::pg_getarg_datum(call, place) });
    if let Some(run_id) = arguments[RUN_ID] {
        // SAFETY: a text that lives as long as the call.
        noted::note(unsafe { <&str>::from_datum(run_id, false) }.unwrap_or_default());
    }
    let is_whole = REQUIRED.iter().all(|place| arguments[*place].is_some());
    if is_whole && write(&arguments) {
        return Ok(());
    }
    let arguments: [DatumWithOid<'_>; ARGUMENTS.len()] = std::array::from_fn(|place| {
        let kind = pg_sys::Oid::from(ARGUMENTS[place].value());
        match arguments[place] {
            // SAFETY: the datum is of that type.
            Some(datum) => unsafe { DatumWithOid::new(datum, kind) },
            None => DatumWithOid::null_oid(kind),
        }
    });
    Spi::connect_mut(|client| INSERT.with(|statement| statement.run(client, &arguments).map(drop)))
}

/// Writes the row, or returns false if an `INSERT` has to.
fn write(arguments: &[Option<pg_sys::Datum>; ARGUMENTS.len()]) -> bool {
    let table = owner::transition_table();
    if table == pg_sys::Oid::INVALID || !owner::may_record(table) {
        return false;
    }
    // SAFETY: what is opened is closed, the table's lock stays until the transaction ends, and an error frees all.
    unsafe {
        if pg_sys::XactReadOnly {
            return false;
        }
        let relation = pg_sys::table_open(table, pg_sys::RowExclusiveLock as c_int);
        let is_written = is_as_migrated(relation) && write_into(relation, arguments);
        pg_sys::table_close(relation, pg_sys::NoLock as c_int);
        is_written
    }
}

/// # Safety
///
/// The relation is open.
unsafe fn is_as_migrated(relation: pg_sys::Relation) -> bool {
    // SAFETY: fields of a relation that is open.
    unsafe {
        let (class, form) = (&*(*relation).rd_rel, &*(*relation).rd_att);
        let is_plain = class.relkind as u8 == pg_sys::RELKIND_RELATION
            && class.relam == pg_sys::Oid::from(pg_sys::HEAP_TABLE_AM_OID)
            && !class.relispartition
            && !class.relhasrules
            && !class.relrowsecurity
            && (*relation).trigdesc.is_null();
        let constraints = form.constr;
        is_plain
            && (constraints.is_null()
                || ((*constraints).num_check == 0 && !(*constraints).has_generated_stored))
            && usize::try_from(form.natts) == Ok(COLUMNS.len())
            && COLUMNS.iter().zip(1..).all(|((kind, _), place)| {
                pg_sys::SPI_gettypeid((*relation).rd_att, place) == pg_sys::Oid::from(kind.value())
            })
    }
}

/// # Safety
///
/// The relation is open, and its columns are those that are expected.
unsafe fn write_into(
    relation: pg_sys::Relation,
    arguments: &[Option<pg_sys::Datum>; ARGUMENTS.len()],
) -> bool {
    // SAFETY: the caller's contract. The values have the types of the columns.
    unsafe {
        let indexes = pg_sys::CatalogOpenIndexes(relation);
        let is_simple = (0..usize::try_from((*indexes).ri_NumIndices).unwrap_or(0)).all(|place| {
            let index = &**(*indexes).ri_IndexRelationInfo.add(place);
            index.ii_Expressions.is_null()
                && index.ii_Predicate.is_null()
                && index.ii_ExclusionOps.is_null()
        });
        if is_simple {
            let mut role = pg_sys::NameData::default();
            pg_sys::namestrcpy(
                &raw mut role,
                pg_sys::GetUserNameFromId(pg_sys::GetUserId(), false),
            );
            let mut values = [pg_sys::Datum::null(); COLUMNS.len()];
            let mut nulls = [false; COLUMNS.len()];
            for (place, (_, source)) in COLUMNS.iter().enumerate() {
                let value = match source {
                    Source::Argument(argument) => arguments[*argument],
                    Source::Sequence => Some(next_id(relation).into()),
                    Source::Role => Some((&raw mut role).into()),
                    Source::Clock => Some(pg_sys::GetCurrentTimestamp().into()),
                };
                nulls[place] = value.is_none();
                values[place] = value.unwrap_or(pg_sys::Datum::null());
            }
            let row = pg_sys::heap_form_tuple(
                (*relation).rd_att,
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
            pg_sys::CatalogTupleInsertWithInfo(relation, row, indexes);
            pg_sys::heap_freetuple(row);
        }
        pg_sys::CatalogCloseIndexes(indexes);
        is_simple
    }
}

unsafe extern "C-unwind" {
    /// Of `commands/sequence.h`, which pgrx does not translate.
    fn nextval_internal(sequence: pg_sys::Oid, checks_rights: bool) -> i64;
}

/// Returns the next id, on which a writer of the table needs no rights, as on any identity column.
///
/// # Safety
///
/// The relation is open, and has such a column.
unsafe fn next_id(relation: pg_sys::Relation) -> i64 {
    // SAFETY: the caller's contract.
    unsafe {
        let table = (*relation).rd_id;
        let (known, mut sequence) = SEQUENCE.get();
        if known != table {
            sequence = identity_sequence(relation);
            SEQUENCE.set((table, sequence));
        }
        pg_sys::ffi::pg_guard_ffi_boundary(|| nextval_internal(sequence, false))
    }
}

#[cfg(any(feature = "pg15", feature = "pg16"))]
unsafe fn identity_sequence(relation: pg_sys::Relation) -> pg_sys::Oid {
    // SAFETY: the relation is open.
    unsafe { pg_sys::getIdentitySequence((*relation).rd_id, ID, false) }
}

#[cfg(not(any(feature = "pg15", feature = "pg16")))]
unsafe fn identity_sequence(relation: pg_sys::Relation) -> pg_sys::Oid {
    // SAFETY: the relation is open.
    unsafe { pg_sys::getIdentitySequence(relation, ID, false) }
}
