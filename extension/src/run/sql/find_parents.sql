SELECT p.id, p.root_id, p.depth, t.id IS NULL OR t.finished_at IS NOT NULL FROM runmeta.run AS p
LEFT JOIN LATERAL (
    SELECT t.id, t.finished_at FROM runmeta.run AS t
    WHERE t.root_id OPERATOR(pg_catalog.=) p.root_id AND t.id OPERATOR(pg_catalog.=) p.root_id OFFSET 0
) AS t ON true
WHERE p.id OPERATOR(pg_catalog.=) ANY ($1)
