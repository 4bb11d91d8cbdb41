SELECT pg_catalog.count(*) FROM runmeta.inbox AS i
WHERE i.root_id OPERATOR(pg_catalog.=) $1 AND i.run_id OPERATOR(pg_catalog.=) $2
    AND i.id OPERATOR(pg_catalog.>) $3
