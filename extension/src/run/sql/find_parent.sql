SELECT p.root_id, p.depth, t.id IS NULL OR t.finished_at IS NOT NULL FROM runmeta.run AS p
LEFT JOIN runmeta.run AS t ON t.root_id OPERATOR(pg_catalog.=) p.root_id AND t.id OPERATOR(pg_catalog.=) p.root_id
WHERE p.id OPERATOR(pg_catalog.=) $1
-- split: AND p.root_id OPERATOR(pg_catalog.=) $2
