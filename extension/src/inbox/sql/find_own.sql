SELECT t.root_id, t.id, t.created_at, t.size_bound, t.finished_at, t.version, t.attempt FROM runmeta.run AS t
WHERE t.id OPERATOR(pg_catalog.=) $1
-- split: AND t.root_id OPERATOR(pg_catalog.=) $2
