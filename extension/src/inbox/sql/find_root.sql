SELECT t.root_id, t.id, t.created_at, t.size_bound, t.finished_at, t.version, t.attempt FROM runmeta.run AS r
JOIN runmeta.run AS t ON t.root_id OPERATOR(pg_catalog.=) r.root_id
    AND t.id OPERATOR(pg_catalog.=) r.root_id
WHERE r.id OPERATOR(pg_catalog.=) $1
