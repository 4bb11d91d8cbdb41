UPDATE runmeta.run AS t SET metadata = COALESCE($3, t.metadata), version = $4, updated_at = $5,
    size_bound = COALESCE($6, t.size_bound)
WHERE t.root_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2
