DELETE FROM runmeta.run AS r
WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($1)
    AND NOT EXISTS (
        SELECT FROM runmeta.run AS m WHERE m.root_id OPERATOR(pg_catalog.=) r.root_id
            AND (m.finished_at IS NULL OR m.finished_at OPERATOR(pg_catalog.>=) $2))
