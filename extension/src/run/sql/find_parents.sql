SELECT p.id, p.root_id, p.depth, t.id IS NULL OR t.finished_at IS NOT NULL
FROM runmeta.run AS p -- plain
-- split: FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c (id, root_id)
-- split: JOIN runmeta.run AS p ON p.root_id OPERATOR(pg_catalog.=) c.root_id AND p.id OPERATOR(pg_catalog.=) c.id
LEFT JOIN LATERAL (
    SELECT t.id, t.finished_at FROM runmeta.run AS t
    WHERE t.root_id OPERATOR(pg_catalog.=) p.root_id AND t.id OPERATOR(pg_catalog.=) p.root_id OFFSET 0
) AS t ON true
WHERE p.id OPERATOR(pg_catalog.=) ANY ($1) -- plain
