SELECT l.root_id, pg_catalog.count(*) FROM (
    SELECT s.root_id FROM runmeta.stream AS s
    WHERE s.root_id OPERATOR(pg_catalog.=) ANY ($1) FOR UPDATE SKIP LOCKED
) AS l
GROUP BY l.root_id
