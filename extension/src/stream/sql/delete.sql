DELETE FROM runmeta.stream AS s
USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS c (root_id, run_id, name)
WHERE s.root_id OPERATOR(pg_catalog.=) c.root_id AND s.run_id OPERATOR(pg_catalog.=) c.run_id
    AND s.name OPERATOR(pg_catalog.=) c.name
