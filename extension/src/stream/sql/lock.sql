-- hold: ANY ($1)
SELECT c.position, s.run_created_at, s.chunks, s.tail, s.attempt, s.closed_at
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) WITH ORDINALITY
    AS c (root_id, run_id, name, position)
JOIN runmeta.stream AS s ON s.root_id OPERATOR(pg_catalog.=) c.root_id AND s.run_id OPERATOR(pg_catalog.=) c.run_id
    AND s.name OPERATOR(pg_catalog.=) c.name
-- citus: WHERE s.root_id OPERATOR(pg_catalog.=) ANY ($1)
ORDER BY c.position
FOR NO KEY UPDATE OF s
