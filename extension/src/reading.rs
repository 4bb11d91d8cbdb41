//! Queries with the snapshot of the statement that is under way, while pgrx takes a new one as soon as the transaction has
//! written something. For functions that belong to what a statement reads.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{CString, c_char};
use std::ptr;

use pgrx::PgBuiltInOids;
use pgrx::datum::{DatumWithOid, FromDatum};
use pgrx::prelude::*;
use pgrx::spi::SpiError;

use crate::jsonb::check_for_interrupts;
use crate::refusal::Refusal;

/// A query and, once it was run, its plan, which the session keeps. Lives in a thread-local of the module that runs it.
pub struct Reading {
    text: &'static str,
    arguments: &'static [PgBuiltInOids],
    plan: Cell<pg_sys::SPIPlanPtr>,
}

/// A row that was read.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    description: pg_sys::TupleDesc,
}

impl Row {
    /// Returns the value of a column, which are counted from 1.
    pub fn get<T: FromDatum>(&self, column: i32) -> Option<T> {
        let mut is_null = false;
        // SAFETY: a row of the result that is read while its SPI connection is open.
        unsafe {
            let datum = pg_sys::SPI_getbinval(self.tuple, self.description, column, &mut is_null);
            T::from_datum(datum, is_null)
        }
    }
}

impl Reading {
    /// Describes a query with arguments of these types.
    pub const fn new(text: &'static str, arguments: &'static [PgBuiltInOids]) -> Self {
        Reading {
            text,
            arguments,
            plan: Cell::new(ptr::null_mut()),
        }
    }

    /// Runs the query and returns what `row` makes of each row. None of the arguments may be NULL.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn run<T, const N: usize>(
        &self,
        arguments: [DatumWithOid<'_>; N],
        mut row: impl FnMut(&Row) -> T,
    ) -> Result<Vec<T>, Refusal> {
        if N != self.arguments.len() {
            return Err(Refusal::Query(
                SpiError::PreparedStatementArgumentMismatch {
                    expected: self.arguments.len(),
                    got: N,
                },
            ));
        }
        Spi::connect(|_| {
            let plan = self.plan()?;
            let value = |argument: &DatumWithOid<'_>| match argument.datum() {
                Some(value) => value.sans_lifetime(),
                None => pg_sys::Datum::null(),
            };
            let mut values = arguments.each_ref().map(value);
            // SAFETY: a kept plan with as many arguments, none of which is NULL; read only, with the snapshot that is active.
            // The result lies in memory of the connection, which is open.
            unsafe {
                pg_sys::SPI_tuptable = ptr::null_mut();
                let nulls: *const c_char = ptr::null();
                let code = pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls, true, 0);
                Spi::check_status(code)?;
                let Some(table) = pg_sys::SPI_tuptable.as_ref() else {
                    return Ok(Vec::new());
                };
                let count = usize::try_from(pg_sys::SPI_processed).unwrap_or(0);
                let mut rows = Vec::with_capacity(count);
                for position in 0..count {
                    check_for_interrupts();
                    rows.push(row(&Row {
                        tuple: *table.vals.add(position),
                        description: table.tupdesc,
                    }));
                }
                Ok(rows)
            }
        })
    }

    fn plan(&self) -> Result<pg_sys::SPIPlanPtr, Refusal> {
        let known = self.plan.get();
        if !known.is_null() {
            return Ok(known);
        }
        let text = CString::new(self.text).map_err(|_| SpiError::InvalidPosition)?;
        let mut types: Vec<pg_sys::Oid> = self.arguments.iter().map(|oid| oid.value()).collect();
        let count = types.len() as i32;
        // SAFETY: an SPI connection is open, and there are as many types as it says; the plan is kept for as long as the session.
        let plan = unsafe {
            let plan = pg_sys::SPI_prepare(text.as_ptr(), count, types.as_mut_ptr());
            if plan.is_null() {
                return Err(Refusal::Query(SpiError::InvalidPosition));
            }
            pg_sys::SPI_keepplan(plan);
            plan
        };
        self.plan.set(plan);
        Ok(plan)
    }
}
