UPDATE runmeta.run AS t SET metadata = $3, version = $4, updated_at = $5
WHERE t.root_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2
