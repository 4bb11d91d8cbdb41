-- Whether the layout is split, and the role may read how the tables agree.
SELECT pg_catalog.has_table_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE n.nspname OPERATOR(pg_catalog.=) 'runmeta' AND c.relname OPERATOR(pg_catalog.=) 'layout'
