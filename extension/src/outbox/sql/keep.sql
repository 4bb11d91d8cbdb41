INSERT INTO runmeta.outbox (root_id, run_id, version, stream, last, closed)
SELECT c.root_id, c.run_id, c.version, c.stream, c.last, c.closed
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),
    pg_catalog.unnest($5), pg_catalog.unnest($6)) AS c (root_id, run_id, version, stream, last, closed)
