DELETE FROM runmeta.unapplied AS u
WHERE u.root_id OPERATOR(pg_catalog.=) $1 AND u.run_id OPERATOR(pg_catalog.=) $2
    AND u.position OPERATOR(pg_catalog.<=) $3
