INSERT INTO runmeta.outbox (root_id, run_id, version)
SELECT c.root_id, c.run_id, c.version
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS c (root_id, run_id, version)
