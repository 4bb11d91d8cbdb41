-- The newest of the unapplied operations, among the last 128 pages of the table.
SELECT u.run_id, u.writer::pg_catalog.text, u.reason, u.detail,
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) u.created_at)::pg_catalog.float8
FROM runmeta.unapplied AS u
WHERE u.ctid OPERATOR(pg_catalog.>=) (
    SELECT pg_catalog.format('(%s,0)', GREATEST(pg_catalog.pg_relation_size('runmeta.unapplied'::pg_catalog.regclass)
        OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::pg_catalog.int8
        OPERATOR(pg_catalog.-) 128, 0))::pg_catalog.tid
)
ORDER BY u.created_at DESC LIMIT 5
