UPDATE runmeta.stream AS s
SET tail = s.tail OPERATOR(pg_catalog.||) $5, chunks = s.chunks OPERATOR(pg_catalog.+) $6, updated_at = $8
WHERE s.root_id OPERATOR(pg_catalog.=) $1 AND s.run_id OPERATOR(pg_catalog.=) $2 AND s.name OPERATOR(pg_catalog.=) $3
    AND s.run_created_at OPERATOR(pg_catalog.=) $4 AND s.closed_at IS NULL
    AND pg_catalog.pg_column_size(s.tail) OPERATOR(pg_catalog.<=) $7
RETURNING s.chunks
