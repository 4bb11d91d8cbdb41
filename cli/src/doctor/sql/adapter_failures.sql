-- The last failure of each adapter.
SELECT DISTINCT ON (f.adapter) f.adapter, f.role::pg_catalog.text, f.operation, f.jobs[1], f.sqlstate, f.message,
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) f.created_at)::pg_catalog.float8
FROM runmeta.adapter_failure AS f
ORDER BY f.adapter, f.id DESC
