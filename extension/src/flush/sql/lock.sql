-- hold: ANY ($2)
SELECT r.root_id, r.id, r.metadata, r.version, r.finished_at, r.created_at, r.size_bound
FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) ANY ($1) -- plain
-- split: FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c (id, root_id)
-- split: JOIN runmeta.run AS r ON r.root_id OPERATOR(pg_catalog.=) c.root_id AND r.id OPERATOR(pg_catalog.=) c.id
-- citus: WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($2)
ORDER BY r.id COLLATE pg_catalog."C"
FOR NO KEY UPDATE
