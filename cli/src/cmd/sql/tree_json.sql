-- The run $1 and what is below it, each as the client writes a snapshot: members that are null are left out.
SELECT (j.run OPERATOR(pg_catalog.-) ARRAY(
    SELECT e.key FROM pg_catalog.jsonb_each(j.run) AS e
    WHERE e.value OPERATOR(pg_catalog.=) 'null' OR e.key OPERATOR(pg_catalog.=) 'size_bound'
))::pg_catalog.text
FROM (
    SELECT t.ordinality, pg_catalog.to_jsonb(r) AS run
    FROM runmeta.tree($1) WITH ORDINALITY AS t
    JOIN runmeta.live_run AS r ON r.id OPERATOR(pg_catalog.=) t.id
    -- By itself: Citus takes no subquery on the rows of several shards.
    OFFSET 0
) AS j
ORDER BY j.ordinality
