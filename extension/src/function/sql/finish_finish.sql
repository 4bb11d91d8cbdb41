UPDATE runmeta.run AS r SET status = $3, version = $4, finished_at = t.now, updated_at = t.now
FROM (SELECT pg_catalog.clock_timestamp() AS now) AS t
WHERE r.root_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) $2
