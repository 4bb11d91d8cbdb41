SELECT r.root_id, r.id, r.metadata, r.version, r.finished_at, r.created_at, r.size_bound FROM runmeta.run AS r
WHERE r.id OPERATOR(pg_catalog.=) ANY ($1)
ORDER BY r.id COLLATE pg_catalog."C"
FOR NO KEY UPDATE
