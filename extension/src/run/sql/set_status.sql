UPDATE runmeta.run AS r SET status = $3, version = $4, updated_at = $5, started_at = COALESCE(r.started_at, $6)
WHERE r.root_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) $2
