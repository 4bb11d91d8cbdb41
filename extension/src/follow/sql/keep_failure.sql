INSERT INTO runmeta.adapter_failure (adapter, role, operation, jobs, sqlstate, message)
SELECT $1, $6, 'follow', ARRAY(SELECT pg_catalog."left"(j.id, 256) FROM pg_catalog.unnest($2) AS j (id)), $3, pg_catalog."left"($4, 1000)
-- Once for a status that is not known, which a job may have each time.
WHERE NOT ($5 AND EXISTS (SELECT FROM runmeta.adapter_failure AS f
    WHERE f.adapter OPERATOR(pg_catalog.=) $1 AND f.sqlstate OPERATOR(pg_catalog.=) $3 AND f.message OPERATOR(pg_catalog.=) $4))
