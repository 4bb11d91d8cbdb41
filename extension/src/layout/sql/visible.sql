SELECT r.id
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c (root_id, id)
JOIN runmeta.run AS r ON r.root_id OPERATOR(pg_catalog.=) c.root_id AND r.id OPERATOR(pg_catalog.=) c.id
