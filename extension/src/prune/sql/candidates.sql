SELECT r.root_id, r.finished_at FROM runmeta.run AS r
WHERE r.parent_id IS NULL AND r.finished_at OPERATOR(pg_catalog.<) $1
    AND (r.finished_at, r.root_id) OPERATOR(pg_catalog.>) ($2, $3)
ORDER BY r.finished_at, r.root_id LIMIT $4
