//! The rights of the tables' owner, and what the caller may do himself.
//!
//! Nobody but the owner of the tables has rights on the inbox and the outbox, and rights to write streams: a writer queues and
//! appends through our functions only, and a reader never sees the lists of runs that row-level security hides from him. So statements on them run as their owner, as
//! Postgres' own look-ups for foreign keys do (`ri_triggers.c`). A trigger or an operator that the owner planted there
//! gains nothing by it: it runs as the owner, may not change the role, and may not put off anything to the commit, where
//! it would run with the caller's rights.
//!
//! Where Citus has distributed the tables, writers have those rights themselves on what is distributed.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_int};

use pgrx::pg_sys;
use pgrx::pg_sys::CheckEnableRlsResult::RLS_ENABLED;

use crate::layout;
use crate::refusal::Refusal;

const INBOX: &CStr = c"inbox";
const OUTBOX: &CStr = c"outbox";
const UNAPPLIED: &CStr = c"unapplied";
const STREAM: &CStr = c"stream";
const TRANSITION: &CStr = c"transition";
const CONTRACT: &CStr = c"contract";
const HISTORY: &CStr = c"history";
const TRACKED: &CStr = c"tracked";
const RUN: &CStr = c"run";
const WRITER: &CStr = c"writer";
/// Is there where the layout is split.
pub const RUN_ROOT: &CStr = c"run_root";
/// What a writer changes of a run when it applies operations.
const WRITTEN: [&CStr; 4] = [c"metadata", c"version", c"updated_at", c"size_bound"];

/// The time in which statements run as the owner of a table. Ends when it is dropped, by an error too.
pub struct AsOwner {
    user: pg_sys::Oid,
    context: c_int,
    /// Settings that are changed meanwhile are so until this ends: a search_path of the owner's would have the caller run the
    /// owner's functions.
    settings: c_int,
    seqscan: bool,
    bitmapscan: bool,
}

impl AsOwner {
    /// Becomes the owner of the inbox.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotMigrated`] if there is no such table.
    pub fn of_inbox() -> Result<AsOwner, Refusal> {
        AsOwner::of(INBOX)
    }

    /// Becomes the owner of the outbox.
    ///
    /// # Errors
    ///
    /// As [`of_inbox`](Self::of_inbox).
    pub fn of_outbox() -> Result<AsOwner, Refusal> {
        AsOwner::of(OUTBOX)
    }

    /// Becomes the owner of the table of operations that could not be applied.
    ///
    /// # Errors
    ///
    /// As [`of_inbox`](Self::of_inbox).
    pub fn of_unapplied() -> Result<AsOwner, Refusal> {
        AsOwner::of(UNAPPLIED)
    }

    /// Becomes the owner of the tables of streams.
    ///
    /// # Errors
    ///
    /// As [`of_inbox`](Self::of_inbox).
    pub fn of_streams() -> Result<AsOwner, Refusal> {
        AsOwner::of(STREAM)
    }

    /// Becomes the owner of the table of what happened to jobs.
    ///
    /// # Errors
    ///
    /// As [`of_inbox`](Self::of_inbox).
    pub fn of_transitions() -> Result<AsOwner, Refusal> {
        AsOwner::of(TRANSITION)
    }

    /// Becomes the owner of the table of contracts: they hold for whoever writes.
    ///
    /// # Errors
    ///
    /// As [`of_inbox`](Self::of_inbox).
    pub fn of_contracts() -> Result<AsOwner, Refusal> {
        AsOwner::of(CONTRACT)
    }

    /// Becomes the owner of the histories of numbers.
    ///
    /// # Errors
    ///
    /// As [`of_inbox`](Self::of_inbox).
    pub fn of_history() -> Result<AsOwner, Refusal> {
        AsOwner::of(HISTORY)
    }

    /// Becomes the owner of the table by which the roots of runs are found.
    ///
    /// # Errors
    ///
    /// As [`of_inbox`](Self::of_inbox).
    pub fn of_roots() -> Result<AsOwner, Refusal> {
        AsOwner::of(RUN_ROOT)
    }

