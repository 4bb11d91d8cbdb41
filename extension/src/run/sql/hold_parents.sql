-- hold: ANY ($2)
SELECT p.id
FROM runmeta.run AS p WHERE p.id OPERATOR(pg_catalog.=) ANY ($1) -- plain
-- split: FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c (id, root_id)
-- split: JOIN runmeta.run AS p ON p.root_id OPERATOR(pg_catalog.=) c.root_id AND p.id OPERATOR(pg_catalog.=) c.id
-- citus: WHERE p.root_id OPERATOR(pg_catalog.=) ANY ($2)
ORDER BY p.id COLLATE pg_catalog."C"
FOR KEY SHARE
