UPDATE runmeta.stream AS s
SET chunks = c.chunks, tail = COALESCE(c.tail, s.tail), attempt = c.attempt, closed_at = c.closed_at, error = c.error,
    run_created_at = c.run_created_at, updated_at = $10,
    created_at = CASE WHEN s.run_created_at OPERATOR(pg_catalog.=) c.run_created_at THEN s.created_at ELSE $10 END
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),
    pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9))
    AS c (root_id, run_id, name, run_created_at, chunks, tail, attempt, closed_at, error)
WHERE s.root_id OPERATOR(pg_catalog.=) c.root_id AND s.run_id OPERATOR(pg_catalog.=) c.run_id
    AND s.name OPERATOR(pg_catalog.=) c.name
-- citus:     AND s.root_id OPERATOR(pg_catalog.=) ANY ($1)
