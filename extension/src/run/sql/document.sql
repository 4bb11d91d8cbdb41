SELECT r.metadata, r.created_at, r.size_bound FROM runmeta.run AS r
WHERE r.root_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) $2