    /// Becomes the owner of the table of writers.
    ///
    /// # Errors
    ///
    /// As [`of_inbox`](Self::of_inbox).
    pub fn of_writers() -> Result<AsOwner, Refusal> {
        AsOwner::of(WRITER)
    }

    /// Becomes the owner of the jobs of a queue, and may do no more than that one: the owner may have put anything into what
    /// the jobs are read with, such as the casts of a type.
    ///
    /// Raises the error of Postgres if the current role has not all rights of the owner.
    pub fn of_jobs(jobs: pg_sys::Oid) -> AsOwner {
        // SAFETY: looks up the catalog, for the current user; the error takes a name that Postgres keeps.
        let owner = owner(jobs)
            .filter(|owner| unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), *owner) });
        let Some(owner) = owner else {
            let (denied, kind) = (
                pg_sys::AclResult::ACLCHECK_NOT_OWNER,
                pg_sys::ObjectType::OBJECT_TABLE,
            );
            // SAFETY: as above.
            unsafe { pg_sys::aclcheck_error(denied, kind, pg_sys::get_rel_name(jobs)) };
            unreachable!("aclcheck_error raises");
        };
        AsOwner::begin(owner)
    }

    fn begin(owner: pg_sys::Oid) -> AsOwner {
        let (mut user, mut context) = (pg_sys::Oid::INVALID, 0);
        let restrictions = pg_sys::SECURITY_LOCAL_USERID_CHANGE
            | pg_sys::SECURITY_RESTRICTED_OPERATION
            | pg_sys::SECURITY_NOFORCE_RLS;
        // SAFETY: both functions read and set globals of the backend, which has one thread.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
            pg_sys::SetUserIdAndSecContext(owner, context | restrictions as c_int);
            AsOwner {
                user,
                context,
                settings: pg_sys::NewGUCNestLevel(),
                seqscan: pg_sys::enable_seqscan,
                bitmapscan: pg_sys::enable_bitmapscan,
            }
        }
    }

    fn of(name: &CStr) -> Result<AsOwner, Refusal> {
        let owner = table(name)
            .and_then(owner)
            .ok_or_else(|| Refusal::NotMigrated {
                problem: format!(
                    "relation \"runmeta.{}\" does not exist",
                    name.to_string_lossy()
                ),
            })?;
        // Citus writes as the role of the statement, and lets no other one write to the same parts in the same transaction.
        let is_written_by_callers = [RUN_ROOT, STREAM, HISTORY].contains(&name);
        let role = match is_written_by_callers && layout::is_distributed() {
            true => current_role(),
            false => owner,
        };
        let guard = AsOwner::begin(role);
        // The inbox is empty at one moment and has thousands of rows at the next. A plan that is made while it has one
        // page would read it whole, until the next vacuum.
        // SAFETY: as above.
        unsafe {
            pg_sys::enable_seqscan = false;
            pg_sys::enable_bitmapscan = false;
        }
        Ok(guard)
    }
}

impl Drop for AsOwner {
    fn drop(&mut self) {
        // SAFETY: what was read from there when this began.
        unsafe {
            pg_sys::AtEOXact_GUC(false, self.settings);
            pg_sys::SetUserIdAndSecContext(self.user, self.context);
            pg_sys::enable_seqscan = self.seqscan;
            pg_sys::enable_bitmapscan = self.bitmapscan;
        }
    }
}

/// Returns true if there is a table of what happened to jobs: a library may be newer than the tables.
pub fn has_transitions() -> bool {
    table(TRANSITION).is_some()
}

/// Returns true if the current role may see every run and document whatever the policies: it has the rights of the tables'
/// owner, or those to read all data and no policies apply.
pub fn may_see_everything() -> bool {
    let has = |role: pg_sys::Oid| {
        // SAFETY: looks up the catalog, for the current user.
        unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), role) }
    };
    tables_owner().is_some_and(has)
        || (has(pg_sys::Oid::from(pg_sys::ROLE_PG_READ_ALL_DATA)) && !sees_some_runs_only())
}

