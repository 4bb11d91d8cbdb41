-- How many children of the run $1 have not finished.
SELECT pg_catalog.count(*)
FROM runmeta.run AS p
JOIN runmeta.run AS c ON c.root_id OPERATOR(pg_catalog.=) p.root_id AND c.parent_id OPERATOR(pg_catalog.=) p.id
WHERE p.id OPERATOR(pg_catalog.=) $1 AND c.finished_at IS NULL
