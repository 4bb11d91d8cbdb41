        AND t.id OPERATOR(pg_catalog.<=) (SELECT pg_catalog.max(m.id) FROM (
            SELECT w.id FROM runmeta.transition AS w
            WHERE w.run_id OPERATOR(pg_catalog.=) ANY ($1)
            ORDER BY w.id LIMIT 4000) AS m)
