-- hold: ANY ($1)
SELECT l.root_id, pg_catalog.count(*) FROM (
    SELECT r.root_id, r.finished_at FROM runmeta.run AS r
    WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($1) FOR UPDATE SKIP LOCKED
) AS l
GROUP BY l.root_id
HAVING pg_catalog.bool_and(l.finished_at IS NOT NULL AND l.finished_at OPERATOR(pg_catalog.<) $2)
