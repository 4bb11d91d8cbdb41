SELECT s.root_id, s.run_id, s.name
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS c (root_id, run_id, name)
JOIN runmeta.stream AS s ON s.root_id OPERATOR(pg_catalog.=) c.root_id AND s.run_id OPERATOR(pg_catalog.=) c.run_id
    AND s.name OPERATOR(pg_catalog.=) c.name
WHERE s.root_id OPERATOR(pg_catalog.=) ANY ($1) AND s.updated_at OPERATOR(pg_catalog.<) $4
FOR UPDATE OF s SKIP LOCKED
