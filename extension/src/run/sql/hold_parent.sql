-- citus: WITH held AS (UPDATE runmeta.stream AS h SET updated_at = h.updated_at WHERE h.root_id OPERATOR(pg_catalog.=) $1 AND h.run_id OPERATOR(pg_catalog.=) '')
SELECT FROM runmeta.run AS p
WHERE p.root_id OPERATOR(pg_catalog.=) $1 AND p.id OPERATOR(pg_catalog.=) $2 FOR KEY SHARE
