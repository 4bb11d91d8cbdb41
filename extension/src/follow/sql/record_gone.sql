INSERT INTO runmeta.transition (adapter, role, run_id, is_deleted, status)
SELECT $2, $3::pg_catalog.name, g.id, true, 'cancelled'
FROM (
    -- Those of a queue that has been made anew under the same name came later.
    SELECT r.id
    FROM runmeta.run AS r
    WHERE r.task OPERATOR(pg_catalog.=) $4 AND r.created_at OPERATOR(pg_catalog.<=) $5 AND r.finished_at IS NULL
    UNION ALL
    -- And those that have no run yet, or one that has finished and goes on.
    SELECT DISTINCT t.run_id
    FROM runmeta.transition AS t
    WHERE t.adapter OPERATOR(pg_catalog.=) $2 AND t.id OPERATOR(pg_catalog.<) $1
        AND (t.task OPERATOR(pg_catalog.=) $4
            OR EXISTS ( -- plain
                SELECT FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) t.run_id -- plain
-- citus:             OR t.run_id OPERATOR(pg_catalog.=) ANY (
-- citus:                 SELECT r.id FROM runmeta.run AS r WHERE r.id OPERATOR(pg_catalog.=) ANY (ARRAY(
-- citus:                     SELECT w.run_id FROM runmeta.transition AS w
-- citus:                     WHERE w.adapter OPERATOR(pg_catalog.=) $2 AND w.id OPERATOR(pg_catalog.<) $1))
                AND r.task OPERATOR(pg_catalog.=) $4 AND r.finished_at IS NOT NULL))
) AS g
WHERE pg_catalog.starts_with(g.id, $6)
    -- A run that a job has started under a name of its own is none of the queue's.
    AND pg_catalog.substr(g.id, pg_catalog.length($6) OPERATOR(pg_catalog.+) 1)
        OPERATOR(pg_catalog.~) '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    AND NOT EXISTS (
        SELECT FROM runmeta.transition AS d
        WHERE d.run_id OPERATOR(pg_catalog.=) g.id AND d.id OPERATOR(pg_catalog.>) $1 AND d.is_deleted)
LIMIT $7
RETURNING run_id
