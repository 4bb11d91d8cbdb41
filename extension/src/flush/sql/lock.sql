SELECT r.root_id, r.id, r.metadata, r.version, r.finished_at, r.created_at, r.size_bound
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS c (root_id, id)
JOIN runmeta.run AS r
    ON r.root_id OPERATOR(pg_catalog.=) c.root_id AND r.id OPERATOR(pg_catalog.=) c.id
ORDER BY r.root_id COLLATE pg_catalog."C", r.id COLLATE pg_catalog."C"
FOR NO KEY UPDATE OF r
