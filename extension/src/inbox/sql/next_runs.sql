WITH RECURSIVE waiting AS (
    (SELECT i.root_id, i.run_id FROM runmeta.inbox AS i
    WHERE (i.root_id, i.run_id) OPERATOR(pg_catalog.>) ($1, $2)
    ORDER BY i.root_id, i.run_id LIMIT 1)
    UNION ALL
    SELECT n.root_id, n.run_id FROM waiting AS w
    CROSS JOIN LATERAL (
        SELECT i.root_id, i.run_id FROM runmeta.inbox AS i
        WHERE (i.root_id, i.run_id) OPERATOR(pg_catalog.>) (w.root_id, w.run_id)
        ORDER BY i.root_id, i.run_id LIMIT 1
    ) AS n
)
SELECT w.root_id, w.run_id FROM waiting AS w LIMIT $3
