UPDATE runmeta.run AS r
SET attempt = c.attempt, status = c.status, metadata = COALESCE(c.metadata, r.metadata), version = c.version,
    started_at = c.started_at, updated_at = $9, finished_at = c.finished_at,
    size_bound = COALESCE(c.size_bound, r.size_bound)
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),
    pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($10))
    AS c (root_id, id, attempt, status, version, started_at, finished_at, metadata, size_bound)
WHERE r.root_id OPERATOR(pg_catalog.=) c.root_id AND r.id OPERATOR(pg_catalog.=) c.id
-- citus: AND r.root_id OPERATOR(pg_catalog.=) ANY ($1)
