UPDATE runmeta.run AS r SET attempt = $3, status = $4, metadata = COALESCE($5, r.metadata), version = $6,
    started_at = $7, updated_at = $8, finished_at = NULL, size_bound = COALESCE($9, r.size_bound)
WHERE r.root_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) $2
