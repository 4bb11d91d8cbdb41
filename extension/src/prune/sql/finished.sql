SELECT r.root_id, pg_catalog.count(*) FROM runmeta.run AS r
WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($1)
GROUP BY r.root_id
HAVING pg_catalog.bool_and(r.finished_at IS NOT NULL AND r.finished_at OPERATOR(pg_catalog.<) $2)
