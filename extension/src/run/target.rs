//! Whose document is addressed.

use pgrx::enum_helper::{lookup_enum_by_label, lookup_enum_by_oid};
use pgrx::pg_sys;

use crate::refusal::Refusal;

/// A member of a run's family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The run itself.
    Own,
    /// Its parent; itself if it has none.
    Parent,
    /// The first run of its tree.
    Root,
}

impl Target {
    /// Reads a value of the type `runmeta.target`.
    ///
    /// # Errors
    ///
    /// [`Refusal::Null`] if it is NULL.
    pub fn read(value: Option<pg_sys::Oid>) -> Result<Target, Refusal> {
        let value = value.ok_or(Refusal::Null { argument: "target" })?;
        Ok(Target::named(&lookup_enum_by_oid(value).0).unwrap_or(Target::Own))
    }

    /// Returns the target of this name.
    pub fn named(name: &str) -> Option<Target> {
        [Target::Own, Target::Parent, Target::Root]
            .into_iter()
            .find(|target| target.name() == name)
    }

    /// Returns its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Target::Own => "self",
            Target::Parent => "parent",
            Target::Root => "root",
        }
    }

    /// Returns the value of the type `runmeta.target`.
    pub fn value(self) -> pg_sys::Oid {
        let oid = lookup_enum_by_label("runmeta.target", self.name());
        u32::try_from(oid.value()).map_or(pg_sys::Oid::INVALID, pg_sys::Oid::from)
    }
}
