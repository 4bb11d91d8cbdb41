//! Targets as values of the type `runmeta.target`.

use pgrx::enum_helper::{lookup_enum_by_label, lookup_enum_by_oid};
use pgrx::pg_sys;
use runmeta_core::wire::Target;

use crate::refusal::Refusal;

/// Reads a value of the type `runmeta.target`.
///
/// # Errors
///
/// [`Refusal::Null`] if it is NULL.
pub fn read(value: Option<pg_sys::Oid>) -> Result<Target, Refusal> {
    let value = value.ok_or(Refusal::Null { argument: "target" })?;
    Ok(Target::parse(&lookup_enum_by_oid(value).0).unwrap_or(Target::Own))
}

/// Returns the target as a value of the type `runmeta.target`.
pub fn value(target: Target) -> pg_sys::Oid {
    let oid = lookup_enum_by_label("runmeta.target", target.name());
    u32::try_from(oid.value()).map_or(pg_sys::Oid::INVALID, pg_sys::Oid::from)
}
