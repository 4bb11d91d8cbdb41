UPDATE runmeta.run AS r SET status = $3, version = $4, updated_at = $5, finished_at = $5
WHERE r.root_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) $2
