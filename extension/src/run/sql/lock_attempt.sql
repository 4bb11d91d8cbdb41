-- hold: $1
SELECT r.root_id, r.id, r.attempt, r.status, r.version, r.finished_at FROM runmeta.run AS r
WHERE r.root_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) $2 FOR NO KEY UPDATE
