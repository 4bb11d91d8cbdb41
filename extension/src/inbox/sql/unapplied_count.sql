SELECT pg_catalog.max(u.position) FROM runmeta.unapplied AS u
WHERE u.root_id OPERATOR(pg_catalog.=) $1 AND u.run_id OPERATOR(pg_catalog.=) $2
