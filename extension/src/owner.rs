//! The rights of the tables' owner, for statements on tables that nobody else has rights on.
//!
//! Postgres checks foreign keys in the same way (`ri_triggers.c`): nobody who may write runs needs rights on the inbox, and a
//! trigger or an operator that the owner put there gains nothing that the owner does not have.

#![allow(unsafe_code)]

use pgrx::pg_sys;

use crate::refusal::Refusal;

/// The rights of the tables' owner, until this is dropped. When an error ends the transaction, Postgres takes them back.
pub struct Rights {
    user: pg_sys::Oid,
    context: i32,
}

/// Takes the rights of the tables' owner.
///
/// # Errors
///
/// [`Refusal::NotMigrated`] if the tables are not there.
pub fn rights() -> Result<Rights, Refusal> {
    let owner = tables_owner().ok_or_else(|| Refusal::NotMigrated {
        problem: "table \"runmeta.run\" is missing".to_owned(),
    })?;
    let (mut user, mut context) = (pg_sys::InvalidOid, 0);
    let owners = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_NOFORCE_RLS;
    // SAFETY: both are variables of the backend. The owner is a role: a role that owns something cannot be dropped.
    unsafe {
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        pg_sys::SetUserIdAndSecContext(owner, context | owners.cast_signed());
    }
    Ok(Rights { user, context })
}

impl Drop for Rights {
    fn drop(&mut self) {
        // SAFETY: as they were before.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.context) };
    }
}

/// Returns the role that owns the tables.
pub fn tables_owner() -> Option<pg_sys::Oid> {
    // SAFETY: look-ups in the catalog, in a transaction. The relation is closed before its row is let go.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"runmeta".as_ptr(), true);
        let table = pg_sys::get_relname_relid(c"run".as_ptr(), schema);
        if schema == pg_sys::InvalidOid || table == pg_sys::InvalidOid {
            return None;
        }
        let relation = pg_sys::RelationIdGetRelation(table);
        if relation.is_null() {
            return None;
        }
        let owner = (*(*relation).rd_rel).relowner;
        pg_sys::RelationClose(relation);
        Some(owner)
    }
}
