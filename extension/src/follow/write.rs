//! Recording one change of a job, in the statement that makes it.
//!
//! An `INSERT` of a single row costs more by its executor than by what it writes: 8 µs of processor time in a loop, of 29 that a
//! claim takes longer with its trigger, and 12 of 90 with the cold caches of a queue whose workers take turns. So the row is
//! written as Postgres writes those of its own catalogs, with the same checks of rights. Where anything about the table is not as
//! the migrations made it (a trigger, a policy, an index on an expression, a column), and where the row would be refused, an
//! `INSERT` does it instead. What the table is like is looked at once a session, and again when the table has changed.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{CStr, c_int};

use pgrx::datum::{DatumWithOid, FromDatum};
use pgrx::pg_sys;
use pgrx::pg_sys::BuiltinOid::{self, *};
use pgrx::prelude::*;
use pgrx::tupdesc::PgTupleDesc;

use super::noted;
use crate::owner;
use crate::process;
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

impl Source {
    /// Returns true if the column never has a null.
    fn is_required(&self) -> bool {
        match self {
            Source::Argument(argument) => REQUIRED.contains(argument),
            Source::Sequence | Source::Role | Source::Clock => true,
        }
    }
}

/// The columns of the table, in their order.
const COLUMNS: [(&CStr, BuiltinOid, Source); 14] = [
    (c"run_id", TEXTOID, Source::Argument(RUN_ID)),
    (c"id", INT8OID, Source::Sequence),
    (c"adapter", INT4OID, Source::Argument(0)),
    (c"role", NAMEOID, Source::Role),
    (c"status", TEXTOID, Source::Argument(3)),
    (c"is_deleted", BOOLOID, Source::Argument(2)),
    (c"attempt", INT4OID, Source::Argument(4)),
    (c"error", TEXTOID, Source::Argument(5)),
    (c"task", TEXTOID, Source::Argument(6)),
    (c"parent_id", TEXTOID, Source::Argument(7)),
    (c"created_at", TIMESTAMPTZOID, Source::Argument(8)),
    (c"started_at", TIMESTAMPTZOID, Source::Argument(9)),
    (c"finished_at", TIMESTAMPTZOID, Source::Argument(10)),
    (c"at", TIMESTAMPTZOID, Source::Clock),
];
/// Place of the column that the sequence fills, from 1.
const ID: pg_sys::AttrNumber = 2;
/// What an identity column is that is always generated (`ATTRIBUTE_IDENTITY_ALWAYS` of `catalog/pg_attribute.h`).
const ALWAYS: u8 = b'a';

thread_local! {
    static INSERT: Statement = const { Statement::new(include_str!("sql/insert_change.sql"), &ARGUMENTS) };
    static KNOWN: Cell<Option<Known>> = const { Cell::new(None) };
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// What the table is like.
#[derive(Clone, Copy)]
struct Known {
    table: pg_sys::Oid,
    /// The sequence of its ids. `None` where the table is not as the migrations made it.
    sequence: Option<pg_sys::Oid>,
    /// A role that may fill all columns.
    role: pg_sys::Oid,
}

/// Records a change of a job, which the arguments of a call describe, and notes it.
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
        let kind = ARGUMENTS[place].value();
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
    if !IS_WATCHED.replace(true) {
        process::on_changed_table(on_changed_table);
    }
    let table = owner::transition_table();
    if table == pg_sys::Oid::INVALID || !owner::may_insert(table, COLUMNS[0].0) {
        return false;
    }
    // SAFETY: what is opened is closed, the table's lock stays until the transaction ends, and an error frees all.
    unsafe {
        if pg_sys::XactReadOnly {
            return false;
        }
        let relation = pg_sys::table_open(table, pg_sys::RowExclusiveLock as c_int);
        // Another one may have its name since.
        let is_written = owner::transition_table() == table
            && match sequence(relation) {
                Some(sequence) => write_into(relation, sequence, arguments),
                None => false,
            };
        pg_sys::table_close(relation, pg_sys::NoLock as c_int);
        is_written
    }
}

/// Returns the sequence of the ids if the table is as the migrations made it, and the current role may fill all columns.
///
/// # Safety
///
/// The relation is open and locked.
unsafe fn sequence(relation: pg_sys::Relation) -> Option<pg_sys::Oid> {
    // SAFETY: the caller's contract.
    unsafe {
        let (table, role) = ((*relation).rd_id, pg_sys::GetUserId());
        let known = KNOWN.get().filter(|known| known.table == table);
        let known = known.unwrap_or_else(|| Known {
            table,
            sequence: is_as_migrated(relation).then(|| identity_sequence(relation)),
            role: pg_sys::Oid::INVALID,
        });
        let may_fill = |(name, _, source): &(&CStr, _, Source)| {
            !matches!(source, Source::Argument(_)) || owner::may_insert(table, name)
        };
        let may = known.role == role || COLUMNS.iter().all(may_fill);
        KNOWN.set(Some(match may {
            true => Known { role, ..known },
            false => known,
        }));
        known.sequence.filter(|_| may)
    }
}

/// Called by Postgres with each table that has changed, or with none where all may have.
extern "C-unwind" fn on_changed_table(_: pg_sys::Datum, table: pg_sys::Oid) {
    let is_it = |known: Known| table == known.table || table == pg_sys::Oid::INVALID;
    if KNOWN.get().is_some_and(is_it) {
        KNOWN.set(None);
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
            && class.relam == pg_sys::HEAP_TABLE_AM_OID
            && !class.relispartition
            && !class.relhasrules
            && !class.relrowsecurity
            && (*relation).trigdesc.is_null();
        let constraints = form.constr;
        let has_checks = !constraints.is_null()
            && ((*constraints).num_check > 0 || (*constraints).has_generated_stored);
        let columns = PgTupleDesc::from_pg_unchecked((*relation).rd_att);
        is_plain
            && !has_checks
            && columns.len() == COLUMNS.len()
            && columns
                .iter()
                .zip(&COLUMNS)
                .all(|(column, (name, kind, source))| {
                    let is_identity = column.attidentity as u8 == ALWAYS;
                    CStr::from_ptr(column.attname.data.as_ptr()) == *name
                        && column.atttypid == kind.value()
                        && column.attnotnull == source.is_required()
                        && is_identity == matches!(source, Source::Sequence)
                })
    }
}

/// # Safety
///
/// The relation is open, and its columns are those that are expected.
unsafe fn write_into(
    relation: pg_sys::Relation,
    sequence: pg_sys::Oid,
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
            for (place, (.., source)) in COLUMNS.iter().enumerate() {
                let value = match source {
                    Source::Argument(argument) => arguments[*argument],
                    Source::Sequence => Some(next_id(sequence).into()),
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
/// There is such a sequence.
unsafe fn next_id(sequence: pg_sys::Oid) -> i64 {
    // SAFETY: the caller's contract.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| nextval_internal(sequence, false)) }
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
