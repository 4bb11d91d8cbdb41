DELETE FROM runmeta.writer AS d WHERE d.id OPERATOR(pg_catalog.=) ANY (ARRAY(
    SELECT w.id FROM runmeta.writer AS w WHERE w.updated_at OPERATOR(pg_catalog.<) LEAST($1,
        pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '1 day'::pg_catalog.interval)
    FOR UPDATE SKIP LOCKED))
