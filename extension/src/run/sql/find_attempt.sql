SELECT r.root_id, r.id, r.attempt, r.status, r.version, r.finished_at FROM runmeta.run AS r
WHERE r.id OPERATOR(pg_catalog.=) $1
-- split: AND r.root_id OPERATOR(pg_catalog.=) $2
