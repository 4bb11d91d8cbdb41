SELECT i.id FROM runmeta.inbox AS i
WHERE i.root_id OPERATOR(pg_catalog.=) $1 AND i.run_id OPERATOR(pg_catalog.=) $2
    AND i.id OPERATOR(pg_catalog.>) $3
ORDER BY i.id
