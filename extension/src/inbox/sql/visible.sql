SELECT FROM runmeta.run AS r
WHERE r.root_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) $2
    AND r.created_at OPERATOR(pg_catalog.=) $3
