WITH RECURSIVE pending AS (
    (SELECT t.run_id FROM runmeta.transition AS t
    WHERE t.run_id OPERATOR(pg_catalog.>) $1
    ORDER BY t.run_id LIMIT 1)
    UNION ALL
    SELECT n.run_id FROM pending AS p
    CROSS JOIN LATERAL (
        SELECT t.run_id FROM runmeta.transition AS t
        WHERE t.run_id OPERATOR(pg_catalog.>) p.run_id
        ORDER BY t.run_id LIMIT 1
    ) AS n
)
SELECT p.run_id FROM pending AS p LIMIT $2
