SELECT s.root_id, s.run_id, s.name
FROM runmeta.stream AS s
LEFT JOIN runmeta.run AS r ON r.root_id OPERATOR(pg_catalog.=) s.root_id AND r.id OPERATOR(pg_catalog.=) s.run_id
    AND r.created_at OPERATOR(pg_catalog.=) s.run_created_at
WHERE (s.root_id, s.run_id, s.name) OPERATOR(pg_catalog.>) ($2, $3, $4) AND s.updated_at OPERATOR(pg_catalog.<) $1
    AND (s.closed_at IS NOT NULL OR r.id IS NULL OR r.finished_at OPERATOR(pg_catalog.<) $1)
ORDER BY s.root_id, s.run_id, s.name LIMIT $5
FOR UPDATE OF s SKIP LOCKED -- plain
