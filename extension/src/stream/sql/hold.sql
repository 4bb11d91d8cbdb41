SELECT r.id, r.created_at, r.attempt, r.finished_at FROM runmeta.run AS r
WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($1) AND r.id OPERATOR(pg_catalog.=) ANY ($2)
ORDER BY r.id COLLATE pg_catalog."C"
FOR KEY SHARE
