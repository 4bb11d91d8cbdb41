INSERT INTO runmeta.inbox (root_id, run_id, run_created_at, source_id, operations, weight, writer, created_at)
SELECT c.root_id, c.run_id, c.run_created_at, c.source_id, c.operations, c.weight, $7, $8
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),
    pg_catalog.unnest($5), pg_catalog.unnest($6)) AS c (root_id, run_id, run_created_at, source_id, operations, weight)
