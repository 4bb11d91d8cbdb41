SELECT pg_catalog.count(*), pg_catalog.max(i.created_at) FROM runmeta.inbox AS i
WHERE i.root_id OPERATOR(pg_catalog.=) $1 AND i.run_id OPERATOR(pg_catalog.=) $2
    AND i.id OPERATOR(pg_catalog.>) $4 AND i.run_created_at OPERATOR(pg_catalog.=) $3
