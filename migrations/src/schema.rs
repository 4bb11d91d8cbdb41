//! Whose the schema `runmeta` is.
//!
//! Whoever may create schemas could make this one first and plant functions under
//! our name, to be run by everyone who trusts it.

use tokio_postgres::GenericClient;

use crate::error::{Error, Kind};

/// Tells who owns the schema, and whether the current user may trust that owner. Being a member of the owner is
/// not enough: a superuser is a member of everybody, and up to Postgres 15 anyone may make others a member of himself.
const OWNER: &str = "
    SELECT o.rolname::pg_catalog.text,
        o.rolsuper OR o.rolname OPERATOR(pg_catalog.=) CURRENT_USER,
        n.oid
    FROM pg_catalog.pg_namespace AS n
    JOIN pg_catalog.pg_roles AS o
        ON o.oid OPERATOR(pg_catalog.=) n.nspowner
    WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta'";

/// Lists what is in the schema and belongs to somebody who is neither the current user nor a superuser. What the
/// bootstrap superuser owns has no entry in pg_shdepend and is never listed.
const OBJECTS_OF_OTHERS: &str = "
    SELECT pg_catalog.pg_describe_object(d.classid, d.objid, 0)
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_shdepend AS s
        ON s.classid OPERATOR(pg_catalog.=) d.classid
        AND s.objid OPERATOR(pg_catalog.=) d.objid
        AND s.deptype OPERATOR(pg_catalog.=) 'o'
    JOIN pg_catalog.pg_database AS b
        ON b.oid OPERATOR(pg_catalog.=) s.dbid
    JOIN pg_catalog.pg_roles AS o
        ON o.oid OPERATOR(pg_catalog.=) s.refobjid
    WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
        AND d.refobjid OPERATOR(pg_catalog.=) $1
        AND b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
        AND NOT o.rolsuper
        AND o.rolname OPERATOR(pg_catalog.<>) CURRENT_USER
    ORDER BY 1
    LIMIT 5";

/// Lists what is in the schema, whoever owns it.
const OBJECTS: &str = "
    SELECT pg_catalog.pg_describe_object(d.classid, d.objid, 0)
    FROM pg_catalog.pg_depend AS d
    WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
        AND d.refobjid OPERATOR(pg_catalog.=) $1
        AND d.deptype OPERATOR(pg_catalog.=) 'n'
    ORDER BY 1
    LIMIT 5";

/// Refuses a schema that is not ours: `known` says that the extension or our history is in it.
pub(crate) async fn check(client: &impl GenericClient, known: bool) -> Result<(), Error> {
    let Some(row) = client.query_opt(OWNER, &[]).await? else {
        return Ok(());
    };
    let trusted: bool = row.try_get(1)?;
    if !trusted {
        return Err(Error::new(Kind::SchemaTaken {
            owner: row.try_get(0)?,
        }));
    }
    let schema: u32 = row.try_get(2)?;
    let listing = if known { OBJECTS_OF_OTHERS } else { OBJECTS };
    let objects = client
        .query(listing, &[&schema])
        .await?
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<Vec<String>, _>>()?;
    if objects.is_empty() {
        Ok(())
    } else {
        Err(Error::new(Kind::SchemaOccupied { objects }))
    }
}
