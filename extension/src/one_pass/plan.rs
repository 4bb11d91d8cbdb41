//! The plan of a statement that has to take its rows by index, and so in a known order.
//!
//! `UPDATE` knows no `ORDER BY`. Where `id = ANY ($1)` is answered by an index scan, rows come in the order of the index.
//! To the planner a sequential or a bitmap scan may look cheaper: for a small table, or with statistics that are out of
//! date. So the statement is planned while these are switched off, once for all arguments, and again where Postgres has
//! dropped the plan. It is run under the session's own settings, which triggers and policies see.
//!
//! Neither pgrx nor SQL has a way to plan a statement without running it, hence the unsafe code.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char};
use std::ptr;

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::{self, PgBuiltInOids};
use pgrx::spi::{Spi, SpiClient, SpiError, SpiErrorCodes};

use crate::layout;
use crate::refusal::Refusal;
use crate::statement::{Shape, Statement, in_shape, migrated};

/// A statement and, once it was run, its plan, which the session keeps. Lives in a thread-local of the module that runs it.
pub struct ByIndex {
    text: &'static str,
    is_split: bool,
    arguments: &'static [PgBuiltInOids],
    plan: Cell<pg_sys::SPIPlanPtr>,
    /// Where Citus has distributed the tables, it plans each execution, and so do the servers that have the rows.
    distributed: Statement,
}

/// Settings under which it is planned. Without the joins that read a table whole, rows of a join come by index too. Compiling
/// a plan would take longer than all of its work.
const PLANNING: [(&CStr, &CStr); 6] = [
    (c"enable_indexscan", c"on"),
    (c"enable_seqscan", c"off"),
    (c"enable_bitmapscan", c"off"),
    (c"enable_hashjoin", c"off"),
    (c"enable_mergejoin", c"off"),
    (c"jit", c"off"),
];

/// The time in which statements that only read are planned, and run, as those above are planned. Ends when it is dropped, by
/// an error too.
///
/// A plan that is made while the table has one page would read it whole until the next vacuum, and compare each row with each
/// id of an array: 100,000 runs that start in one transaction took minutes.
pub struct ReadingByIndex {
    settings: [bool; 5],
}

impl ReadingByIndex {
    /// Begins.
    pub fn begin() -> ReadingByIndex {
        // SAFETY: globals of the backend, which has one thread.
        unsafe {
            let settings = [
                pg_sys::enable_indexscan,
                pg_sys::enable_seqscan,
                pg_sys::enable_bitmapscan,
                pg_sys::enable_hashjoin,
                pg_sys::enable_mergejoin,
            ];
            ReadingByIndex::set([true, false, false, false, false]);
            ReadingByIndex { settings }
        }
    }

    /// Sets the settings.
    ///
    /// # Safety
    ///
    /// The backend has one thread.
    unsafe fn set(settings: [bool; 5]) {
        // SAFETY: the caller's contract.
        unsafe {
            [
                pg_sys::enable_indexscan,
                pg_sys::enable_seqscan,
                pg_sys::enable_bitmapscan,
                pg_sys::enable_hashjoin,
                pg_sys::enable_mergejoin,
            ] = settings;
        }
    }
}

impl Drop for ReadingByIndex {
    fn drop(&mut self) {
        // SAFETY: what was read from there when this began.
        unsafe { ReadingByIndex::set(self.settings) }
    }
}

/// Returns false where the session wants each execution planned anew, out of our hands.
pub fn is_possible() -> bool {
    // SAFETY: a global of the backend, which has one thread.
    unsafe {
        pg_sys::plan_cache_mode as u32 != pg_sys::PlanCacheMode::PLAN_CACHE_MODE_FORCE_CUSTOM_PLAN
    }
}

impl ByIndex {
    /// Describes a statement with arguments of these types.
    pub const fn new(text: &'static str, arguments: &'static [PgBuiltInOids]) -> Self {
        ByIndex {
            text,
            is_split: false,
            arguments,
            plan: Cell::new(ptr::null_mut()),
            distributed: Statement::split(text, arguments),
        }
    }

