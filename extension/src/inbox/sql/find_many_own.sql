SELECT t.root_id, t.id, t.created_at, t.size_bound, t.finished_at, t.version, t.attempt, c.position
FROM pg_catalog.unnest($1) WITH ORDINALITY AS c (id, position) -- plain
-- split: FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) WITH ORDINALITY AS c (id, root_id, position)
JOIN runmeta.run AS t ON t.id OPERATOR(pg_catalog.=) c.id COLLATE pg_catalog."C"
-- split: AND t.root_id OPERATOR(pg_catalog.=) c.root_id COLLATE pg_catalog."C"
