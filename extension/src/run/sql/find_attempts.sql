SELECT r.root_id, r.id, r.attempt, r.status, r.version, r.finished_at FROM runmeta.run AS r
WHERE r.id OPERATOR(pg_catalog.=) ANY ($1)
