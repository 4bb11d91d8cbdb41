-- The last failure of each adapter, and how many there are.
SELECT COALESCE(a.queue, 'a queue that is adapted no more'), f.count, f.operation, f.job, f.sqlstate, f.message,
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) f.created_at)::pg_catalog.float8
FROM (
    SELECT DISTINCT ON (l.adapter) l.adapter, pg_catalog.count(*) OVER (PARTITION BY l.adapter) AS count, l.operation,
        l.jobs[1] AS job, l.sqlstate, l.message, l.created_at
    FROM runmeta.adapter_failure AS l
    ORDER BY l.adapter, l.id DESC
) AS f
LEFT JOIN runmeta.adapter AS a ON a.id OPERATOR(pg_catalog.=) f.adapter
ORDER BY f.adapter
