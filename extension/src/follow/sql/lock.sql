SELECT r.root_id, r.id, r.attempt, r.status, r.version, r.finished_at, r.started_at, r.created_at, r.size_bound, r.metadata
FROM runmeta.run AS r
WHERE r.id OPERATOR(pg_catalog.=) ANY ($1)
ORDER BY r.id COLLATE pg_catalog."C"
FOR NO KEY UPDATE