/// Returns the role that owns the table of runs. `None` if there is no such table.
pub fn tables_owner() -> Option<pg_sys::Oid> {
    table(RUN).and_then(owner)
}

/// Returns the table of runs, and an invalid number if there is none.
pub fn run_table() -> pg_sys::Oid {
    table(RUN).unwrap_or(pg_sys::Oid::INVALID)
}

/// Returns the table of the numbers that are tracked, and an invalid number if there is none.
pub fn tracked_table() -> pg_sys::Oid {
    table(TRACKED).unwrap_or(pg_sys::Oid::INVALID)
}

/// Returns the table of what happened to jobs, and an invalid number if there is none.
pub fn transition_table() -> pg_sys::Oid {
    table(TRANSITION).unwrap_or(pg_sys::Oid::INVALID)
}

/// Returns true if the current role may fill a column of a new row.
pub fn may_insert(table: pg_sys::Oid, column: &CStr) -> bool {
    may(table, pg_sys::ACL_INSERT) || may_column(table, column, pg_sys::ACL_INSERT)
}

/// Returns true if the current role may write documents of any run, and the worker too: it has the rights, and no policy
/// decides. What it queues is folded by somebody else, who cannot ask the policies in its name. The worker is the tables'
/// owner, to whom policies apply after `FORCE ROW LEVEL SECURITY`.
pub fn may_write_any_run() -> bool {
    let Some(run) = table(RUN) else {
        return false;
    };
    !policies_apply(run)
        && owner(run).is_some_and(|owner| !policies_apply_to(run, owner))
        && may_write(run)
}

/// Returns true if the role with this name may write any run by itself. False if there is none any more.
pub fn role_may_write_any_run(name: &str) -> bool {
    let Ok(name) = CString::new(name) else {
        return false;
    };
    // SAFETY: looks up the catalog.
    let role = unsafe { pg_sys::get_role_oid(name.as_ptr(), true) };
    let columns = |run| {
        WRITTEN
            .iter()
            .all(|column| role_may_column(role, run, column, pg_sys::ACL_UPDATE))
    };
    role != pg_sys::Oid::INVALID
        && table(RUN).is_some_and(|run| {
            !policies_apply_to(run, role)
                && (role_may(role, run, pg_sys::ACL_UPDATE) || columns(run))
        })
}

/// Raises the error of Postgres if the current role has no rights to write documents of runs, whatever the policies.
pub fn check_may_write() {
    if table(RUN).is_some_and(|run| !may_write(run)) {
        let (denied, kind) = (
            pg_sys::AclResult::ACLCHECK_NO_PRIV,
            pg_sys::ObjectType::OBJECT_TABLE,
        );
        // SAFETY: raises an error with the name, which lives as long as the library.
        unsafe { pg_sys::aclcheck_error(denied, kind, RUN.as_ptr()) };
    }
}

fn may_write(run: pg_sys::Oid) -> bool {
    may(run, pg_sys::ACL_UPDATE)
        || WRITTEN
            .iter()
            .all(|column| may_column(run, column, pg_sys::ACL_UPDATE))
}

/// Returns true if the current role may read a column of runs.
pub fn may_read(column: &CStr) -> bool {
    table(RUN).is_some_and(|run| {
        may(run, pg_sys::ACL_SELECT) || may_column(run, column, pg_sys::ACL_SELECT)
    })
}

/// Returns true if row-level security decides which runs the current role sees.
pub fn sees_some_runs_only() -> bool {
    table(RUN).is_none_or(policies_apply)
}

fn policies_apply(run: pg_sys::Oid) -> bool {
    // Stands for the current role.
    policies_apply_to(run, pg_sys::Oid::INVALID)
}

fn policies_apply_to(run: pg_sys::Oid, role: pg_sys::Oid) -> bool {
    // SAFETY: looks up the catalog.
    unsafe { pg_sys::check_enable_rls(run, role, true) == RLS_ENABLED as c_int }
}

fn may(relation: pg_sys::Oid, privilege: u32) -> bool {
    role_may(current_role(), relation, privilege)
}

fn may_column(relation: pg_sys::Oid, column: &CStr, privilege: u32) -> bool {
    role_may_column(current_role(), relation, column, privilege)
}

fn current_role() -> pg_sys::Oid {
    // SAFETY: a variable of the backend.
    unsafe { pg_sys::GetUserId() }
}

fn role_may(role: pg_sys::Oid, relation: pg_sys::Oid, privilege: u32) -> bool {
    // SAFETY: looks up the catalog.
    unsafe {
        pg_sys::pg_class_aclcheck(relation, role, privilege as pg_sys::AclMode)
            == pg_sys::AclResult::ACLCHECK_OK
    }
}

fn role_may_column(
    role: pg_sys::Oid,
    relation: pg_sys::Oid,
    column: &CStr,
    privilege: u32,
) -> bool {
    // SAFETY: looks up the catalog; a column that is not there has number 0, which nobody has rights on.
    unsafe {
        let number = pg_sys::get_attnum(relation, column.as_ptr());
        number > 0
            && pg_sys::pg_attribute_aclcheck(relation, number, role, privilege as pg_sys::AclMode)
                == pg_sys::AclResult::ACLCHECK_OK
    }
}

/// Returns our schema, and an invalid number if there is none.
pub fn schema() -> pg_sys::Oid {
    // SAFETY: looks up the catalog.
    unsafe { pg_sys::get_namespace_oid(c"runmeta".as_ptr(), true) }
}

/// Returns true if there is a table by which the roots of runs are found.
pub fn has_roots() -> bool {
    table(RUN_ROOT).is_some()
}

/// Returns true if there is a table of this name beside the catalogs of Postgres, where Citus has its own.
pub fn has_catalog(name: &CStr) -> bool {
    // SAFETY: looks up the catalog.
    let oid = unsafe {
        pg_sys::get_relname_relid(
            name.as_ptr(),
            pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE),
        )
    };
    oid != pg_sys::Oid::INVALID
}

/// Returns a table of ours.
fn table(name: &CStr) -> Option<pg_sys::Oid> {
    // SAFETY: looks up the catalog.
    let oid = unsafe { pg_sys::get_relname_relid(name.as_ptr(), schema()) };
    (oid != pg_sys::Oid::INVALID).then_some(oid)
}

/// Returns the file in which the inbox is: another one after it was truncated or made anew.
pub fn inbox_file() -> Option<u32> {
    let file = |row: &pg_sys::FormData_pg_class| row.relfilenode.to_u32();
    table(INBOX).and_then(|table| look_up(table, file))
}

/// Returns true if the table of runs has triggers, or had some lately. On a distributed table there are none but one of Citus,
/// for TRUNCATE.
pub fn runs_have_triggers() -> bool {
    let has_triggers = table(RUN).and_then(|run| look_up(run, |row| row.relhastriggers));
    has_triggers.unwrap_or(false) && !layout::is_distributed()
}

/// Returns true if a table is a partition of another one.
pub fn is_partition(table: pg_sys::Oid) -> bool {
    look_up(table, |row| row.relispartition).unwrap_or(false)
}

fn owner(table: pg_sys::Oid) -> Option<pg_sys::Oid> {
    look_up(table, |row| row.relowner)
}

fn look_up<T>(table: pg_sys::Oid, of: impl FnOnce(&pg_sys::FormData_pg_class) -> T) -> Option<T> {
    // SAFETY: the row of the catalog is read before it is released.
    unsafe {
        let row = pg_sys::SearchSysCache1(
            pg_sys::SysCacheIdentifier::RELOID as c_int,
            pg_sys::Datum::from(table),
        );
        if row.is_null() {
            return None;
        }
        let found = of(&*pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_class>(row));
        pg_sys::ReleaseSysCache(row);
        Some(found)
    }
}
