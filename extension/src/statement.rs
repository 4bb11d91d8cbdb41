//! SQL that the functions run, planned once per session.
//!
//! Every name in it is qualified, operators too, so that the caller's search_path decides nothing. It runs with
//! the caller's rights: grants and row-level security hold as for anyone's SQL.
//!
//! A statement may have a shape of its own where the [layout](crate::layout) is split. Both are in one file: a line that ends with
//! `-- plain` is for the plain layout alone, and one that begins with `-- split: ` for the other. One that begins with `-- citus: ` is
//! for that too, where Citus has distributed the tables. There, one that begins with `-- hold: ` keeps shards from moving, of the roots
//! that are written behind it: a statement that locks begins with it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::c_int;
use std::rc::Rc;

use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiClient, SpiCursor, SpiTupleTable};
use pgrx::{PgBuiltInOids, PgOid};

use crate::layout::{self, Access};
use crate::one_pass::plan::ReadingByIndex;
use crate::refusal::Refusal;

/// A statement and, once it was run, its plan. Lives in a thread-local of the module that runs it.
pub struct Statement {
    text: &'static str,
    is_split: bool,
    arguments: &'static [PgBuiltInOids],
    plan: RefCell<Option<Plan>>,
}

/// A plan, whether it is for tables that Citus has distributed, and what it does.
#[derive(Clone)]
struct Plan {
    is_distributed: bool,
    access: Access,
    plan: Rc<OwnedPreparedStatement>,
}

impl Statement {
    /// Describes a statement with arguments of these types.
    pub const fn new(text: &'static str, arguments: &'static [PgBuiltInOids]) -> Self {
        Statement {
            text,
            is_split: false,
            arguments,
            plan: RefCell::new(None),
        }
    }

    /// Describes a statement in the shape for the split layout.
    pub const fn split(text: &'static str, arguments: &'static [PgBuiltInOids]) -> Self {
        Statement {
            text,
            is_split: true,
            arguments,
            plan: RefCell::new(None),
        }
    }

    /// Runs the statement.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotMigrated`] if the tables are not there. Errors of Postgres are raised.
    pub fn run<'conn>(
        &self,
        client: &mut SpiClient<'conn>,
        arguments: &[DatumWithOid<'_>],
    ) -> Result<SpiTupleTable<'conn>, Refusal> {
        let plan = self.plan(client)?;
        let _settings = Settings::begin(layout::is_distributed());
        // The plan was prepared as one that may write, so `select` runs it as such. `update` would take a
        // transaction id first, which a standby refuses as an internal error instead of SQLSTATE 25006.
        Ok(client.select(&*plan, None, arguments)?)
    }

    /// Runs a statement that only reads, or locks what it reads, and takes its rows by index.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn read_by_index<'conn>(
        &self,
        client: &mut SpiClient<'conn>,
        arguments: &[DatumWithOid<'_>],
    ) -> Result<SpiTupleTable<'conn>, Refusal> {
        let _planning = ReadingByIndex::begin();
        self.run(client, arguments)
    }

    /// Opens a cursor for a statement whose rows are read in parts.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn open<'conn>(
        &self,
        client: &mut SpiClient<'conn>,
        arguments: &[DatumWithOid<'_>],
    ) -> Result<SpiCursor<'conn>, Refusal> {
        let plan = self.plan(client)?;
        let _settings = Settings::begin(layout::is_distributed());
        Ok(client.try_open_cursor(&*plan, arguments)?)
    }

    /// Runs a statement that stores this many rows.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and [`Refusal::NotStored`] if a trigger left one out.
    pub fn store(
        &self,
        client: &mut SpiClient<'_>,
        arguments: &[DatumWithOid<'_>],
        rows: usize,
    ) -> Result<(), Refusal> {
        match self.run(client, arguments)?.len() == rows {
            true => Ok(()),
            false => Err(Refusal::NotStored),
        }
    }

    fn plan(&self, client: &SpiClient<'_>) -> Result<Rc<OwnedPreparedStatement>, Refusal> {
        let is_distributed = layout::is_distributed();
        layout::send_lock_timeout()?;
        // No borrow is held while the statement runs: a trigger may come back to it.
        let planned = self.plan.borrow().clone();
        let plan = match planned {
            Some(known) if known.is_distributed == is_distributed => known,
            _ => {
                let plan = self.prepare(client, is_distributed)?;
                self.plan.replace(Some(plan.clone()));
                plan
            }
        };
        if is_distributed {
            layout::before(plan.access, client)?;
        }
        Ok(plan.plan)
    }

    fn prepare(&self, client: &SpiClient<'_>, is_distributed: bool) -> Result<Plan, Refusal> {
        let types: Vec<PgOid> = self
            .arguments
            .iter()
            .map(|oid| PgOid::BuiltIn(*oid))
            .collect();
        let shape = match (is_distributed, self.is_split) {
            (true, _) => Shape::Distributed,
            (false, true) => Shape::Split,
            (false, false) => Shape::Plain,
        };
        let text = in_shape(self.text, shape);
        let plan = migrated(|| Ok(client.prepare_mut(&*text, &types)?.keep()))?;
        Ok(Plan {
            is_distributed,
            access: access(self.text),
            plan: Rc::new(plan),
        })
    }
}

