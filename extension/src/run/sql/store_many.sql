UPDATE runmeta.run AS r
SET metadata = COALESCE(c.metadata, r.metadata), version = c.version, updated_at = $5,
    size_bound = COALESCE(c.size_bound, r.size_bound)
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),
    pg_catalog.unnest($6)) AS c (root_id, id, metadata, version, size_bound)
WHERE r.root_id OPERATOR(pg_catalog.=) c.root_id AND r.id OPERATOR(pg_catalog.=) c.id
-- citus: AND r.root_id OPERATOR(pg_catalog.=) ANY ($1)
