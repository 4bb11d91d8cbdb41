-- hold: ANY ($1)
SELECT r.id, r.created_at, r.attempt, r.finished_at
FROM runmeta.run AS r WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($1) AND r.id OPERATOR(pg_catalog.=) ANY ($2) -- plain
-- split: FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c (root_id, id)
-- split: JOIN runmeta.run AS r ON r.root_id OPERATOR(pg_catalog.=) c.root_id AND r.id OPERATOR(pg_catalog.=) c.id
-- citus: WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($1)
ORDER BY r.id COLLATE pg_catalog."C"
FOR KEY SHARE
