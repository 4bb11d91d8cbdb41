DELETE FROM runmeta.writer AS w WHERE w.updated_at OPERATOR(pg_catalog.<) $1
AND w.updated_at OPERATOR(pg_catalog.<)
    (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '1 day'::pg_catalog.interval)
