SELECT t.run_id, pg_catalog."left"(p.parent_id, 256), h.is_there,
    -- There is no run with such an id to wait for.
    h.is_late OR pg_catalog.octet_length(p.parent_id) OPERATOR(pg_catalog.=) 0
        OR pg_catalog.octet_length(p.parent_id) OPERATOR(pg_catalog.>) 255
FROM (
    SELECT w.run_id, pg_catalog.min(w.id) AS id,
        pg_catalog.min(w.id) FILTER (WHERE w.parent_id IS NOT NULL) AS named_at,
        pg_catalog.bool_or(NOT w.is_deleted) AS is_there,
        pg_catalog.min(w.at) OPERATOR(pg_catalog.<)
            (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) interval '1 minute')
            AS is_late
    FROM runmeta.transition AS w
    WHERE w.run_id OPERATOR(pg_catalog.=) ANY ($1)
    GROUP BY w.run_id
) AS h
JOIN runmeta.transition AS t ON t.run_id OPERATOR(pg_catalog.=) h.run_id AND t.id OPERATOR(pg_catalog.=) h.id
LEFT JOIN runmeta.transition AS p ON p.run_id OPERATOR(pg_catalog.=) h.run_id AND p.id OPERATOR(pg_catalog.=) h.named_at
ORDER BY t.run_id
FOR UPDATE OF t