/// Returns what one of our statements does. To [hold](hold) a shard is to lock.
fn access(text: &str) -> Access {
    let has = |words: &[&str]| words.iter().any(|words| text.contains(words));
    if has(&["INSERT INTO ", "UPDATE runmeta.", "DELETE FROM "]) {
        Access::Write
    } else if has(&[
        "FOR UPDATE",
        "FOR NO KEY UPDATE",
        "FOR SHARE",
        "FOR KEY SHARE",
        HOLD,
    ]) {
        Access::Lock
    } else {
        Access::Read
    }
}

const PLAIN: &str = "-- plain";
const SPLIT: &str = "-- split: ";
const CITUS: &str = "-- citus: ";
const HOLD: &str = "-- hold: ";

/// Returns a write that finds no row, with which a statement begins. Citus moves no shard until a transaction has ended that wrote
/// there, but does where it has only locked rows. Whoever may lock a run may write this table, and no policy of runs applies to it.
fn hold(roots: &str) -> String {
    format!(
        "WITH held AS (UPDATE runmeta.stream AS h SET updated_at = h.updated_at \
         WHERE h.root_id OPERATOR(pg_catalog.=) {roots} AND h.run_id OPERATOR(pg_catalog.=) '')"
    )
}

/// The layout that a text is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Also for a text that is the same in both.
    Plain,
    /// Runs are found by their roots.
    Split,
    /// And Citus has distributed the tables.
    Distributed,
}

/// Returns a text without the lines that are for the other layouts.
pub fn in_shape(text: &'static str, shape: Shape) -> Cow<'static, str> {
    if ![PLAIN, SPLIT, CITUS, HOLD]
        .iter()
        .any(|mark| text.contains(mark))
    {
        return text.into();
    }
    let line = |line: &'static str| -> Option<Cow<'static, str>> {
        if let Some(plain) = line.strip_suffix(PLAIN) {
            return (shape == Shape::Plain).then(|| plain.trim_end().into());
        }
        if let Some(split) = line.strip_prefix(SPLIT) {
            return (shape != Shape::Plain).then_some(split.into());
        }
        if let Some(roots) = line.strip_prefix(HOLD) {
            return (shape == Shape::Distributed).then(|| hold(roots).into());
        }
        match line.strip_prefix(CITUS) {
            Some(citus) => (shape == Shape::Distributed).then_some(citus.into()),
            None => Some(line.into()),
        }
    };
    let lines: Vec<Cow<'static, str>> = text.lines().filter_map(line).collect();
    lines.join("\n").into()
}

/// The time in which a statement runs under settings of our own. Ends when it is dropped, by an error too.
///
/// No plan is compiled: a table that is read whole where the setting allows none counts as so expensive that Postgres compiles, and the
/// first write of a job took 80 ms instead of 4. Nothing that we run is worth it.
///
/// Citus writes the arguments as text into statements for the nodes, which have settings of their own. So they are written as the
/// nodes read them by default: a time that the session shows as `11/27/2026 12:00:00 IST` was read as that of another zone. And
/// it plans only with the arguments.
pub struct Settings {
    jit: bool,
    text: Option<TextSettings>,
}

struct TextSettings {
    date_style: c_int,
    date_order: c_int,
    standard_conforming_strings: bool,
    plan_cache_mode: c_int,
}

impl Settings {
    /// Begins.
    #[allow(unsafe_code)]
    pub fn begin(is_distributed: bool) -> Settings {
        // SAFETY: globals of the backend, which has one thread.
        unsafe {
            let jit = pg_sys::jit_enabled;
            pg_sys::jit_enabled = false;
            let mut text = None;
            if is_distributed {
                text = Some(TextSettings {
                    date_style: pg_sys::DateStyle,
                    date_order: pg_sys::DateOrder,
                    standard_conforming_strings: pg_sys::standard_conforming_strings,
                    plan_cache_mode: pg_sys::plan_cache_mode,
                });
                pg_sys::DateStyle = pg_sys::USE_ISO_DATES as c_int;
                pg_sys::DateOrder = pg_sys::DATEORDER_YMD as c_int;
                pg_sys::standard_conforming_strings = true;
                pg_sys::plan_cache_mode = pg_sys::PlanCacheMode::PLAN_CACHE_MODE_AUTO as c_int;
            }
            Settings { jit, text }
        }
    }
}

impl Drop for Settings {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: what was read from there when this began.
        unsafe {
            pg_sys::jit_enabled = self.jit;
            if let Some(text) = &self.text {
                pg_sys::DateStyle = text.date_style;
                pg_sys::DateOrder = text.date_order;
                pg_sys::standard_conforming_strings = text.standard_conforming_strings;
                pg_sys::plan_cache_mode = text.plan_cache_mode;
            }
        }
    }
}

/// Prepares a statement on our tables.
///
/// # Errors
///
/// [`Refusal::NotMigrated`] if they are not there, and those of `prepare`.
pub fn migrated<T>(prepare: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    PgTryBuilder::new(std::panic::AssertUnwindSafe(prepare))
        .catch_when(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, |error| {
            let problem = match &error {
                pgrx::pg_sys::panic::CaughtError::PostgresError(report) => {
                    report.message().to_owned()
                }
                _ => "tables of runmeta are missing".to_owned(),
            };
            Err(Refusal::NotMigrated { problem })
        })
        .execute()
}
