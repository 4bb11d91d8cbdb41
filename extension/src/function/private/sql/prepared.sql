SELECT p.transaction FROM pg_catalog.pg_prepared_xacts AS p
WHERE p.database OPERATOR(pg_catalog.=) pg_catalog.current_database() AND pg_catalog.starts_with(p.gid, 'citus_')