    /// Describes a statement in the [shape](crate::statement) for the split layout.
    pub const fn split(text: &'static str, arguments: &'static [PgBuiltInOids]) -> Self {
        ByIndex {
            text,
            is_split: true,
            arguments,
            plan: Cell::new(ptr::null_mut()),
            distributed: Statement::split(text, arguments),
        }
    }

    /// Runs the statement and returns how many rows it stored. None of the arguments may be NULL.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotMigrated`] if the tables are not there. Errors of Postgres are raised.
    pub fn run(
        &self,
        client: &mut SpiClient<'_>,
        arguments: &[DatumWithOid<'_>],
    ) -> Result<usize, Refusal> {
        if layout::is_distributed() {
            return Ok(self.distributed.run(client, arguments)?.len());
        }
        if self.plan.get().is_null() {
            self.plan.set(migrated(|| self.prepare())?);
        }
        let plan = self.plan.get();
        let values = arguments.iter().filter_map(DatumWithOid::datum);
        let mut values: Vec<pg_sys::Datum> = values.map(|value| value.sans_lifetime()).collect();
        if values.len() != self.arguments.len() {
            return Err(Refusal::Query(
                SpiError::PreparedStatementArgumentMismatch {
                    expected: self.arguments.len(),
                    got: values.len(),
                },
            ));
        }
        // SAFETY: the client is connected, the plan is kept, and there are as many values as it has arguments.
        let status = unsafe {
            make(plan);
            pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), ptr::null(), false, 0)
        };
        Spi::check_status(status)?;
        // SAFETY: a global of the backend, which has one thread.
        Ok(usize::try_from(unsafe { pg_sys::SPI_processed }).unwrap_or(usize::MAX))
    }

    fn prepare(&self) -> Result<pg_sys::SPIPlanPtr, Refusal> {
        let shape = match self.is_split {
            true => Shape::Split,
            false => Shape::Plain,
        };
        let text = in_shape(self.text, shape);
        let text =
            CString::new(&*text).map_err(|_| Refusal::Query(SpiErrorCodes::Argument.into()))?;
        let mut types: Vec<pg_sys::Oid> = self.arguments.iter().map(|oid| oid.value()).collect();
        let (count, options) = (types.len() as i32, pg_sys::CURSOR_OPT_GENERIC_PLAN as i32);
        // SAFETY: as many types as it says, which Postgres copies like the text; a plan that was made can be kept.
        unsafe {
            let plan =
                pg_sys::SPI_prepare_cursor(text.as_ptr(), count, types.as_mut_ptr(), options);
            if plan.is_null() || pg_sys::SPI_keepplan(plan) != 0 {
                return Err(Refusal::Query(SpiErrorCodes::Argument.into()));
            }
            Ok(plan)
        }
    }
}

/// Makes the plan by which the statement is run next, unless there is one that holds.
///
/// # Safety
///
/// SPI is connected and the plan is a kept one.
unsafe fn make(plan: pg_sys::SPIPlanPtr) {
    // SAFETY: the settings exist and take these values. Should planning raise an error, the end of the (sub)transaction
    // puts them back. What is returned is held until it is released here.
    unsafe {
        let level = pg_sys::NewGUCNestLevel();
        for (name, value) in PLANNING {
            set(name.as_ptr(), value.as_ptr());
        }
        let made = pg_sys::SPI_plan_get_cached_plan(plan);
        pg_sys::AtEOXact_GUC(true, level);
        if !made.is_null() {
            pg_sys::ReleaseCachedPlan(made, pg_sys::CurrentResourceOwner);
        }
    }
}

/// Sets a setting until the level at which it is set ends.
///
/// # Safety
///
/// Both are texts that end with a zero byte.
unsafe fn set(name: *const c_char, value: *const c_char) {
    // SAFETY: as the caller says.
    unsafe {
        pg_sys::set_config_option(
            name,
            value,
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}
