SELECT FROM pg_catalog.pg_prepared_xacts AS p
WHERE p.database OPERATOR(pg_catalog.=) pg_catalog.current_database() LIMIT 1
