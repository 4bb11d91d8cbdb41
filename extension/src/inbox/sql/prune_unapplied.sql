DELETE FROM runmeta.unapplied AS u WHERE u.root_id OPERATOR(pg_catalog.=) ANY ($1)
