-- hold: $3
SELECT t.root_id, t.id, t.metadata, t.version, t.finished_at, t.created_at, t.size_bound
FROM runmeta.run AS t
WHERE t.id OPERATOR(pg_catalog.=) $1 AND (t.size_bound OPERATOR(pg_catalog.<) $2) IS NOT FALSE
-- split: AND t.root_id OPERATOR(pg_catalog.=) $3
FOR NO KEY UPDATE
