SELECT pg_catalog.count(*), COALESCE(pg_catalog.sum(i.weight), 0)
FROM runmeta.inbox AS i
WHERE i.root_id OPERATOR(pg_catalog.=) $1 AND i.run_id OPERATOR(pg_catalog.=) $2
    AND i.id OPERATOR(pg_catalog.>) $3
