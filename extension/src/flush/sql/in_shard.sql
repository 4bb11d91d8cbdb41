WITH locked AS MATERIALIZED (
    SELECT r.root_id, r.id, r.metadata, r.version, r.size_bound, c.lists,
        COALESCE(r.finished_at OPERATOR(pg_catalog.<) $5, false) AS is_closed
    FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS c (id, root_id, lists)
    JOIN runmeta.run AS r ON r.root_id OPERATOR(pg_catalog.=) c.root_id AND r.id OPERATOR(pg_catalog.=) c.id
    WHERE r.root_id OPERATOR(pg_catalog.=) ANY ($2)
    ORDER BY r.id COLLATE pg_catalog."C"
    FOR NO KEY UPDATE OF r
), applied AS MATERIALIZED (
    SELECT l.root_id, l.id, a.document, a.size_bound, a.version, a.outcomes, a.unapplied
    FROM locked AS l
    CROSS JOIN LATERAL runmeta._apply_in_shard(l.id, l.metadata, l.version, l.size_bound, l.is_closed, l.lists, $6) AS a
), stored AS (
    UPDATE runmeta.run AS r
    SET metadata = a.document, version = a.version, updated_at = $4, size_bound = a.size_bound
    FROM applied AS a
    WHERE r.root_id OPERATOR(pg_catalog.=) a.root_id AND r.id OPERATOR(pg_catalog.=) a.id
        AND r.root_id OPERATOR(pg_catalog.=) ANY ($2)
        AND a.document IS NOT NULL
    RETURNING r.id
)
SELECT a.id, a.version, a.outcomes, a.unapplied, a.document IS NOT NULL, s.id IS NOT NULL
FROM applied AS a
LEFT JOIN stored AS s ON s.id OPERATOR(pg_catalog.=) a.id
