DELETE FROM runmeta.writer AS d WHERE d.id OPERATOR(pg_catalog.=) ANY (ARRAY( -- plain
    SELECT w.id FROM runmeta.writer AS w WHERE w.updated_at OPERATOR(pg_catalog.<) LEAST( -- plain
-- citus: DELETE FROM runmeta.writer AS w WHERE w.updated_at OPERATOR(pg_catalog.<) LEAST(
        -- The digit of a UUID's version. One of version 8 names a single batch, which nobody sends again after a day.
        CASE WHEN pg_catalog.substr(w.id::pg_catalog.text, 15, 1) OPERATOR(pg_catalog.=) '8'
            THEN 'infinity'::pg_catalog.timestamptz ELSE $1 END,
        $2 OPERATOR(pg_catalog.-) '1 day'::pg_catalog.interval)
    FOR UPDATE SKIP LOCKED)) -- plain
