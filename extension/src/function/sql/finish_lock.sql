SELECT r.root_id, r.version, r.status, r.finished_at FROM runmeta.run AS r
WHERE r.id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE
