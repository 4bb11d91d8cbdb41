SELECT s.root_id, pg_catalog.count(*) FROM runmeta.stream AS s
WHERE s.root_id OPERATOR(pg_catalog.=) ANY ($1)
GROUP BY s.root_id
