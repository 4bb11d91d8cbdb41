SELECT r.metadata
FROM runmeta.live_run AS r
WHERE r.root_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) $2
