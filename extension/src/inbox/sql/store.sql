UPDATE runmeta.run AS r
SET metadata = COALESCE(c.metadata, r.metadata), version = c.version,
    size_bound = COALESCE(c.size_bound, r.size_bound), updated_at = $6
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),
    pg_catalog.unnest($5)) AS c (root_id, id, metadata, version, size_bound)
WHERE r.root_id OPERATOR(pg_catalog.=) c.root_id AND r.id OPERATOR(pg_catalog.=) c.id
